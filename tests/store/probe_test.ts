import assert from "node:assert/strict";
import type { Transaction } from "../../src/state/store.ts";
import { openDenoKv } from "../../src/store/deno_kv.ts";
import { checkDenoKv } from "../../src/store/deno_kv_check.ts";
import * as layout from "../../src/store/deno_kv_layout.ts";
import { probeDenoKv } from "../../src/store/deno_kv_probe.ts";
import { DurableStore } from "../../src/store/durable_store.ts";
import { encodeRecord } from "../../src/store/record.ts";
import { until } from "../helpers/async.ts";
import { tempDir } from "../helpers/temp.ts";
import { DISK_FULL, faultyStore, memoryDisk } from "../state/helpers.ts";
import { set } from "./contract.ts";

const PROBE_MS = 2000;
const write = (value: unknown): Transaction => ({
  mutations: [set("a", "k", value)],
  source: "test",
});

Deno.test("probe - a disk that was full and is not any more is found out without anybody who writes", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  {
    const { store, disk, clock } = faultyStore(await openDenoKv({ path }));
    await using _ = store;
    await store.commit(write(1));
    clock.advance(60_000);
    assert.equal(disk.probes, 0);
    disk.fault = DISK_FULL;
    await assert.rejects(store.commit(write(2)), { code: "storage_full" });
    for (let tries = 1; tries <= 3; tries += 1) {
      clock.advance(PROBE_MS);
      await until("it was tried", () => store.status().pending === 0 && disk.probes === tries);
      assert.match(store.status().failure!, /full/);
    }
    disk.fault = undefined;
    const { revision } = store.status();
    await until("it is available", () => {
      clock.advance(PROBE_MS);
      return store.status().available;
    });
    assert.equal(store.status().revision, revision);
    const { probes } = disk;
    clock.advance(60_000);
    assert.equal(disk.probes, probes);
    assert.equal((await store.commit(write(3))).revision, revision + 1);
  }
  const problems: string[] = [];
  const { records } = await checkDenoKv(path, (problem) => problems.push(problem));
  // The store, the scope, the key, what it was and is, and that it is newer: of the probes nothing is left.
  assert.deepEqual([problems, records], [[], 6]);
});

Deno.test("probe - a probe that does not return is noticed, and a write waits for it", async () => {
  const { store, disk, clock } = faultyStore(memoryDisk());
  disk.fault = new Error("disk I/O error");
  await assert.rejects(store.commit(write(1)), { code: "storage_unavailable" });
  const release = disk.hold();
  clock.advance(PROBE_MS);
  await until("it is at it", () => disk.probes === 1);
  clock.advance(60_000);
  assert.deepEqual([store.status().commitMs, disk.probes], [60_000, 1]);
  disk.fault = undefined;
  const committed = store.commit(write(1));
  assert.equal(disk.writes, 1);
  release();
  assert.equal((await committed).revision, 1);
  assert.equal(store.status().available, true);
  await store[Symbol.asyncDispose]();
});

Deno.test("probe - none begins after the end, and the end waits for one that has begun", async () => {
  const { store, disk, clock } = faultyStore(memoryDisk());
  disk.fault = DISK_FULL;
  await assert.rejects(store.commit(write(1)));
  const release = disk.hold();
  clock.advance(PROBE_MS);
  await until("it is at it", () => disk.probes === 1);
  let isClosed = false;
  const closed = store[Symbol.asyncDispose]().then(() => isClosed = true);
  clock.advance(60_000);
  await Promise.resolve();
  assert.equal(isClosed, false);
  release();
  await closed;
  clock.advance(60_000);
  assert.equal(disk.probes, 1);
});

Deno.test("probe - what a crash leaves of one is purged by the next start", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  const piece = layout.pieceKeys({ id: "probe", pieces: 1 })[0]!;
  {
    using kv = await Deno.openKv(path);
    let commits = 0;
    const killed = {
      atomic: () => {
        commits += 1;
        if (commits === 2) throw new Error("killed");
        return kv.atomic();
      },
    } as Deno.Kv;
    await assert.rejects(probeDenoKv(killed), /killed/);
    assert.notEqual((await kv.get(piece)).value, null);
    await kv.set(layout.META_KEY, encodeRecord({ format: 2, epoch: "e", revision: 0 }));
  }
  await using store = new DurableStore(await openDenoKv({ path }));
  using kv = await Deno.openKv(path);
  await until("it is gone", async () => (await kv.get(piece)).value === null);
  assert.equal(store.status().available, true);
});
