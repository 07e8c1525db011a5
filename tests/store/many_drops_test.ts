import assert from "node:assert/strict";
import type { Mutation } from "../../src/state/store.ts";
import { openDenoKv } from "../../src/store/deno_kv.ts";
import { encodeKey, metaRecord, VersionNumbers } from "../../src/store/deno_kv_encode.ts";
import { fillDenoKv, type RawRecord } from "../../src/store/deno_kv_fill.ts";
import * as layout from "../../src/store/deno_kv_layout.ts";
import { DurableStore } from "../../src/store/durable_store.ts";
import { until } from "../helpers/async.ts";
import { tempDir } from "../helpers/temp.ts";
import { set } from "./contract.ts";

const source = "test";
const KEYS = 400;
const PAST = 100;
const name = (i: number) => `${i}`.padEnd(100, "k");

/** A scope of which every key has the longest past there is. */
async function* longPast(): AsyncGenerator<RawRecord> {
  const of = { revision: 1, timeMs: 0, source, scope: "a" };
  const numbers = new VersionNumbers(1_000_000);
  yield layout.scopeRecord("a", { id: 1, revision: 1 });
  yield layout.optionsRecord("a", { history: PAST });
  const version = { kind: "version", scope: "a", version: { ...of, value: "0" } } as const;
  for (let i = 0; i < KEYS; i += 1) {
    const key = name(i);
    const entry = { ...of, revision: 2, created: 1, value: "1" };
    const last = { kind: "entry", scope: "a", key, entry } as const;
    const past = Array.from({ length: PAST }, () => ({ ...version, key }));
    yield* encodeKey({ scopeId: 1, last, past }, numbers);
  }
  yield await Promise.resolve(
    metaRecord({ epoch: "e", revision: 2, nextScopeId: 2, nextVersion: numbers.next }),
  );
}

async function countVersions(path: string): Promise<number> {
  using kv = await Deno.openKv(path);
  let count = 0;
  for await (const _ of kv.list({ prefix: layout.VERSIONS }, { batchSize: 1000 })) count += 1;
  return count;
}

const sets = (value: unknown): Mutation[] =>
  Array.from({ length: KEYS }, (_, i) => set("a", name(i), value));
const deletes = (): Mutation[] =>
  Array.from({ length: KEYS }, (_, i) => ({ kind: "delete", scope: "a", key: name(i) }));

for (
  const [what, history, mutations, left] of [
    ["one version is kept", 1, sets("v".repeat(1200)), KEYS],
    ["none is kept", 0, sets("v".repeat(1200)), 0],
    ["none is kept of deleted keys", 0, deletes(), 0],
  ] as const
) {
  Deno.test(`many drops - 400 keys with the longest past, of which ${what}, are one commit`, async () => {
    await using dir = await tempDir();
    const path = `${dir.path}/state.db`;
    await fillDenoKv(path, longPast());
    {
      await using store = new DurableStore(await openDenoKv({ path }));
      assert.equal((await store.history("a", name(7))).length, PAST + 1);
      const settings = { history };
      await store.commit({
        mutations: [{ kind: "configure-scope", scope: "a", settings }],
        source,
      });
      await store.commit({ mutations, source });
      using kv = await Deno.openKv(path);
      await until("the past is purged", async () => {
        for await (const _ of kv.list({ prefix: layout.GARBAGE })) return false;
        return true;
      }, 30_000);
    }
    assert.equal(await countVersions(path), left);
  });
}
