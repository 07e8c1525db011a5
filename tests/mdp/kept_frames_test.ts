import assert from "node:assert/strict";
import type { Frames } from "../../src/mdp/frames.ts";
import { Outbox } from "../../src/mdp/outbox.ts";
import { Registry } from "../../src/mdp/registry.ts";
import { DEFAULT_BROKER_LIMITS, type RegistryAction } from "../../src/mdp/registry_types.ts";
import { bytes } from "../helpers/async.ts";
import { partial, wire } from "./wire.ts";

const { mdp01, mdp02 } = wire;

/** Frames as they come in: parts of memory that others have parts of, too. */
function shared(frames: Frames): Uint8Array[] {
  return frames.map((frame) => {
    const memory = new Uint8Array(8192);
    memory.set(frame, 100);
    return memory.subarray(100, 100 + frame.length);
  });
}

/** Bytes that a frame holds of memory. */
function held(frame: Uint8Array): number {
  return frame.buffer.byteLength;
}

function newRegistry(): Registry {
  const limits = DEFAULT_BROKER_LIMITS;
  return new Registry({ heartbeatMs: 1000, liveness: 3, requestExpiryMs: 60_000, limits });
}

/** The messages among `actions`. */
function sent(actions: readonly RegistryAction[]): Frames[] {
  return actions.flatMap((action) => action.do === "send" ? [action.frames] : []);
}

Deno.test("kept frames - a request that waits for a worker holds nothing but itself", () => {
  const registry = newRegistry();
  const [client] = shared([bytes("pump-1")]);
  registry.receive(client!, shared(mdp01.request("s", "get", "{}")), 0);
  const given = sent(registry.receive(bytes("w"), shared(mdp01.ready("s")), 0)).at(-1)!;
  assert.deepEqual(given.slice(-2), [bytes("get"), bytes("{}")]);
  // The worker's address is the one frame that is not of the request.
  for (const frame of given.slice(1)) assert.ok(held(frame) < 100, `${held(frame)} bytes`);
});

Deno.test("kept frames - a registered worker holds nothing but its address", () => {
  const registry = newRegistry();
  const [worker] = shared([bytes("worker-1")]);
  registry.receive(worker!, shared(mdp01.ready("s")), 0);
  const [given] = sent(registry.receive(bytes("c"), mdp01.request("s", "get"), 0));
  assert.deepEqual(given![0], bytes("worker-1"));
  assert.ok(held(given![0]!) < 100, `${held(given![0]!)} bytes`);
});

Deno.test("kept frames - partial replies that are kept hold nothing but themselves", () => {
  const registry = newRegistry();
  registry.receive(bytes("w"), mdp02.ready("s"), 0);
  const [given] = sent(registry.receive(bytes("c"), mdp01.request("s", "get"), 0));
  const client = given![given!.length - 3]!;
  registry.receive(bytes("w"), shared(partial.fromWorker(client, "one")), 0);
  const [reply] = sent(registry.receive(bytes("w"), mdp02.final(client, "two"), 0));
  assert.deepEqual(reply!.slice(-2), [bytes("one"), bytes("two")]);
  assert.ok(held(reply!.at(-2)!) < 100, `${held(reply!.at(-2)!)} bytes`);
});

Deno.test("kept frames - what waits for a slow peer holds nothing but itself", () => {
  let isFull = true;
  const taken: Frames[] = [];
  const outbox = new Outbox<{ key: string; frames: Uint8Array[] }>((frames) => {
    if (isFull) return "full";
    taken.push(frames);
    return "sent";
  });
  outbox.send({ key: "a", frames: shared([bytes("a"), bytes(""), bytes("body")]) }, 0);
  isFull = false;
  outbox.retry(10);
  assert.deepEqual(taken, [[bytes("a"), bytes(""), bytes("body")]]);
  for (const frame of taken[0]!) assert.ok(held(frame) < 100, `${held(frame)} bytes`);
});
