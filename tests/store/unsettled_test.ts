import assert from "node:assert/strict";
import { openDenoKv } from "../../src/store/deno_kv.ts";
import * as layout from "../../src/store/deno_kv_layout.ts";
import { streamDenoKv } from "../../src/store/deno_kv_stream.ts";
import { DurableStore } from "../../src/store/durable_store.ts";
import { decodeRecord } from "../../src/store/record.ts";
import { openRecovering, recover } from "../../src/store/recovery.ts";
import type { Mutation } from "../../src/state/store.ts";
import { until } from "../helpers/async.ts";
import { tempDir } from "../helpers/temp.ts";
import { set } from "./contract.ts";
import { problemsOf } from "./databases.ts";

const source = "test";

/** A store on a database of which the test can see the records; closed, and open again. */
async function place(unsettledMax?: number) {
  const dir = await tempDir();
  const path = `${dir.path}/state.db`;
  const open = async () =>
    new DurableStore(
      await openDenoKv(unsettledMax === undefined ? { path } : { path, unsettledMax }),
    );
  /** The records under a prefix. */
  const records = async (prefix: layout.Key) => {
    using kv = await Deno.openKv(path);
    const found: { key: layout.Key; value: Uint8Array }[] = [];
    for await (const { key, value } of kv.list({ prefix })) {
      found.push({ key: key as layout.Key, value: value as Uint8Array });
    }
    return found;
  };
  const edit = async (change: (atomic: Deno.AtomicOperation) => void) => {
    using kv = await Deno.openKv(path);
    const atomic = kv.atomic();
    change(atomic);
    await atomic.commit();
  };
  const problems = () => problemsOf(path);
  return {
    path,
    open,
    records,
    edit,
    problems,
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
}

function put(store: DurableStore, key: string, value: unknown, scope = "a"): Promise<unknown> {
  return store.commit({ mutations: [set(scope, key, value)], source });
}

Deno.test("unsettled - a key that changes again costs one record, and is what it is after a restart", async () => {
  await using at = await place();
  {
    await using store = await at.open();
    for (let i = 0; i < 30; i += 1) await put(store, "k", i);
  }
  const [entry] = await at.records(layout.ENTRIES);
  assert.equal(layout.decodeEntry(entry!.key, entry!.value).header.r, 1);
  // Eight that are kept, and the one that it is.
  assert.equal((await at.records(layout.VERSIONS)).length, 9);
  await using store = await at.open();
  const { value, revision, created } = store.get("a", "k")!;
  assert.deepEqual([value, revision, created], ["29", 30, 1]);
  const history = await store.history("a", "k");
  assert.deepEqual(
    history.map(({ value, revision }) => [value, revision]),
    Array.from({ length: 9 }, (_, i) => [`${29 - i}`, 30 - i]),
  );
});

Deno.test("unsettled - what is listed too long is settled, and named by its entry from then on", async () => {
  await using at = await place(4);
  {
    await using store = await at.open();
    for (const round of [1, 2]) {
      for (let i = 0; i < 20; i += 1) await put(store, `k${i}`, round);
    }
  }
  assert.ok((await at.records(layout.UNSETTLED)).length <= 5);
  const settled = (await at.records(layout.ENTRIES))
    .map(({ key, value }) => layout.decodeEntry(key, value).header)
    .filter(({ a }) => a !== undefined);
  assert.ok(settled.length >= 15, `${settled.length} settled`);
  {
    await using store = await at.open();
    for (let i = 0; i < 20; i += 1) assert.equal(store.get("a", `k${i}`)!.value, "2");
    // What is settled is not written again when it becomes the past.
    await put(store, "k0", 3);
    const past = await store.history("a", "k0");
    assert.deepEqual(past.map(({ value }) => value), ["3", "2", "1"]);
  }
  assert.equal((await at.records(layout.VERSIONS)).length, 41);
  assert.deepEqual(await at.problems(), []);
});

Deno.test("unsettled - many at once are settled before a commit, which takes no more than Deno KV does", async () => {
  await using at = await place(100);
  {
    await using store = await at.open();
    for (let round = 1; round <= 4; round += 1) {
      const keys = Array.from({ length: 2500 }, (_, i) => `${i}-${"n".repeat(300)}`);
      await Promise.all(keys.map((key) => put(store, key, round)));
    }
  }
  await using store = await at.open();
  for (const entry of store.view("a").entries.values()) assert.equal(entry.value, "4");
  assert.equal(store.status().keys, 2500);
});

Deno.test("unsettled - what a key was does not come back once it is deleted, over, or made anew", async () => {
  await using at = await place();
  const drop: Mutation = { kind: "delete-scope", scope: "b" };
  {
    await using store = await at.open();
    const none: Mutation = { kind: "configure-scope", scope: "none", settings: { history: 0 } };
    for (const key of ["deleted", "anew", "large"]) {
      for (const value of [1, 2]) await put(store, key, value);
    }
    for (const value of [1, 2]) await put(store, "k", value, "none");
    for (const value of [1, 2]) await put(store, "k", value, "b");
    await store.commit({ mutations: [{ kind: "delete", scope: "a", key: "deleted" }], source });
    await store.commit({ mutations: [{ kind: "delete", scope: "a", key: "anew" }], source });
    await put(store, "anew", 3);
    await put(store, "large", "x".repeat(1000));
    // Without a past nothing of it is left, not even that it was deleted.
    await store.commit({ mutations: [none], source });
    await store.commit({ mutations: [{ kind: "delete", scope: "none", key: "k" }], source });
    await store.commit({ mutations: [drop, set("b", "other", 1)], source });
  }
  await using store = await at.open();
  const keys = (scope: string) =>
    [...store.view(scope).entries].map(([key, { value }]) => [key, value.slice(0, 4)]);
  assert.deepEqual(keys("a").toSorted(), [["anew", "3"], ["large", '"xxx']]);
  assert.deepEqual(keys("none"), []);
  assert.deepEqual(keys("b"), [["other", "1"]]);
});

Deno.test("unsettled - of a scope that is deleted nothing is left, however new its keys were", async () => {
  await using at = await place();
  {
    await using store = await at.open();
    for (let i = 0; i < 200; i += 1) await put(store, `k${i % 10}`, i);
    await store.commit({ mutations: [{ kind: "delete-scope", scope: "a" }], source });
    await until("it is purged", async () => (await at.records(layout.GARBAGE)).length === 0);
  }
  assert.deepEqual(await at.records(layout.ENTRIES), []);
  assert.deepEqual(await at.records(layout.VERSIONS), []);
});

Deno.test("unsettled - where another process has written, what was settled before is as it was", async () => {
  await using at = await place(4);
  {
    await using store = await at.open();
    for (const round of [1, 2]) {
      await Promise.all(Array.from({ length: 20 }, (_, i) => put(store, `k${i}`, round)));
    }
    using kv = await Deno.openKv(at.path);
    const { value } = await kv.get(layout.META_KEY);
    await kv.set(layout.META_KEY, value);
    await assert.rejects(put(store, "k0", 3), { code: "storage_unavailable" });
  }
  await using store = await at.open();
  for (let i = 0; i < 20; i += 1) assert.equal(store.get("a", `k${i}`)!.value, "2");
});

Deno.test("unsettled - a backup of the file has what keys are", async () => {
  await using at = await place();
  {
    await using store = await at.open();
    for (const value of [1, 2, 3]) await put(store, "k", value);
  }
  using stream = await streamDenoKv(at.path);
  const said: unknown[] = [];
  for await (const record of stream.records) {
    if (record.kind === "scope") said.push(record.revision);
    if (record.kind === "entry") said.push([record.entry.value, record.entry.revision]);
    if (record.kind === "version") said.push(record.version.value);
  }
  assert.deepEqual(said, [3, ["3", 3], "2", "1"]);
});

/** What of a key that is newer than its entry is damaged, and whether it can still be told what it is. */
const DAMAGES = [
  { what: ["h"], value: undefined },
  { what: ["u"], value: "2" },
  { what: ["h", "e"], value: undefined },
  { what: ["e"], value: undefined },
] as const;

for (const { what, value } of DAMAGES) {
  Deno.test(`unsettled - with ${what.join(" and ")} damaged a key is never what it was, and is named`, async () => {
    await using at = await place();
    {
      await using store = await at.open();
      for (const value of [1, 2]) await put(store, "k", value);
      await put(store, "other", 1);
    }
    for (const prefix of what) {
      const found = await at.records([prefix]);
      const { key, value } = prefix === "h"
        ? found.find(({ value }) => layout.decodePast(value).header.r === 2)!
        : found[0]!;
      const damaged = value.with(20, value[20]! ^ 1);
      await at.edit((atomic) => atomic.set(key, damaged));
    }
    assert.notDeepEqual(await at.problems(), []);
    const { loaded, notices } = await openRecovering({ path: at.path, onDamage: "start" });
    {
      await using store = new DurableStore(loaded);
      assert.equal(store.status().damaged, 0);
      assert.equal(store.get("a", "k")?.value, value);
      assert.equal(store.get("a", "other")!.value, "1");
    }
    const report = await Deno.readTextFile(notices.all[0]!.report);
    if (value === undefined) assert.match(report, /^lost a "k"$/m);
    assert.deepEqual(await at.problems(), []);
  });
}

Deno.test("unsettled - after a recovery nothing names a version that is lost", async () => {
  await using at = await place();
  {
    await using store = await at.open();
    for (const key of ["k", "deleted"]) for (const value of [1, 2, 3]) await put(store, key, value);
    await store.commit({ mutations: [{ kind: "delete", scope: "a", key: "deleted" }], source });
  }
  const second = (await at.records(layout.VERSIONS))
    .filter(({ value }) => layout.decodePast(value).header.p?.length === 1);
  assert.equal(second.length, 2);
  await at.edit((atomic) => {
    for (const { key, value } of second) atomic.set(key, value.with(20, value[20]! ^ 1));
  });
  assert.equal((await at.problems()).length, 2);
  const text = await recover(at.path, ["a test says so"], { path: at.path, onDamage: "start" });
  assert.match(text, /2 earlier versions of keys are lost/);
  assert.deepEqual(await at.problems(), []);
  await using store = await at.open();
  const values = async (key: string) => (await store.history("a", key)).map(({ value }) => value);
  assert.deepEqual(await values("k"), ["3", "1"]);
  assert.deepEqual(await values("deleted"), [undefined, "3", "1"]);
});

Deno.test("unsettled - lists name what is newer, by revision", async () => {
  await using at = await place();
  {
    await using store = await at.open();
    for (const value of [1, 2]) await put(store, "k", value);
  }
  const [{ key, value }] = await at.records(layout.UNSETTLED) as [
    { key: layout.Key; value: Uint8Array },
  ];
  assert.deepEqual(key, ["u", 0]);
  const [version] = (await at.records(layout.VERSIONS))
    .filter(({ value }) => layout.decodePast(value).header.r === 2);
  const { l } = decodeRecord<{ l: unknown }>(value, key).header;
  assert.deepEqual(l, [[version!.key[1], 2, 1, "k"]]);
});
