import assert from "node:assert/strict";
import { PlantdError } from "../../src/errors.ts";
import { REPLY_TRIES_MAX } from "../../src/limits.ts";
import type { Frames } from "../../src/mdp/frames.ts";
import { Lane, type LaneHost, type LaneListener } from "../../src/mdp/lane.ts";
import { silentLog } from "../../src/mdp/log.ts";
import { FakeClock } from "../helpers/clock.ts";
import { ADDRESS, message, show, wire } from "./wire.ts";

/** Lets time pass, with a turn for promises in every few milliseconds of it. */
async function pass(clock: FakeClock, ms: number): Promise<void> {
  for (let passed = 0; passed <= ms; passed += 5) {
    if (passed > 0) clock.advance(5);
    for (let turn = 0; turn < 8; turn += 1) await Promise.resolve();
  }
}

/** A lane on sockets that answer what a test wants them to. */
function harness(answers: { reply: () => "sent" | "full" }) {
  const clock = new FakeClock();
  const sent: string[][] = [];
  const sockets: { listener: LaneListener; closed: boolean }[] = [];
  const counters = {
    requests: 0,
    replies: 0,
    failures: 0,
    malformed: 0,
    droppedRequests: 0,
    droppedReplies: 0,
    reconnects: 0,
  };
  const host: LaneHost & { openFails: boolean } = {
    config: { service: "s", heartbeatMs: 1000, liveness: 3, dialect: "mdp01" },
    clock,
    log: silentLog,
    counters,
    openFails: false,
    open(listener) {
      if (host.openFails) throw new PlantdError("internal", "too many sockets");
      const socket = { listener, closed: false };
      sockets.push(socket);
      return {
        send(frames: Frames) {
          sent.push(show(frames));
          const isReply = frames[2]?.[0] === 3;
          return isReply ? answers.reply() : "sent";
        },
        close() {
          socket.closed = true;
          return Promise.resolve();
        },
      };
    },
    handler: ({ body }) => Promise.resolve(body),
    onFailure: () => message("failed"),
    onChange() {},
  };
  const lane = new Lane(host);
  lane.tick();
  sockets[0]!.listener.onConnection("up");
  return { clock, host, lane, sent, sockets, counters };
}

Deno.test("W7 - a reply the socket has no room for is offered again until it is taken", async () => {
  let left = 3;
  const { clock, sockets, counters, sent } = harness({ reply: () => left-- > 0 ? "full" : "sent" });
  sockets[0]!.listener.onMessage(wire.mdp01.toWorker(ADDRESS, "1"));
  await pass(clock, 100);
  assert.equal(counters.replies, 1);
  assert.equal(counters.droppedReplies, 0);
  assert.equal(sent.length, 1 + 4);
});

Deno.test("W7 - when the socket never has room, the conversation starts anew and the loss is counted", async () => {
  const { clock, sockets, counters, sent } = harness({ reply: () => "full" });
  sockets[0]!.listener.onMessage(wire.mdp01.toWorker(ADDRESS, "1"));
  await pass(clock, 10_000);
  assert.equal(sent.filter((frames) => frames.length === 6).length, REPLY_TRIES_MAX);
  assert.equal(counters.droppedReplies, 1);
  assert.equal(sockets.length, 2);
  assert.ok(sockets[0]!.closed);
});

Deno.test("lane - a retry does not outlive its conversation", async () => {
  const { clock, sockets, counters, sent } = harness({ reply: () => "full" });
  sockets[0]!.listener.onMessage(wire.mdp01.toWorker(ADDRESS, "1"));
  await pass(clock, 20);
  sockets[0]!.listener.onConnection("down");
  const before = sent.length;
  await pass(clock, 10_000);
  assert.equal(sent.length, before, "nothing of the old conversation is sent on the new socket");
  assert.equal(counters.droppedReplies, 1);
});

Deno.test("lane - what an old socket says is nobody's business any more", () => {
  const { sockets, counters, lane } = harness({ reply: () => "sent" });
  sockets[0]!.listener.onConnection("down");
  assert.equal(sockets.length, 2);
  sockets[0]!.listener.onMessage(wire.mdp01.toWorker(ADDRESS, "1"));
  sockets[0]!.listener.onConnection("down");
  assert.equal(counters.requests, 0);
  assert.equal(sockets.length, 2);
  assert.equal(lane.state.phase, "waiting");
});

Deno.test("lane - no socket to be had: it goes on trying, and serves when there is one", async () => {
  const { clock, host, lane, sockets } = harness({ reply: () => "sent" });
  host.openFails = true;
  sockets[0]!.listener.onConnection("down");
  assert.equal(lane.state.phase, "gone");
  assert.ok(lane.nextTickMs <= clock.monotonic() + 500);
  host.openFails = false;
  await pass(clock, 500);
  lane.tick();
  assert.equal(sockets.length, 2);
  assert.equal(lane.state.phase, "waiting");
});

Deno.test("W7 - a handler that fails is answered by onFailure, and when that fails with an empty frame", async () => {
  const { clock, host, sockets, sent, counters } = harness({ reply: () => "sent" });
  const ask = async (n: string) => {
    sockets[0]!.listener.onMessage(wire.mdp01.toWorker(ADDRESS, n));
    await pass(clock, 0);
    return sent.at(-1)!.slice(5);
  };
  host.handler = () => Promise.reject(new Error("no"));
  assert.deepEqual(await ask("1"), ["failed"]);
  host.handler = () => {
    throw new Error("not even a promise");
  };
  assert.deepEqual(await ask("2"), ["failed"]);
  host.onFailure = () => {
    throw new Error("and again");
  };
  assert.deepEqual(await ask("3"), [""]);
  host.handler = ({ body }) => Promise.resolve(body);
  assert.deepEqual(await ask("4"), ["4"]);
  assert.equal(counters.failures, 3);
  assert.equal(counters.replies, 4);
});

Deno.test("lane - the handler starts before the socket's callback returns", () => {
  const { host, sockets } = harness({ reply: () => "sent" });
  let started = false;
  host.handler = () => {
    started = true;
    return Promise.resolve([]);
  };
  sockets[0]!.listener.onMessage(wire.mdp01.toWorker(ADDRESS, "1"));
  assert.ok(started);
});
