import assert from "node:assert/strict";
import { loadServiceManager } from "../../src/config/systemd.ts";

const PID = 4711;

function load(env: Readonly<Record<string, string>>) {
  return loadServiceManager((name) => env[name], PID);
}

Deno.test("systemd settings - without NOTIFY_SOCKET there is no service manager", () => {
  assert.deepEqual(load({}), {});
  assert.deepEqual(load({ NOTIFY_SOCKET: "" }), {});
  assert.deepEqual(load({ WATCHDOG_USEC: "1000000" }), {});
});

Deno.test("systemd settings - the socket and the watchdog's time, in milliseconds", () => {
  const notifySocket = "/run/systemd/notify";
  const watchdog = (env: Readonly<Record<string, string>>) =>
    load({ NOTIFY_SOCKET: notifySocket, ...env });
  assert.deepEqual(watchdog({}), { notifySocket });
  const both = { notifySocket, watchdogMs: 1500 };
  assert.deepEqual(watchdog({ WATCHDOG_USEC: "1500000" }), both);
  assert.deepEqual(watchdog({ WATCHDOG_USEC: "1500000", WATCHDOG_PID: "4711" }), both);
  assert.deepEqual(watchdog({ WATCHDOG_USEC: "1500000", WATCHDOG_PID: "" }), both);
});

Deno.test("systemd settings - a watchdog for another process, or none at all, is none", () => {
  for (
    const env of [
      { WATCHDOG_USEC: "1500000", WATCHDOG_PID: "4712" },
      { WATCHDOG_USEC: "0" },
      { WATCHDOG_USEC: "-5" },
      { WATCHDOG_USEC: "soon" },
      { WATCHDOG_USEC: "" },
    ]
  ) {
    assert.deepEqual(load({ NOTIFY_SOCKET: "@x", ...env }), { notifySocket: "@x" });
  }
});
