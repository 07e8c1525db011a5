import assert from "node:assert/strict";
import { SyncProbe } from "../../src/store/sync_probe.ts";
import { lockDatabase } from "../../src/store/lock.ts";
import { FakeClock } from "../helpers/clock.ts";
import { tempDir } from "../helpers/temp.ts";

Deno.test("sync probe - a sync is timed every ten seconds at most, and the lock stays what it is", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  using _lock = await lockDatabase(path);
  const clock = new FakeClock();
  const told: number[] = [];
  const probe = new SyncProbe(path, (tookMs) => told.push(tookMs), clock);
  await Promise.all([probe.run(), probe.run()]);
  clock.advance(9_999);
  await probe.run();
  assert.equal(told.length, 1);
  clock.advance(1);
  await probe.run();
  assert.equal(told.length, 2);
  assert.equal(await Deno.readTextFile(`${path}.lock`), `${Deno.pid}\n`);
});

Deno.test("sync probe - the time is that of the disk", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  using _lock = await lockDatabase(path);
  let told: number | undefined;
  const startMs = performance.now();
  await new SyncProbe(path, (tookMs) => told = tookMs).run();
  assert.ok(told! > 0 && told! <= performance.now() - startMs, String(told));
});

Deno.test("sync probe - where there is nothing to sync, nothing is told, nor made, nor thrown", async () => {
  await using dir = await tempDir();
  const told: number[] = [];
  await new SyncProbe(`${dir.path}/state.db`, (tookMs) => told.push(tookMs)).run();
  assert.deepEqual([told, [...Deno.readDirSync(dir.path)]], [[], []]);
});
