/** Brokers that are none: what a worker may find behind its port. */

import assert from "node:assert/strict";
import { Broker } from "../../../src/mdp/broker.ts";
import { Client } from "../../../src/mdp/client.ts";
import type { Poller } from "../../../src/zmq/poller.ts";
import { bytes, until } from "../../helpers/async.ts";
import { message, show, wire } from "../wire.ts";
import { fill } from "./broker_site.ts";
import { concat, encode, greeting, handshake } from "./raw.ts";

const ROUTER = handshake({ socketType: "ROUTER" });

/** What is said to whoever connects; `undefined` closes the connection at once. */
export const FALSE_BROKERS: readonly (readonly [name: string, says: Uint8Array | undefined])[] = [
  ["closes every connection", undefined],
  ["says nothing", fill(0)],
  ["speaks HTTP", bytes("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")],
  ["says half a greeting", greeting().subarray(0, 11)],
  ["says a greeting and no more", greeting()],
  ["has a mechanism nobody has", handshake({ mechanism: "CURE" })],
  ["is a PUB", handshake({ socketType: "PUB" })],
  ["is a DEALER", handshake({ socketType: "DEALER" })],
  ["has a type of no socket", handshake({ socketType: "FOO" })],
  ["says 300 zeros", fill(300, 0)],
  ["says 300 times 0xff", fill(300, 0xff)],
  ["speaks ZMTP 1.0", concat([1, 0, 2, 0], bytes("x"))],
  ["has an identity of 300 kB", handshake({ socketType: "ROUTER", identity: fill(300_000) })],
  ["announces a frame of 2^62 bytes", concat(ROUTER, [2, 0x40, 0, 0, 0, 0, 0, 0, 0], fill(9))],
  ["sends half a message", concat(ROUTER, encode(wire.mdp01.toWorker("client", "body"), true))],
];

/** One at `port` until the worker has come to it; then a real one is there, and served. */
export async function beFalseBroker(
  poller: Poller,
  port: number,
  says: Uint8Array | undefined,
): Promise<void> {
  const connections: Deno.TcpConn[] = [];
  const listener = Deno.listen({ hostname: "127.0.0.1", port });
  const accepting = (async () => {
    for await (const connection of listener) {
      connections.push(connection);
      if (says) connection.write(says).catch(() => {});
      else connection.close();
    }
  })();
  // One that is closed at once is tried again.
  await until("the worker comes", () => connections.length >= (says ? 1 : 3));
  listener.close();
  await accepting;
  for (const connection of says ? connections : []) connection.close();
  // It gets to a worker that goes on where the false one left off, until it is told otherwise.
  const endpoint = `tcp://127.0.0.1:${port}`;
  await using broker = await Broker.bind({ poller, endpoint, heartbeatMs: 500, liveness: 10 });
  await using client = new Client({ poller, endpoint, timeoutMs: 10_000 });
  assert.deepEqual(show(await client.request("good", message("still", "there"))), [
    "still",
    "there",
  ]);
  // W2, W10: whatever the false one took of it, READY was the first that the real one heard.
  assert.equal(broker.status().disconnected, 0);
}
