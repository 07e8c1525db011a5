import assert from "node:assert/strict";
import { encodeKey, metaRecord, VersionNumbers } from "../../src/store/deno_kv_encode.ts";
import { fillDenoKv, type RawRecord } from "../../src/store/deno_kv_fill.ts";
import * as layout from "../../src/store/deno_kv_layout.ts";
import { Purge } from "../../src/store/deno_kv_purge.ts";
import { decodeRecord, encodeRecord } from "../../src/store/record.ts";
import { until } from "../helpers/async.ts";
import { FakeClock } from "../helpers/clock.ts";
import { tempDir } from "../helpers/temp.ts";

const [SCOPES, KEYS, PAST] = [20, 50, 4];

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

Deno.test("purge - scopes with a past go in few commits, so that it keeps up with what makes garbage", async () => {
  await using dir = await tempDir();
  await fillDenoKv(`${dir.path}/state.db`, deletedScopes());
  using kv = await Deno.openKv(`${dir.path}/state.db`);
  let commits = 0;
  const counted = {
    get: (key: Deno.KvKey) => kv.get(key),
    list: (...of: Parameters<Deno.Kv["list"]>) => kv.list(...of),
    atomic: () => {
      commits += 1;
      return kv.atomic();
    },
  } as Deno.Kv;
  const purge = new Purge(counted, (thrown) => assert.fail(thrown as Error));
  const notes = await Array.fromAsync(
    kv.list({ prefix: layout.GARBAGE }),
    ({ key, value }) => [key[1] as string, decodeRecord<layout.Garbage>(value).header] as const,
  );
  assert.equal(notes.length, SCOPES);
  purge.add(notes);
  await until("the notes are gone", async () => {
    for await (const _ of kv.list({ prefix: layout.GARBAGE })) return false;
    return true;
  });
  await purge.close();
  const records = SCOPES * (KEYS * (1 + PAST) + 1);
  assert.ok(commits < records / 200, `${records} records took ${commits} commits`);
  for (const prefix of [layout.ENTRIES, layout.VERSIONS]) {
    for await (const { key } of kv.list({ prefix })) assert.fail(`${key} is left`);
  }
});

/** Scopes that were deleted, of keys with a past. */
async function* deletedScopes(): AsyncGenerator<RawRecord> {
  const of = { revision: 1, timeMs: 0, source: "test", scope: "a" };
  const numbers = new VersionNumbers(1);
  for (let scopeId = 1; scopeId <= SCOPES; scopeId += 1) {
    for (let i = 0; i < KEYS; i += 1) {
      const key = `k${i}`;
      const entry = { ...of, revision: 2, created: 1, value: "1" };
      const version = { kind: "version", key, scope: "a", version: { ...of, value: "0" } } as const;
      const last = { kind: "entry", scope: "a", key, entry } as const;
      yield* encodeKey(
        { scopeId, last, past: Array.from({ length: PAST }, () => version) },
        numbers,
      );
    }
    const garbage = { scopeIds: [scopeId], refs: [] };
    yield [layout.garbageKey(`note${scopeId}`), encodeRecord(garbage)];
  }
  yield await Promise.resolve(
    metaRecord({ epoch: "e", revision: 2, nextScopeId: SCOPES + 1, nextVersion: numbers.next }),
  );
}
