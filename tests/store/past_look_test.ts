import assert from "node:assert/strict";
import { systemClock } from "../../src/clock.ts";
import { versionKey } from "../../src/store/deno_kv_layout.ts";
import { PastLook, type PastReport } from "../../src/store/deno_kv_past.ts";
import { encodeRecord } from "../../src/store/record.ts";
import { FakeClock } from "../helpers/clock.ts";
import { tempDir } from "../helpers/temp.ts";

/** A database with so many versions, of which every `damagedEach`-th is not as it was written. */
async function withVersions(kv: Deno.Kv, count: number, damagedEach: number): Promise<void> {
  for (let from = 0; from < count; from += 900) {
    const atomic = kv.atomic();
    for (let i = from; i < Math.min(count, from + 900); i += 1) {
      const record = encodeRecord({ r: i, t: 0, s: "", scope: 1, key: "k" }, "1");
      if (i % damagedEach === 0) record[20]! ^= 1;
      atomic.set(versionKey(2 * i), record);
    }
    await atomic.commit();
  }
}

Deno.test("past - all versions are looked at after a start, and those counted that are damaged", async () => {
  await using dir = await tempDir();
  using kv = await Deno.openKv(`${dir.path}/state.db`);
  await withVersions(kv, 1000, 300);
  const report = Promise.withResolvers<PastReport>();
  const look = new PastLook(kv, systemClock, report.resolve);
  assert.deepEqual(await report.promise, { versions: 1000, damaged: 4 });
  await look.close();
});

Deno.test("past - closed in the middle it ends, and reports nothing", async () => {
  await using dir = await tempDir();
  using kv = await Deno.openKv(`${dir.path}/state.db`);
  await withVersions(kv, 10, 3);
  const look = new PastLook(kv, new FakeClock(), () => assert.fail("it was closed"));
  await look.close();
});
