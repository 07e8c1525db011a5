import assert from "node:assert/strict";
import { PlantdError } from "../../src/errors.ts";
import { CLIENT_IN_FLIGHT_MAX } from "../../src/limits.ts";
import { Broker } from "../../src/mdp/broker.ts";
import { Client, type ClientOptions } from "../../src/mdp/client.ts";
import { DIALECTS, type Frames } from "../../src/mdp/frames.ts";
import { Worker } from "../../src/mdp/worker.ts";
import { Poller } from "../../src/zmq/poller.ts";
import { openSocketCount, Socket } from "../../src/zmq/socket.ts";
import { bytes, Inbox, until } from "../helpers/async.ts";
import { message, partial, show, wire } from "./wire.ts";

const { mdp01, mdp02 } = wire;

/** A ROUTER that answers when and what a test wants. */
async function rawBroker(poller: Poller) {
  const inbox = new Inbox<{ from: Uint8Array; frames: string[] }>();
  const socket = Socket.open(poller, "router", {
    onMessage: ([from, ...frames]) => inbox.put({ from: from!, frames: show(frames) }),
    mandatory: true,
  });
  const endpoint = await socket.bind("tcp://127.0.0.1:*");
  return {
    endpoint,
    inbox,
    send: (to: Uint8Array, frames: Frames) => socket.send([to, ...frames]),
    [Symbol.asyncDispose]: () => socket.close(),
  };
}

function client(poller: Poller, endpoint: string, options: Partial<ClientOptions> = {}): Client {
  return new Client({ poller, endpoint, timeoutMs: 5000, retries: 0, ...options });
}

for (const dialect of DIALECTS) {
  Deno.test(`C2 - a DEALER's request of ${dialect} has the frames of the table, E where it is due`, async () => {
    await using poller = new Poller();
    await using broker = await rawBroker(poller);
    await using asking = client(poller, broker.endpoint, { dialect });
    const reply = asking.request("s", message("get", ""));
    const { from, frames } = await broker.inbox.next();
    assert.deepEqual(frames, show(wire[dialect].request("s", "get", "")));
    await broker.send(from, wire[dialect].reply("s", "", "r"));
    assert.deepEqual(show(await reply), ["", "r"]);
  });
}

Deno.test("C4 - on a timeout the request is sent again on a new socket", async () => {
  await using poller = new Poller();
  await using broker = await rawBroker(poller);
  await using asking = client(poller, broker.endpoint, {
    timeoutMs: 50,
    retries: 2,
    dialect: "mdp01",
  });
  const reply = asking.request("s", message("x"));
  const first = await broker.inbox.next();
  const second = await broker.inbox.next();
  assert.deepEqual(second.frames, first.frames);
  assert.notDeepEqual(show([second.from]), show([first.from]));
  await broker.send(second.from, mdp01.reply("s", "r"));
  assert.deepEqual(show(await reply), ["r"]);
});

Deno.test("C4 - after N attempts it gives up, with an error that names endpoint, service and attempts", async () => {
  await using poller = new Poller();
  await using broker = await rawBroker(poller);
  await using asking = client(poller, broker.endpoint, { timeoutMs: 30, retries: 2 });
  await assert.rejects(asking.request("org.plantd.State", message("x")), (error: PlantdError) => {
    assert.equal(error.code, "no_reply");
    assert.deepEqual(error.data, {
      endpoint: broker.endpoint,
      service: "org.plantd.State",
      attempts: 3,
      timeoutMs: 30,
    });
    assert.ok(error.message.includes(broker.endpoint) && error.message.includes("3 attempts"));
    return true;
  });
  assert.equal(broker.inbox.size, 3);
  assert.equal(asking.status().sockets, 0);
});

Deno.test("C4 - a broker that is not there is no reply either", async () => {
  await using poller = new Poller();
  await using asking = client(poller, "tcp://127.0.0.1:9", { timeoutMs: 20 });
  await assert.rejects(asking.request("s", message("x")), { code: "no_reply" });
});

Deno.test("C4 - a late reply is never taken for the answer to a later request", async () => {
  await using poller = new Poller();
  await using broker = await rawBroker(poller);
  await using asking = client(poller, broker.endpoint, { dialect: "mdp01" });
  const first = asking.request("s", message("1"), { timeoutMs: 50 });
  const one = await broker.inbox.next();
  await assert.rejects(first, { code: "no_reply" });
  const second = asking.request("s", message("2"));
  const two = await broker.inbox.next();
  await broker.send(one.from, mdp01.reply("s", "late, of 1"));
  await broker.send(two.from, mdp01.reply("s", "of 2"));
  assert.deepEqual(show(await second), ["of 2"]);
});

