/** What is newer than its entry, in recoveries. */

import assert from "node:assert/strict";
import * as layout from "../../src/store/deno_kv_layout.ts";
import { decodeRecord, encodeRecord } from "../../src/store/record.ts";
import type { RawRecord } from "../../src/store/deno_kv_fill.ts";
import type { StoredEntry } from "../../src/store/mirror.ts";
import { type Loss, recoveredRecords } from "../../src/store/recovery_records.ts";
import { nameOf, type Salvage } from "../../src/store/salvage.ts";
import { until } from "../helpers/async.ts";
import { tempDir } from "../helpers/temp.ts";
import { set } from "./contract.ts";
import {
  backUp,
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

const source = "test";

const TIMES = { timeMs: 0, source };

/** What was found of a database with one scope. */
function salvageOf(records: Iterable<readonly [layout.Key, Uint8Array]>): Salvage {
  const all = [layout.scopeRecord("a", { id: 1 }), ...records];
  return {
    records: new Map(all.map(([key, record]) => [nameOf(key), { key, record }])),
    lost: new Map(),
    isComplete: true,
    mayBeStale: true,
  };
}

/** The records of a recovery, by the names of their keys, and what it says is lost. */
async function recoveredFrom(salvage: Salvage) {
  const losses: Loss[] = [];
  const all = recoveredRecords(salvage, undefined, "epoch", (loss) => losses.push(loss));
  const records = new Map(
    (await Array.fromAsync(all)).map(([key, record]) => [nameOf(key), record]),
  );
  return { records, losses };
}

/** The record of key `k` with a value that says its revision. */
function entryRecord(revision: number, more: Partial<StoredEntry> = {}): RawRecord {
  const at = layout.entryKey(1, "k");
  const value = String(revision);
  const entry = { ...TIMES, value, valueBytes: value.length, revision, created: 1, ...more };
  return [at, layout.encodeEntry(at, entry, undefined)];
}

Deno.test("unsettled - a listed version is lost: its key is named, and no earlier value is there", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  await written(path, [...sets("k", 4), ...sets("other", 3)]);
  await tamper(path, async (kv) => spoil(kv, (await versionsOf(kv, "k")).at(-1)!));
  {
    await using store = await open(path);
    assert.equal(store.get("a", "k"), undefined);
  }
  const { store, lines } = await recovered(path);
  {
    await using _ = store;
    assert.ok(lines.includes('lost a "k"'), lines.join());
    assert.equal(store.get("a", "k"), undefined);
    assert.equal(store.get("a", "other")!.value, "3");
  }
  assert.deepEqual(await problemsOf(path), []);
});

Deno.test("unsettled - a listed version and its list are lost: what may be old is said", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  await written(path, [...sets("k", 4), ...sets("other", 3)]);
  await tamper(path, async (kv) => {
    await spoil(kv, (await versionsOf(kv, "k")).at(-1)!);
    await spoilLists(kv);
  });
  const { store, text, lines } = await recovered(path);
  await using _ = store;
  const isSaid = store.get("a", "k") === undefined
    ? lines.includes('lost a "k"')
    : /values that were replaced.* may be there again/.test(text);
  assert.ok(isSaid, `k is ${store.get("a", "k")?.value}: ${text}`);
  assert.equal(store.get("a", "other")!.value, "3");
});

Deno.test("unsettled - a damaged list alone loses nothing in a recovery", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  await written(path, [...sets("k", 12), ...sets("other", 3)]);
  await tamper(path, spoilLists);
  const { store } = await recovered(path);
  {
    await using _ = store;
    assert.equal(store.get("a", "k")!.value, "12");
    assert.equal((await store.history("a", "k")).length, 9);
    assert.equal(store.get("a", "other")!.value, "3");
  }
  assert.deepEqual(await problemsOf(path), []);
});

Deno.test("unsettled - a settled entry whose version is lost becomes the past like any other", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  await written(path, [...sets("k", 3), ...sets("x", 3)], { unsettledMax: 0 });
  await tamper(path, async (kv) => {
    const { header: { a } } = layout.decodeEntry(
      layout.entryKey(1, "k"),
      (await kv.get(layout.entryKey(1, "k"))).value,
    );
    assert.notEqual(a, undefined, "it is settled");
    await spoil(kv, layout.versionKey(a!));
    await spoil(kv, layout.entryKey(1, "x"));
  });
  const { store } = await recovered(path);
  {
    await using _ = store;
    await put(store, set("a", "k", 4));
    const values = (await store.history("a", "k")).map(({ value }) => value);
    assert.deepEqual(values, ["4", "3", "2", "1"]);
  }
  assert.deepEqual(await problemsOf(path), []);
});

Deno.test("unsettled - an old entry behind a deletion of its key is lost, not empty", async () => {
  const tombstone = { ...TIMES, revision: 8, deleted: 4 };
  const version = layout.encodeVersion({ scopeId: 1, key: "k", content: tombstone }, undefined);
  const { records, losses } = await recoveredFrom(
    salvageOf([entryRecord(5), [layout.versionKey(4), version]]),
  );
  assert.equal(records.has(nameOf(layout.entryKey(1, "k"))), false);
  assert.deepEqual(losses, [{ kind: "lost", scope: "a", key: "k" }]);
});

Deno.test("unsettled - an old entry before a version in pieces gets the value that lies in them", async () => {
  const ref = { id: "x", pieces: 1 };
  const content = { ...TIMES, value: '"large"', valueBytes: 7, revision: 8, created: 1 };
  const piece: RawRecord = [
    layout.pieceKeys(ref)[0]!,
    encodeRecord(null, content.value, ["v", "x", 0]),
  ];
  const version = layout.encodeVersion({ scopeId: 1, key: "k", content }, ref);
  const { records } = await recoveredFrom(
    salvageOf([entryRecord(5), [layout.versionKey(5), version], piece]),
  );
  const at = layout.entryKey(1, "k");
  const { header: { r }, ref: found } = layout.decodeEntry(at, records.get(nameOf(at)));
  assert.deepEqual([r, found], [8, ref]);
});

Deno.test("unsettled - after a recovery nothing new gets a number that a key still names", async () => {
  const { records } = await recoveredFrom(salvageOf([entryRecord(5, { past: [100, 6] })]));
  const { nextVersion } = decodeRecord<layout.Meta>(
    records.get(nameOf(layout.META_KEY)),
    layout.META_KEY,
  ).header;
  assert.ok(nextVersion * 2 > 100, `the next number is ${nextVersion * 2}`);
});

Deno.test("unsettled - what a lost key was does not come back with the next recovery", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  const backups = `${dir.path}/backups`;
  await Deno.mkdir(backups);
  {
    await using store = await open(path);
    await put(store, ...sets("k", 3));
    await backUp(store, `${backups}/x.backup`);
    await put(store, set("a", "k", 4), set("a", "k", 5));
  }
  await tamper(path, async (kv) => spoil(kv, (await versionsOf(kv, "k")).at(-1)!));
  {
    const { store } = await recovered(path, backups);
    await using _ = store;
    assert.equal(store.get("a", "k")!.value, "3", "it has the value of the backup");
    await put(store, ...sets("other", 1));
    await until("the rest is purged", async () => (await store.history("a", "k")).length === 3);
  }
  await tamper(path, (kv) => spoil(kv, layout.entryKey(1, "other")));
  const { store, lines } = await recovered(path);
  await using _ = store;
  assert.deepEqual(lines, ['lost a "other"']);
  assert.equal(store.get("a", "k")!.value, "3");
});
