import assert from "node:assert/strict";
import { type Condition, ServiceManager } from "../../src/cli/service_manager.ts";
import { COMMIT_MS_MAX } from "../../src/limits.ts";
import { until } from "../helpers/async.ts";
import { FakeClock } from "../helpers/clock.ts";
import { NotifyReceiver, notifyTest } from "../helpers/notify_receiver.ts";
import { tempDir } from "../helpers/temp.ts";
import { faultyStore, memoryDisk } from "../state/helpers.ts";
import { set } from "../store/contract.ts";

notifyTest(
  "service manager - the watchdog goes hungry while the command is stuck, and only then",
  async () => {
    await using dir = await tempDir();
    const notifySocket = `${dir.path}/notify`;
    await using receiver = await NotifyReceiver.listen(notifySocket);
    const clock = new FakeClock();
    let condition: Condition = { status: "one" };
    using manager = new ServiceManager({ notifySocket, watchdogMs: 1000 }, () => condition, clock);
    const seen = async (count: number) => {
      await receiver.child.until(`${count} notifications`, () => receiver.all.length >= count);
      return receiver.all.slice(count - 1).map(({ fields }) => fields);
    };
    clock.advance(5000);
    manager.ready();
    assert.deepEqual(await seen(2), [{ WATCHDOG: "1" }]);
    clock.advance(500);
    assert.deepEqual(await seen(3), [{ WATCHDOG: "1" }]);
    condition = { status: "two", stuck: "the disk hangs" };
    clock.advance(2000);
    assert.deepEqual(await seen(4), [{ STATUS: "two" }]);
    condition = { status: "two" };
    clock.advance(500);
    assert.deepEqual(await seen(5), [{ WATCHDOG: "1" }]);
    manager.stopping();
    clock.advance(5000);
    assert.deepEqual(await seen(6), [{ STOPPING: "1", STATUS: "stopping" }]);
  },
);

notifyTest("service manager - READY that did not arrive is said again", async () => {
  await using dir = await tempDir();
  const notifySocket = `${dir.path}/notify`;
  const clock = new FakeClock();
  using manager = new ServiceManager({ notifySocket }, () => ({ status: "fine" }), clock);
  manager.ready();
  await using receiver = await NotifyReceiver.listen(notifySocket);
  clock.advance(1000);
  const ready = await receiver.first("READY", ({ fields }) => fields.READY === "1");
  assert.equal(ready.fields.STATUS, "fine");
});

Deno.test("service manager - without one, nothing is asked and nothing happens", () => {
  const clock = new FakeClock();
  const condition = () => assert.fail("nobody wants to know");
  using manager = new ServiceManager({}, condition, clock);
  manager.ready();
  clock.advance(60_000);
  manager.stopping();
});

Deno.test("service manager - the store tells how long the disk has been at a commit", async () => {
  const { store, disk, clock } = faultyStore(memoryDisk());
  const release = disk.hold();
  const committed = store.commit({ mutations: [set("a", "k", 1)], source: "test" });
  await until("the write began", () => disk.writes === 1);
  clock.advance(COMMIT_MS_MAX + 1);
  assert.equal(store.status().commitMs, COMMIT_MS_MAX + 1);
  release();
  await committed;
  assert.equal("commitMs" in store.status(), false);
  disk.fault = new Error("disk I/O error");
  await assert.rejects(store.commit({ mutations: [set("a", "k", 2)], source: "test" }));
  assert.equal("commitMs" in store.status(), false);
});
