import assert from "node:assert/strict";
import { openDenoKv } from "../../src/store/deno_kv.ts";
import * as layout from "../../src/store/deno_kv_layout.ts";
import { streamDenoKv } from "../../src/store/deno_kv_stream.ts";
import { DurableStore } from "../../src/store/durable_store.ts";
import { encodeRecord } from "../../src/store/record.ts";
import { tempDir } from "../helpers/temp.ts";
import { set } from "./contract.ts";
import { problemsOf } from "./databases.ts";

const source = "test";

/** A database with one scope of two keys, to which `records` are added behind its back. */
async function databaseWith(dir: string, records: readonly (readonly [layout.Key, Uint8Array])[]) {
  const path = `${dir}/state.db`;
  {
    await using store = new DurableStore(await openDenoKv({ path }));
    await store.commit({ mutations: [set("a", "k", 1), set("a", "gone", 1)], source });
    await store.commit({ mutations: [{ kind: "delete", scope: "a", key: "gone" }], source });
  }
  const kv = await Deno.openKv(path);
  for (const [key, record] of records) await kv.set(key, record);
  kv.close();
  return path;
}

const stamp = { timeMs: 1, source };
const MISSING = [1000, 1002];

/** What is left of a deleted key, and names versions that are not there. */
function deleted(key: string, revision: number) {
  const tombstone = { ...stamp, revision, deleted: 2000, past: MISSING };
  return layout.encodeDeleted(1, key, tombstone);
}

Deno.test("check - a scope that was being purged when the power went is no problem", async () => {
  await using dir = await tempDir();
  const entry = { ...stamp, value: "1", valueBytes: 1, revision: 1, created: 1, past: MISSING };
  const path = await databaseWith(dir.path, [
    [layout.garbageKey("note"), encodeRecord({ scopeIds: [77], refs: [] })],
    [
      layout.entryKey(77, "k"),
      layout.encodeEntry(layout.entryKey(77, "k"), entry, { id: "value", pieces: 2 }),
    ],
  ]);
  assert.deepEqual(await problemsOf(path), []);
});

Deno.test("check - what was written ahead of a commit that never came is no problem, and means nothing", async () => {
  await using dir = await tempDir();
  const path = await databaseWith(dir.path, [
    // The key is still there; the key was made and deleted by what never came.
    [layout.deletedKey(2000), deleted("k", 3)],
    [layout.deletedKey(2002), deleted("never", 3)],
  ]);
  assert.deepEqual(await problemsOf(path), []);
  {
    using stream = await streamDenoKv(path);
    const keys: string[] = [];
    for await (const record of stream.records) if (record.kind !== "scope") keys.push(record.key);
    assert.deepEqual(keys, ["gone", "gone", "k"]);
  }
  await using store = new DurableStore(await openDenoKv({ path }));
  assert.equal(store.status().revision, 2);
  assert.deepEqual(await store.history("a", "never"), []);
  assert.equal((await store.history("a", "k")).length, 1);
});

Deno.test("check - a version that a key names, deleted or not, and that is not there is told", async () => {
  await using dir = await tempDir();
  const path = await databaseWith(dir.path, [[layout.deletedKey(2000), deleted("other", 2)]]);
  assert.deepEqual(
    await problemsOf(path),
    MISSING.map((number) => `earlier version ${number} is missing`),
  );
});

Deno.test("check - a database that nothing was written to has no problems, one without its meta record has", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  await new DurableStore(await openDenoKv({ path }))[Symbol.asyncDispose]();
  assert.deepEqual(await problemsOf(path), []);
  {
    await using store = new DurableStore(await openDenoKv({ path }));
    await store.commit({ mutations: [{ kind: "create-scope", scope: "a" }], source });
  }
  {
    using kv = await Deno.openKv(path);
    await kv.delete(layout.META_KEY);
  }
  assert.deepEqual(await problemsOf(path), ["the meta record is missing"]);
});
