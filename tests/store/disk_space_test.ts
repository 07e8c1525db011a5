import assert from "node:assert/strict";
import { DiskSpace, type Space } from "../../src/store/disk_space.ts";
import { until } from "../helpers/async.ts";
import { FakeClock } from "../helpers/clock.ts";
import { tempDir } from "../helpers/temp.ts";

Deno.test("disk space - what is told is seconds old, also when nobody has asked for long", async () => {
  const clock = new FakeClock();
  let [looks, freeBytes] = [0, 100];
  const look = (): Promise<Space> => {
    looks += 1;
    return Promise.resolve({ freeBytes });
  };
  using space = new DiskSpace("state.db", clock, look);
  clock.advance(500);
  freeBytes = 7;
  await until("a month has passed", () => {
    clock.advance(10_000);
    return looks > 3;
  });
  assert.deepEqual(space.read(), { freeBytes: 7 });
});

Deno.test("disk space - a disk that hangs is asked once, and nobody waits for it", () => {
  const clock = new FakeClock();
  let looks = 0;
  const look = (): Promise<Space> => {
    looks += 1;
    return new Promise(() => {});
  };
  using space = new DiskSpace("state.db", clock, look);
  clock.advance(60_000);
  assert.deepEqual(space.read(), {});
  assert.equal(looks, 1);
  space[Symbol.dispose]();
  clock.advance(60_000);
  assert.equal(looks, 1);
});

Deno.test("disk space - of a database, its log, and the file system", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  await Deno.writeFile(path, new Uint8Array(4096));
  await Deno.writeFile(`${path}-wal`, new Uint8Array(100));
  using space = new DiskSpace(path);
  await until("it has looked", () => space.read().databaseBytes === 4096);
  assert.equal(space.read().walBytes, 100);
  assert.ok(space.read().freeBytes! > 0);
});
