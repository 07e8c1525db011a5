import assert from "node:assert/strict";
import { DurableStore } from "../../src/store/durable_store.ts";
import { type CommitReport, timed } from "../../src/store/timed_disk.ts";
import { until } from "../helpers/async.ts";
import { FakeClock } from "../helpers/clock.ts";
import { DISK_FULL, FaultyDisk, memoryDisk } from "../state/helpers.ts";
import { set } from "./contract.ts";

Deno.test("timed disk - every write is told, with its time, what shared it and whether it failed", async () => {
  const clock = new FakeClock();
  const told: CommitReport[] = [];
  const loaded = memoryDisk();
  const disk = new FaultyDisk(loaded.disk);
  const store = new DurableStore(timed({ ...loaded, disk }, (one) => told.push(one), clock), {
    clock,
  });
  const write = (key: string) => store.commit({ mutations: [set("a", key, 1)], source: "t" });
  const release = disk.hold();
  const both = [write("k"), write("l")];
  await until("the disk is at it", () => disk.writes === 1);
  clock.advance(7);
  release();
  await Promise.all(both);
  disk.fault = DISK_FULL;
  await assert.rejects(write("m"), { code: "storage_full" });
  // What changes nothing goes to no disk.
  await assert.rejects(
    store.commit({ mutations: [{ kind: "delete", scope: "b", key: "k" }], source: "t" }),
    { code: "scope_not_found" },
  );
  assert.deepEqual(told, [
    { tookMs: 7, transactions: 2, ok: true },
    { tookMs: 0, transactions: 1, ok: false },
  ]);
});

Deno.test("timed disk - deletes get the space set aside, as without it", async () => {
  const loaded = memoryDisk();
  const disk = new FaultyDisk(loaded.disk);
  await using store = new DurableStore(timed({ ...loaded, disk }, () => {}));
  await store.commit({ mutations: [set("a", "k", 1)], source: "t" });
  disk.fault = DISK_FULL;
  const drop = { mutations: [{ kind: "delete", scope: "a", key: "k" } as const], source: "t" };
  await assert.rejects(store.commit(drop), { code: "storage_full" });
  assert.equal(disk.roomMade, 1);
});