Deno.test("C4 - a second reply costs its socket, and is no answer to the next request", async () => {
  await using poller = new Poller();
  await using broker = await rawBroker(poller);
  await using asking = client(poller, broker.endpoint, { dialect: "mdp01" });
  const first = asking.request("s", message("1"));
  const one = await broker.inbox.next();
  await broker.send(one.from, mdp01.reply("s", "of 1"));
  await first;
  assert.equal(asking.status().sockets, 1);
  await broker.send(one.from, mdp01.reply("s", "again"));
  await until("the socket is thrown away", () => asking.status().sockets === 0);
  const second = asking.request("s", message("2"));
  const two = await broker.inbox.next();
  await broker.send(two.from, mdp01.reply("s", "of 2"));
  assert.deepEqual(show(await second), ["of 2"]);
});

Deno.test("client - replies that are none, or of another service, are ignored", async () => {
  await using poller = new Poller();
  await using broker = await rawBroker(poller);
  await using asking = client(poller, broker.endpoint, { dialect: "mdp01" });
  const reply = asking.request("s", message("x"));
  const { from } = await broker.inbox.next();
  const bad: Frames[] = [
    message(""),
    message("x"),
    message("", "MDPC01"),
    message("", "MDPC01", "s"),
    message("", "MDPC01", "another", "r"),
    mdp02.reply("s", "of another dialect"),
    message("", "MDPW01", 4),
    Array.from({ length: 3000 }, () => bytes("f")),
  ];
  for (const frames of bad) await broker.send(from, frames);
  await broker.send(from, mdp01.reply("s", "good"));
  assert.deepEqual(show(await reply), ["good"]);
});

Deno.test("client - partial replies are joined, and a reply without an end is no reply", async () => {
  await using poller = new Poller();
  await using broker = await rawBroker(poller);
  await using asking = client(poller, broker.endpoint, { dialect: "mdp02" });
  const reply = asking.request("s", message("x"));
  const { from } = await broker.inbox.next();
  await broker.send(from, partial.toClient("s", "p1", "p2"));
  await broker.send(from, partial.toClient("s", "p3"));
  await broker.send(from, mdp02.reply("s", "f"));
  assert.deepEqual(show(await reply), ["p1", "p2", "p3", "f"]);

  const endless = asking.request("s", message("x"), { timeoutMs: 300 });
  const next = await broker.inbox.next();
  const many = Array.from({ length: 1000 }, () => "p");
  for (let i = 0; i < 5; i += 1) await broker.send(next.from, partial.toClient("s", ...many));
  await broker.send(next.from, mdp02.reply("s", "f"));
  await assert.rejects(endless, { code: "no_reply" });
});

for (const dialect of DIALECTS) {
  Deno.test(`dialect auto - a broker of ${dialect} only is understood, and asked so from then on`, async () => {
    await using poller = new Poller();
    await using broker = await rawBroker(poller);
    await using asking = client(poller, broker.endpoint, { timeoutMs: 50, retries: 2 });
    const expected = show(wire[dialect].request("s", "x")).join();
    const serve = async () => {
      for (;;) {
        const { from, frames } = await broker.inbox.next();
        if (frames.join() !== expected) continue;
        return void await broker.send(from, wire[dialect].reply("s", "r"));
      }
    };
    assert.deepEqual(
      (await Promise.all([asking.request("s", message("x")), serve()]))[0].length,
      1,
    );
    assert.equal(asking.status().dialect, dialect);
    await Promise.all([asking.request("s", message("x"), { timeoutMs: 5000 }), serve()]);
    assert.equal(broker.inbox.size, 0);
  });
}

Deno.test("client - requests in flight are each answered with their own reply, whatever the order", async () => {
  await using poller = new Poller();
  await using broker = await rawBroker(poller);
  await using asking = client(poller, broker.endpoint, { dialect: "mdp01" });
  const replies = Promise.all(
    Array.from({ length: 50 }, (_, i) => asking.request("s", message(`${i}`))),
  );
  const asked = [];
  for (let i = 0; i < 50; i += 1) asked.push(await broker.inbox.next());
  assert.equal(asking.status().inFlight, 50);
  for (const { from, frames } of asked.reverse()) {
    await broker.send(from, mdp01.reply("s", `of ${frames.at(-1)}`));
  }
  assert.deepEqual(
    (await replies).map((r) => show(r)[0]),
    Array.from({ length: 50 }, (_, i) => `of ${i}`),
  );
});

