import assert from "node:assert/strict";
import { SdNotifier } from "../src/sd_notify.ts";
import { silentLog } from "../src/log.ts";
import { pause } from "./helpers/async.ts";
import { NotifyReceiver, notifyTest } from "./helpers/notify_receiver.ts";
import { freePort } from "./helpers/ports.ts";
import { startProgram, writeConfig } from "./helpers/program.ts";
import { tempDir } from "./helpers/temp.ts";
import { Plant } from "./service/harness.ts";

/** An address in a directory, or an abstract one that no other test has. */
function addresses(dir: string): string[] {
  return [`${dir}/notify`, `@plantd-state-test-${crypto.randomUUID()}`];
}

/** A `serve` that finds neither broker nor bus, and a service manager that started it. */
async function startServe(
  dir: string,
  address: string,
  env: Readonly<Record<string, string>> = {},
) {
  const broker = `tcp://127.0.0.1:${freePort()}`;
  const config = await writeConfig(dir, "state.yml", {
    broker: { endpoint: broker, "heartbeat-ms": 200 },
    bus: { endpoint: `tcp://127.0.0.1:${freePort()}` },
    database: { path: `${dir}/state.db` },
  });
  const program = await startProgram(["serve", "--config", config], {
    cwd: dir,
    env: { NOTIFY_SOCKET: address, ...env },
    wait: "nothing",
  });
  return { program, broker };
}

notifyTest(
  "sd_notify - each notification arrives as sd_notify(3) writes it, at both kinds of address",
  async () => {
    await using dir = await tempDir();
    for (const address of addresses(dir.path)) {
      await using receiver = await NotifyReceiver.listen(address);
      using notifier = SdNotifier.open(address, silentLog)!;
      assert.equal(notifier.ready("waiting\nREADY=0"), true);
      assert.equal(notifier.status("serving"), true);
      assert.equal(notifier.watchdog(), true);
      assert.equal(notifier.stopping(), true);
      await receiver.first("the last one", ({ fields }) => fields.STOPPING === "1");
      assert.deepEqual(receiver.all.map(({ fields }) => fields), [
        { READY: "1", STATUS: "waiting READY=0" },
        { STATUS: "serving" },
        { WATCHDOG: "1" },
        { STOPPING: "1", STATUS: "stopping" },
      ]);
      assert.deepEqual(new Set(receiver.all.map(({ pid }) => pid)), new Set([Deno.pid]));
      assert.equal(notifier.failures, 0);
    }
  },
);

Deno.test("sd_notify - nobody there, an address that is none: counted, told, never thrown", async () => {
  await using dir = await tempDir();
  for (const address of addresses(dir.path)) {
    const notifier = SdNotifier.open(address, silentLog);
    if (Deno.build.os !== "linux") assert.equal(notifier, undefined);
    assert.equal(notifier?.ready("x") ?? false, false);
    assert.equal(notifier?.watchdog() ?? false, false);
    assert.equal(notifier?.failures ?? 2, 2);
    notifier?.[Symbol.dispose]();
    notifier?.[Symbol.dispose]();
    assert.equal(notifier?.stopping() ?? false, false);
  }
  for (const address of ["", "@", "relative", "vsock:2:1", `/${"x".repeat(107)}`]) {
    assert.equal(SdNotifier.open(address, silentLog), undefined, address);
  }
});

notifyTest("sd_notify - a service manager that does not read blocks nobody", async () => {
  await using dir = await tempDir();
  const address = `${dir.path}/notify`;
  await using receiver = await NotifyReceiver.listen(address);
  receiver.child.signal("SIGSTOP");
  using notifier = SdNotifier.open(address, silentLog)!;
  // The kernel keeps net.unix.max_dgram_qlen datagrams, 10 to 512, and some in a thousand for sure.
  for (let i = 0; i < 1000; i++) notifier.watchdog();
  assert.ok(notifier.failures > 0);
  receiver.child.signal("SIGCONT");
  await receiver.child.until("there is room again", () => notifier.status("back"));
  await receiver.first("it", ({ fields }) => fields.STATUS === "back");
});

