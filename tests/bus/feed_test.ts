import assert from "node:assert/strict";
import { Feed } from "../../src/bus/feed.ts";
import { Poller } from "../../src/zmq/poller.ts";
import { Socket } from "../../src/zmq/socket.ts";
import { bytes, until } from "../helpers/async.ts";

Deno.test("feed - those who listen are counted while they are connected", async () => {
  await using poller = new Poller();
  await using feed = await Feed.bind({
    poller,
    address: "tcp://127.0.0.1:*",
    heartbeat: () => [bytes("/"), bytes("{}")],
    highWaterMark: 1000,
  });
  const listen = () => {
    const socket = Socket.open(poller, "sub", { onMessage() {} });
    socket.connect(feed.address);
    return socket;
  };
  assert.equal(feed.subscribers, 0);
  await using _first = listen();
  const second = listen();
  await until("both are there", () => feed.subscribers === 2);
  await second.close();
  await until("one is left", () => feed.subscribers === 1);
});
