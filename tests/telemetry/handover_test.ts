import assert from "node:assert/strict";
import { Handover } from "../../src/telemetry/handover.ts";
import { bytes } from "../helpers/async.ts";

const ME = bytes("me");

Deno.test("handover - what belongs to a message is found by its bytes, once, and for nobody else", () => {
  const handover = new Handover<string>();
  handover.give(ME, [bytes("set"), bytes("{}")], "first");
  handover.give(ME, [bytes("set"), bytes("{}")], "second");
  assert.equal(handover.take(bytes("you"), [bytes("set"), bytes("{}")]), undefined);
  assert.equal(handover.take(ME, [bytes("set")]), undefined);
  assert.equal(handover.take(ME, [bytes("get"), bytes("{}")]), undefined);
  const copy = () => [bytes("set"), bytes("{}")];
  const taken = [1, 2, 3].map(() => handover.take(ME, copy()));
  assert.deepEqual(taken, ["first", "second", undefined]);
});

Deno.test("handover - what nobody takes is pushed out, and large messages are not remembered", () => {
  const handover = new Handover<number>();
  for (let i = 0; i < 1025; i++) handover.give(ME, [bytes(String(i))], i);
  assert.equal(handover.take(ME, [bytes("0")]), undefined);
  assert.equal(handover.take(ME, [bytes("1024")]), 1024);
  handover.give(ME, [new Uint8Array(64 * 1024 + 1)], 1);
  assert.equal(handover.take(ME, [new Uint8Array(64 * 1024 + 1)]), undefined);
});
