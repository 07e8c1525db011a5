import assert from "node:assert/strict";
import { connectable } from "../../src/zmq/address.ts";

Deno.test("address - every interface is this host, or the one that is named; others stay as they are", () => {
  const cases: [address: string, here: string, there: string][] = [
    ["tcp://0.0.0.0:1", "tcp://127.0.0.1:1", "tcp://plant:1"],
    ["tcp://[::]:1", "tcp://[::1]:1", "tcp://plant:1"],
    ["tcp://10.0.0.0:1", "tcp://10.0.0.0:1", "tcp://10.0.0.0:1"],
    ["tcp://[fe80::]:1", "tcp://[fe80::]:1", "tcp://[fe80::]:1"],
    ["ipc:///run/0.0.0.0:1", "ipc:///run/0.0.0.0:1", "ipc:///run/0.0.0.0:1"],
  ];
  for (const [address, here, there] of cases) {
    assert.equal(connectable(address), here);
    assert.equal(connectable(address, "plant"), there);
  }
});
