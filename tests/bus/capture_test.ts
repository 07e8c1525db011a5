import assert from "node:assert/strict";
import { Capture } from "../../src/bus/capture.ts";
import { Poller } from "../../src/zmq/poller.ts";
import { Proxy } from "../../src/zmq/proxy.ts";
import { openSocketCount, Socket } from "../../src/zmq/socket.ts";
import { bytes, Inbox, text, until } from "../helpers/async.ts";

const ANY_PORT = { mode: "bind", address: "tcp://127.0.0.1:*" } as const;

/** A bus with one publisher. */
async function openBus(poller: Poller) {
  const stack = new AsyncDisposableStack();
  const proxy = stack.use(
    await Proxy.start({ frontend: ANY_PORT, backend: ANY_PORT, highWaterMark: 10_000 }),
  );
  let subscriptions = 0;
  const publisher = stack.use(
    Socket.open(poller, "xpub", { onMessage: () => void subscriptions++, lingerMs: 1000 }),
  );
  publisher.connect(proxy.frontend);
  return {
    backend: proxy.backend,
    publish: (...frames: string[]) => publisher.send(frames.map(bytes)),
    subscribed: () => until("somebody is subscribed", () => subscriptions > 0),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function reader(poller: Poller, address: string) {
  const inbox = new Inbox<string[]>();
  const socket = Socket.open(poller, "pull", {
    onMessage: (frames) => inbox.put(frames.map((frame) => text(frame))),
  });
  socket.connect(address);
  return { inbox, [Symbol.asyncDispose]: () => socket.close() };
}

Deno.test("capture - every message of the bus is copied, in order, frame by frame", async () => {
  await using poller = new Poller();
  await using bus = await openBus(poller);
  await using capture = await Capture.start({
    poller,
    backend: bus.backend,
    endpoint: ANY_PORT,
    highWaterMark: 1000,
  });
  await using recorder = reader(poller, capture.endpoint);
  await bus.subscribed();
  // Until the recorder is there, its messages are dropped.
  await until("the recorder reads", async () => {
    await bus.publish("begin");
    return recorder.inbox.size > 0;
  });
  for (let i = 0; i < 500; i += 1) await bus.publish("org.plantd.Test", `{"n":${i}}`, "");
  let message: string[];
  do message = await recorder.inbox.next(); while (message[0] === "begin");
  for (let i = 0; i < 500; i += 1) {
    assert.deepEqual(message, ["org.plantd.Test", `{"n":${i}}`, ""]);
    if (i < 499) message = await recorder.inbox.next();
  }
});

Deno.test("capture - one that nobody reads drops and counts, and holds up no subscriber", async () => {
  await using poller = new Poller();
  await using bus = await openBus(poller);
  const told: number[] = [];
  await using capture = await Capture.start({
    poller,
    backend: bus.backend,
    endpoint: ANY_PORT,
    highWaterMark: 1000,
    onDropped: (dropped) => told.push(dropped),
  });
  const inbox = new Inbox<unknown>();
  await using subscriber = Socket.open(poller, "sub", { onMessage: inbox.put });
  subscriber.subscribe("a");
  subscriber.connect(bus.backend);
  await until("both are subscribed", async () => {
    await bus.publish("a");
    return inbox.size > 0 && capture.dropped > 0;
  });
  const before = inbox.size;
  for (let i = 0; i < 300; i += 1) await bus.publish("a", String(i));
  await until("the subscriber has all", () => inbox.size >= before + 300);
  await until("the capture has dropped all", () => capture.dropped >= 300);
  assert.deepEqual(told, Array.from({ length: capture.dropped }, (_, i) => i + 1));
});

Deno.test("capture - an address in use is named, and nothing is left open", async () => {
  await using poller = new Poller();
  await using taker = Socket.open(poller, "router");
  const address = await taker.bind("tcp://127.0.0.1:*");
  const before = openSocketCount();
  await assert.rejects(
    Capture.start({
      poller,
      backend: "tcp://127.0.0.1:1",
      endpoint: { mode: "bind", address },
      highWaterMark: 1,
    }),
    { code: "endpoint_in_use" },
  );
  assert.equal(openSocketCount(), before);
});
