import assert from "node:assert/strict";
import { OUTBOX_PEER_MAX } from "../../src/limits.ts";
import { Outbox } from "../../src/mdp/outbox.ts";
import { bytes, text } from "../helpers/async.ts";

/** An outbox, and a socket that takes so many messages as it is told. */
function setup() {
  const taken: string[] = [];
  const socket = { room: 0, gone: false };
  const outbox = new Outbox<{ key: string; frames: Uint8Array[] }>((frames) => {
    if (socket.gone) return "unroutable";
    if (socket.room === 0) return "full";
    socket.room -= 1;
    taken.push(text(frames[1]!));
    return "sent";
  });
  const send = (key: string, body: string, nowMs = 0) =>
    outbox.send({ key, frames: [bytes(key), bytes(body)] }, nowMs);
  return { outbox, socket, send, taken };
}

Deno.test("outbox - what a peer does not take waits, and goes in its order", () => {
  const { outbox, socket, send, taken } = setup();
  socket.room = 1;
  for (const body of ["1", "2", "3"]) assert.equal(send("a", body), "sent");
  assert.deepEqual([taken, outbox.isWaiting], [["1"], true]);
  socket.room = 1;
  assert.equal(send("a", "4"), "sent");
  assert.deepEqual(taken, ["1"], "not past the others");
  socket.room = 2;
  assert.deepEqual(outbox.retry(10), []);
  assert.deepEqual(taken, ["1", "2", "3"]);
  socket.room = 9;
  assert.deepEqual(outbox.retry(20), []);
  assert.deepEqual([taken, outbox.isWaiting], [["1", "2", "3", "4"], false]);
});

Deno.test("outbox - a peer that takes nothing for a second is given up, one that takes a little is not", () => {
  const { outbox, socket, send } = setup();
  for (let i = 0; i < 3; i += 1) send("a", `${i}`);
  assert.deepEqual(outbox.retry(999), []);
  socket.room = 1;
  assert.deepEqual(outbox.retry(1000), []);
  assert.deepEqual(outbox.retry(1999), []);
  const lost = outbox.retry(2000);
  assert.deepEqual(lost.map(({ action, why }) => [text(action.frames[1]!), why]), [
    ["1", "full"],
    ["2", "full"],
  ]);
  assert.equal(outbox.isWaiting, false);
});

Deno.test("outbox - what waits for a peer that has left is given up at once", () => {
  const { outbox, socket, send } = setup();
  send("a", "1");
  socket.gone = true;
  assert.deepEqual(outbox.retry(1).map(({ why }) => why), ["unroutable"]);
  assert.equal(send("a", "2"), "unroutable");
});

Deno.test("outbox - it is bounded in messages of a peer and in bytes of all", () => {
  const { outbox, socket, send } = setup();
  for (let i = 0; i < OUTBOX_PEER_MAX; i += 1) assert.equal(send("a", "x"), "sent");
  assert.equal(send("a", "x"), "full");
  const large = "x".repeat(1024 * 1024);
  let kept = 0;
  while (send(`peer ${kept}`, large) === "sent") kept += 1;
  assert.equal(kept, 63);
  socket.room = Infinity;
  assert.deepEqual(outbox.retry(1), []);
  socket.room = 0;
  assert.equal(send("a", large), "sent");
});
