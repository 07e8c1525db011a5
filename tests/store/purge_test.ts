import assert from "node:assert/strict";
import * as layout from "../../src/store/deno_kv_layout.ts";
import { Purge } from "../../src/store/deno_kv_purge.ts";
import { encodeRecord } from "../../src/store/record.ts";
import { until } from "../helpers/async.ts";
import { FakeClock } from "../helpers/clock.ts";
import { tempDir } from "../helpers/temp.ts";

Deno.test("purge - what a full disk did not let go is tried again, and told once", async () => {
  await using dir = await tempDir();
  using kv = await Deno.openKv(`${dir.path}/state.db`);
  const garbage = { scopeIds: [], refs: [{ id: "value", pieces: 1 }] };
  const pieces = layout.pieceKeys(garbage.refs[0]!);
  await kv.set(pieces[0]!, encodeRecord(null, "piece"));
  await kv.set(layout.garbageKey("note"), encodeRecord(garbage));
  let [isFull, tries, told] = [true, 0, 0];
  const disk = {
    get: (key: Deno.KvKey) => kv.get(key),
    atomic: () => {
      tries += 1;
      if (isFull) throw new TypeError("database or disk is full");
      return kv.atomic();
    },
  } as Deno.Kv;
  const clock = new FakeClock();
  const purge = new Purge(disk, () => told += 1, clock);
  purge.add([["note", garbage]]);
  await until("it has failed", () => told === 1);
  clock.advance(10_000);
  await until("it was tried again", () => tries === 2);
  isFull = false;
  await until("it is gone", async () => {
    clock.advance(10_000);
    return (await kv.get(layout.garbageKey("note"))).value === null;
  });
  await purge.close();
  assert.equal(told, 1);
  assert.equal((await kv.get(pieces[0]!)).value, null);
});

Deno.test("purge - more versions than one commit of Deno KV takes go in several", async () => {
  await using dir = await tempDir();
  using kv = await Deno.openKv(`${dir.path}/state.db`);
  const versions = Array.from({ length: 2500 }, (_, i) => 2 * i);
  await kv.set(layout.versionKey(versions.at(-1)!), encodeRecord({ r: 1 }));
  await kv.set(layout.garbageKey("note"), encodeRecord({ scopeIds: [], refs: [], versions }));
  const purge = new Purge(kv, (thrown) => assert.fail(thrown as Error));
  purge.add([["note", { scopeIds: [], refs: [], versions }]]);
  await until("it is gone", async () => (await kv.get(layout.garbageKey("note"))).value === null);
  await purge.close();
  assert.equal((await kv.get(layout.versionKey(versions.at(-1)!))).value, null);
});
