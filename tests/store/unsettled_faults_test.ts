/** What is newer than its entry, where something is damaged, in the way, or interrupted. */

import assert from "node:assert/strict";
import type { Mutation } from "../../src/state/store.ts";
import { openDenoKv } from "../../src/store/deno_kv.ts";
import { allRecords } from "../../src/store/deno_kv_all.ts";
import { fillDenoKv } from "../../src/store/deno_kv_fill.ts";
import { noteIn } from "../../src/store/deno_kv_purge.ts";
import { Unsettled } from "../../src/store/deno_kv_unsettled.ts";
import { Draft } from "../../src/store/draft.ts";
import { emptyScope, Mirror } from "../../src/store/mirror.ts";
import * as layout from "../../src/store/deno_kv_layout.ts";
import { DurableStore } from "../../src/store/durable_store.ts";
import { until } from "../helpers/async.ts";
import { tempDir } from "../helpers/temp.ts";
import { set } from "./contract.ts";
import {
  keysUnder,
  open,
  problemsOf,
  put,
  recovered,
  sets,
  spoil,
  spoilLists,
  tamper,
  versionsOf,
  written,
} from "./databases.ts";
import { DRAFT_START } from "./helpers.ts";

const source = "test";

Deno.test("unsettled - a refused transaction leaves the options of a scope as they were, also in its commit", async () => {
  await using dir = await tempDir();
  await using store = await open(`${dir.path}/state.db`);
  await put(store, ...sets("k", 5));
  const refused: Mutation[] = [
    { kind: "configure-scope", scope: "a", settings: { history: 1 } },
    { kind: "delete", scope: "none", key: "k" },
  ];
  const [first, second] = await Promise.allSettled([
    store.commit({ mutations: refused, source }),
    store.commit({ mutations: [set("a", "k", 6)], source }),
  ]);
  assert.deepEqual([first.status, second.status], ["rejected", "fulfilled"]);
  const values = (await store.history("a", "k")).map(({ value }) => value);
  assert.deepEqual(values, ["6", "5", "4", "3", "2", "1"]);
});

Deno.test("unsettled - where another process has written, nothing of what is there is settled over", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  await using store = await open(path, { unsettledMax: 2 });
  await put(store, ...["k", "l", "m"].flatMap((key) => [set("a", key, 1)]));
  await Promise.all(["k", "l", "m"].map((key) => put(store, set("a", key, 2))));
  const at = layout.entryKey(1, "k");
  const theirs = new Uint8Array([1, 2, 3]);
  await tamper(path, async (kv) => {
    const meta = (await kv.get<Uint8Array>(layout.META_KEY)).value!;
    await kv.atomic().set(layout.META_KEY, meta).set(at, theirs).commit();
  });
  await assert.rejects(put(store, set("a", "n", 1)), /another process/);
  await tamper(path, async (kv) => assert.deepEqual((await kv.get(at)).value, theirs));
});

Deno.test("unsettled - a damaged list brings nothing older back, also without a recovery", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  await written(path, [...sets("k", 4), ...sets("other", 1)]);
  await tamper(path, spoilLists);
  for (let i = 0; i < 2; i += 1) {
    await using store = await open(path);
    const value = store.get("a", "k")?.value;
    assert.ok(value === undefined || value === "4", `found ${value}`);
    assert.equal(store.get("a", "other")!.value, "1");
    assert.ok(store.status().damaged > 0);
  }
  await written(path, [set("a", "other", 2)], { unsettledMax: 0 });
  await using store = await open(path);
  assert.equal(store.status().damaged, 0, "what is settled needs no list");
  assert.equal(store.get("a", "k")!.value, "4");
});

Deno.test("unsettled - a damaged entry that may be newer than what is listed brings nothing older back", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  await written(path, [...sets("k", 3), set("a", "k", "long".repeat(100))]);
  await tamper(path, (kv) => spoil(kv, layout.entryKey(1, "k")));
  {
    await using store = await open(path);
    assert.equal(store.get("a", "k"), undefined);
    assert.equal(store.status().damaged, 1);
  }
  const { store, lines } = await recovered(path);
  await using _ = store;
  assert.deepEqual(lines, ['lost a "k"']);
  assert.equal(store.get("a", "k"), undefined);
});

Deno.test("unsettled - written anew from memory, what a key is becomes the past, though no version can be read", async () => {
  await using dir = await tempDir();
  const anew = `${dir.path}/anew.db`;
  {
    const loaded = await openDenoKv({ path: `${dir.path}/state.db` });
    await using store = new DurableStore(loaded);
    await put(store, ...sets("k", 5));
    const list = () => {
      throw new TypeError("disk I/O error");
    };
    const source = { kv: { list } as unknown as Deno.Kv, mirror: loaded.mirror };
    await fillDenoKv(anew, allRecords({ ...source, meta: loaded.disk.meta }, () => {}));
  }
  await using store = await open(anew);
  await put(store, set("a", "k", 6));
  const values = (await store.history("a", "k")).map(({ value }) => value);
  assert.deepEqual(values, ["6", "5"]);
});

Deno.test("unsettled - to delete a scope, or keys, takes no commit but its own", async () => {
  const mirror = new Mirror();
  const scope = emptyScope(1, "a", 1);
  mirror.addScope(scope);
  const last = { timeMs: 0, source, value: "1", valueBytes: 1, created: 1, past: [2] };
  mirror.put(scope, "k", { ...last, revision: 3, at: 4 });
  mirror.put(scope, "l", { ...last, revision: 5, at: 8 });
  const versions = [
    { number: 4, revision: 3, scopeId: 1, key: "k" },
    { number: 8, revision: 5, scopeId: 1, key: "l" },
  ];
  const full = {
    atomic: () => {
      throw new TypeError("database or disk is full");
    },
  } as unknown as Deno.Kv;
  const unsettled = new Unsettled(full, [{ at: layout.unsettledKey(5), versions }], 0);
  const draftOf = (mutation: Mutation) => {
    const draft = new Draft(mirror, {
      ...DRAFT_START,
      revision: 5,
      nextScopeId: 2,
      nextVersion: 9,
    });
    draft.apply({ mutations: [mutation], source });
    return draft;
  };
  const commit = { key: layout.META_KEY, versionstamp: null };
  await unsettled.prepare(draftOf({ kind: "delete", scope: "a", key: "k" }), commit);
  const dropping = draftOf({ kind: "delete-scope", scope: "a" });
  await unsettled.prepare(dropping, commit);
  assert.deepEqual(unsettled.dropped(dropping), [4, 8]);
});

Deno.test("unsettled - of a scope that is deleted nothing stays, also where that was interrupted", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  await written(path, [...sets("k", 12), ...sets("l", 2)]);
  await tamper(path, async (kv) => {
    // As if the purge had come to the versions of one key, but not to its entry.
    const [k, l] = [await versionsOf(kv, "k"), await versionsOf(kv, "l")];
    const presents = [k, l].map((all) => all.at(-1)![1] as number);
    const atomic = kv.atomic().delete(layout.scopeKey("a"));
    for (const at of k) atomic.delete(at);
    noteIn(atomic, { scopeIds: [1], refs: [], presents });
    await atomic.commit();
  });
  assert.deepEqual(await problemsOf(path), []);
  {
    await using _store = await open(path);
    await tamper(path, (kv) =>
      until("it is purged", async () => {
        const kinds = [layout.ENTRIES, layout.VERSIONS, layout.GARBAGE];
        const left = await Promise.all(kinds.map((prefix) => keysUnder(kv, prefix)));
        return left.flat().length === 0;
      }));
  }
  assert.deepEqual(await problemsOf(path), []);
});