notifyTest(
  "sd_notify - serve says READY without a broker, and the status as it comes; STOPPING at SIGTERM",
  async () => {
    await using dir = await tempDir();
    for (const address of addresses(dir.path)) {
      await using receiver = await NotifyReceiver.listen(address);
      const { program, broker } = await startServe(dir.path, address);
      await using _ = program;
      const ready = await receiver.first("READY", ({ fields }) => fields.READY === "1");
      // It is the first word, and from the process itself (NotifyAccess=main).
      assert.deepEqual(receiver.all[0], ready);
      assert.equal(ready.pid, program.child.pid);
      assert.ok(ready.fields.STATUS!.includes(`waiting for the broker at ${broker}`));
      assert.notEqual(await program.health(), undefined);

      await using network = await startProgram(["broker", "--endpoint", broker], {
        env: { PLANTD_BROKER_CONFIG: await brokerConfig(dir.path) },
      });
      await receiver.first(
        "the status changes when the broker answers",
        ({ fields }) => !!fields.STATUS && !fields.STATUS.includes("the broker"),
      );
      await network.stop();
      await receiver.first(
        "and back when it goes",
        ({ fields, atMs }) => !!fields.STATUS?.includes("the broker") && atMs > ready.atMs,
      );

      assert.equal((await program.stop()).code, 0);
      assert.equal(receiver.all.at(-1)!.fields.STOPPING, "1");
      assert.equal(receiver.with("STOPPING").length, 1);
      assert.equal(receiver.with("READY").length, 1);
      assert.equal(receiver.with("WATCHDOG").length, 0);
    }
  },
);

/** Buses on free ports, and heartbeats as fast as those of {@link startServe}. */
async function brokerConfig(dir: string): Promise<string> {
  return await writeConfig(dir, "broker.yml", { "heartbeat-ms": 200, buses: [] });
}

notifyTest(
  "sd_notify - no READY while the database belongs to another process, and exit code 4",
  async () => {
    await using dir = await tempDir();
    await using plant = await Plant.make({ "database.path": `${dir.path}/state.db` });
    await using _service = await plant.startService();
    const address = `${dir.path}/notify`;
    await using receiver = await NotifyReceiver.listen(address);
    const { program } = await startServe(dir.path, address);
    await using _ = program;
    assert.equal((await program.child.ended).code, 4);
    assert.match(program.stderr, /in use by process/);
    // Sockets keep order: had there been another one, it would come before this.
    using notifier = SdNotifier.open(address, silentLog)!;
    notifier.status("the end");
    await receiver.first("the end", ({ fields }) => fields.STATUS === "the end");
    assert.equal(receiver.all.length, 1);
  },
);

notifyTest(
  "sd_notify - the watchdog is told twice within its time, and not at all if it is another's",
  async () => {
    await using dir = await tempDir();
    const [path, abstract] = addresses(dir.path);
    await using receiver = await NotifyReceiver.listen(path!);
    await using other = await NotifyReceiver.listen(abstract!);
    const WATCHDOG_USEC = "400000";
    const { program } = await startServe(dir.path, path!, { WATCHDOG_USEC });
    await using _program = program;
    await using elsewhere = await tempDir();
    const { program: foreign } = await startServe(elsewhere.path, abstract!, {
      WATCHDOG_USEC,
      WATCHDOG_PID: "1",
    });
    await using _foreign = foreign;
    await other.first("READY", ({ fields }) => fields.READY === "1");
    await receiver.child.until("ten of them", () => receiver.with("WATCHDOG").length >= 10, 20_000);
    const at = receiver.with("WATCHDOG").map(({ atMs }) => atMs);
    const gaps = at.slice(1).map((ms, i) => ms - at[i]!).sort((a, b) => a - b);
    // The median, because the machine that tests this may be busy.
    assert.ok(Math.abs(gaps[gaps.length >> 1]! - 200) < 100, `gaps: ${gaps}`);
    assert.equal(other.with("WATCHDOG").length, 0);
  },
);

notifyTest("sd_notify - a process that hangs is not vouched for", async () => {
  await using dir = await tempDir();
  const address = `${dir.path}/notify`;
  await using receiver = await NotifyReceiver.listen(address);
  const { program } = await startServe(dir.path, address, { WATCHDOG_USEC: "200000" });
  await using _ = program;
  await receiver.first("WATCHDOG", ({ fields }) => fields.WATCHDOG === "1");
  program.child.signal("SIGSTOP");
  const before = receiver.with("WATCHDOG").length;
  await pause(400);
  assert.ok(receiver.with("WATCHDOG").length <= before + 1, "one may have been on its way");
  program.child.signal("SIGCONT");
  await receiver.child.until("it goes on", () => receiver.with("WATCHDOG").length > before + 1);
});

notifyTest("sd_notify - broker says READY and STOPPING, too", async () => {
  await using dir = await tempDir();
  const address = `${dir.path}/notify`;
  await using receiver = await NotifyReceiver.listen(address);
  const endpoint = `tcp://127.0.0.1:${freePort()}`;
  await using broker = await startProgram(["broker", "--endpoint", endpoint], {
    env: { NOTIFY_SOCKET: address, PLANTD_BROKER_CONFIG: await brokerConfig(dir.path) },
  });
  const ready = await receiver.first("READY", ({ fields }) => fields.READY === "1");
  assert.deepEqual(ready.fields, { READY: "1", STATUS: `serving at ${endpoint}` });
  assert.equal((await broker.stop()).code, 0);
  await receiver.first("STOPPING", ({ fields }) => fields.STOPPING === "1");
});