Deno.test("client - a socket whose request was answered serves the next one", async () => {
  await using poller = new Poller();
  await using broker = await Broker.bind({ poller, endpoint: "tcp://127.0.0.1:*" });
  await using asking = client(poller, broker.endpoint);
  for (let i = 0; i < 100; i += 1) await asking.request("mmi.service", message("s"));
  assert.equal(asking.status().sockets, 1);
});

Deno.test("client - more requests than there may be in flight wait for their turn, and can be aborted", async () => {
  await using poller = new Poller();
  await using broker = await Broker.bind({ poller, endpoint: "tcp://127.0.0.1:*" });
  const release = Promise.withResolvers<void>();
  await using asking = client(poller, broker.endpoint, { timeoutMs: 20_000 });
  const abort = new AbortController();
  const count = CLIENT_IN_FLIGHT_MAX + 50;
  const replies = Promise.all(
    Array.from({ length: count }, (_, i) => asking.request("s", message(`${i}`))),
  );
  const aborted = asking.request("s", message("x"), { signal: abort.signal });
  assert.equal(asking.status().inFlight, CLIENT_IN_FLIGHT_MAX);
  assert.equal(asking.status().waiting, 51);
  abort.abort(new Error("enough"));
  await assert.rejects(aborted, /enough/);
  assert.equal(asking.status().waiting, 50);
  await using _worker = Worker.start({
    poller,
    endpoint: broker.endpoint,
    service: "s",
    handler: ({ body }) => release.promise.then(() => body),
  });
  release.resolve();
  assert.deepEqual(
    (await replies).map((r) => show(r)[0]),
    Array.from({ length: count }, (_, i) => `${i}`),
  );
  assert.equal(asking.status().inFlight, 0);
});

Deno.test("client - a signal aborts a request under way, with its reason, and its socket", async () => {
  await using poller = new Poller();
  await using broker = await rawBroker(poller);
  await using asking = client(poller, broker.endpoint, { retries: 5 });
  const abort = new AbortController();
  const reply = asking.request("s", message("x"), { signal: abort.signal });
  await broker.inbox.next();
  abort.abort(new Error("enough"));
  await assert.rejects(reply, /enough/);
  assert.equal(asking.status().sockets, 0);
  await assert.rejects(asking.request("s", message("x"), { signal: abort.signal }), /enough/);
  assert.equal(broker.inbox.size, 0);
});

Deno.test("client - closing rejects what is under way, leaves nothing open, and is idempotent", async () => {
  const before = openSocketCount();
  await using poller = new Poller();
  await using broker = await rawBroker(poller);
  const asking = client(poller, broker.endpoint);
  const reply = asking.request("s", message("x"));
  await broker.inbox.next();
  const rejected = assert.rejects(reply, { code: "socket_closed" });
  await asking.close();
  await asking.close();
  await rejected;
  await assert.rejects(asking.request("s", message("x")), { code: "socket_closed" });
  assert.equal(openSocketCount(), before + 1);
});

Deno.test("client - names and endpoints that are none are errors in words, and the next good one works", async () => {
  await using poller = new Poller();
  await using broker = await Broker.bind({ poller, endpoint: "tcp://127.0.0.1:*" });
  await using asking = client(poller, broker.endpoint);
  for (const name of ["", "a\nb", "x".repeat(256)]) {
    await assert.rejects(asking.request(name, message("x")), { code: "invalid_request" });
  }
  await using nowhere = client(poller, "nowhere");
  await assert.rejects(nowhere.request("s", message("x")), { code: "endpoint_invalid" });
  await assert.rejects(nowhere.request("s", message("x")), { code: "endpoint_invalid" });
  assert.deepEqual(show(await asking.request("mmi.service", message("x"))), ["404"]);
});

Deno.test("client - a broker that restarts between two requests is asked again without an error", async () => {
  await using poller = new Poller();
  const first = await Broker.bind({ poller, endpoint: "tcp://127.0.0.1:*" });
  const { endpoint } = first;
  await using asking = client(poller, endpoint, { timeoutMs: 500, retries: 5 });
  await asking.request("mmi.service", message("s"));
  await first.close();
  let second: Broker | undefined;
  await until("the port is free", async () => {
    second = await Broker.bind({ poller, endpoint }).catch(() => undefined);
    return second !== undefined;
  });
  assert.deepEqual(show(await asking.request("mmi.service", message("s"))), ["404"]);
  await second!.close();
});
