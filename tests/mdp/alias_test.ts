import assert from "node:assert/strict";
import fc from "fast-check";
import { Aliases } from "../../src/mdp/alias.ts";
import { DIALECTS, type Frames } from "../../src/mdp/frames.ts";
import { Registry } from "../../src/mdp/registry.ts";
import { DEFAULT_BROKER_LIMITS, type RegistryAction } from "../../src/mdp/registry_types.ts";
import { bytes } from "../helpers/async.ts";
import { CLIENT_AT, partial, wire } from "./wire.ts";

Deno.test("alias - the cipher is Speck 32/64, by the vector its authors published", () => {
  const aliases = new Aliases(Uint16Array.of(0x0100, 0x0908, 0x1110, 0x1918));
  assert.deepEqual(
    aliases.of(Uint8Array.of(0, 0x65, 0x74, 0x69, 0x4c)),
    Uint8Array.of(0, 0xa8, 0x68, 0x42, 0xf2),
  );
});

Deno.test("alias - addresses that count up have aliases that are all different and tell nothing of the count", () => {
  const aliases = new Aliases();
  const seen = new Set<number>();
  let near = 0;
  let before = 0;
  for (let i = 0; i < 10_000; i += 1) {
    const alias = aliases.of(Uint8Array.of(0, 0xff, 0xff, i >> 8, i & 0xff));
    assert.deepEqual([alias.length, alias[0]], [5, 0]);
    const number = new DataView(alias.buffer).getUint32(1);
    if (Math.abs(number - before) < 2 ** 16) near += 1;
    before = number;
    seen.add(number);
  }
  assert.equal(seen.size, 10_000);
  // One in 32,768 by chance.
  assert.ok(near < 20, `${near} are near the one before`);
});

Deno.test("alias - it is the same each time, and another one under another key", () => {
  const address = Uint8Array.of(0, 1, 2, 3, 4);
  const aliases = new Aliases();
  assert.deepEqual(aliases.of(address), aliases.of(address));
  const others = Array.from({ length: 8 }, () => new Aliases().of(address).toHex());
  assert.ok(new Set(others).size > 1);
});

Deno.test("alias - an identity that the peer chose is shown as it is", () => {
  for (const identity of [bytes("pump-1"), bytes("\x01abcd"), Uint8Array.of(0), bytes("\0abcde")]) {
    assert.equal(new Aliases().of(identity), identity);
  }
});

/** Addresses as libzmq counts them, in bytes that occur nowhere else. */
const PEERS = [0xfd, 0xfe, 0xff].map((last) => Uint8Array.of(0, 0xe1, 0xe2, 0xe3, last));

/** Something a peer says, or the passing of time. */
const saying = fc.record({
  peer: fc.constantFrom(...PEERS),
  dialect: fc.constantFrom(...DIALECTS),
  what: fc.constantFrom("request", "ready", "final", "partial", "mmi", "broker", "beat", "bye"),
  afterMs: fc.constantFrom(0, 0, 0, 1000, 4000),
});

Deno.test("B1 - whatever is said, no frame that the broker sends has the address of a peer in it", () => {
  let handed = 0;
  fc.assert(fc.property(fc.array(saying, { minLength: 20, maxLength: 60 }), (sayings) => {
    const registry = new Registry({
      heartbeatMs: 1000,
      liveness: 3,
      requestExpiryMs: 60_000,
      limits: DEFAULT_BROKER_LIMITS,
    });
    /** Aliases that workers were given last, by worker. */
    const held = new Map<string, Uint8Array>();
    const check = (actions: readonly RegistryAction[]) => {
      for (const action of actions) {
        if (action.do === "note") {
          assert.doesNotMatch(JSON.stringify(action.data), /\u00e1\u00e2|e1e2/);
          continue;
        }
        const [to, ...frames] = action.frames;
        for (const frame of frames) assert.doesNotMatch(frame.toHex(), /e1e2e3/);
        if (action.about !== "request") continue;
        handed += 1;
        const at = frames[0]!.length === 0 ? CLIENT_AT.mdp01 : CLIENT_AT.mdp02;
        held.set(to!.toHex(), frames[at]!);
      }
    };
    let nowMs = 0;
    for (const { peer, dialect, what, afterMs } of sayings) {
      nowMs += afterMs;
      const client = held.get(peer.toHex()) ?? PEERS[0]!;
      const says: Record<typeof what, Frames> = {
        request: wire[dialect].request("s", "body"),
        ready: wire[dialect].ready("s"),
        final: wire[dialect].final(client, "r"),
        partial: partial.fromWorker(client, "r"),
        mmi: wire[dialect].request("mmi.service", "s"),
        broker: wire[dialect].request("org.plantd.Broker", "service", `{"service":"s"}`),
        beat: wire[dialect].beat(),
        bye: wire[dialect].bye(),
      };
      check(registry.receive(peer, says[what], nowMs));
      if (afterMs > 0) check(registry.tick(nowMs));
    }
    check(registry.close());
  }));
  assert.ok(handed > 50, `${handed} requests were handed to workers`);
});
