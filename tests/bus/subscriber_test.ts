import assert from "node:assert/strict";
import { Subscriber, type SubscriberOptions } from "../../src/bus/subscriber.ts";
import { Poller } from "../../src/zmq/poller.ts";
import { type Frames, openSocketCount, Socket } from "../../src/zmq/socket.ts";
import { bytes, Inbox, text, until } from "../helpers/async.ts";
import { freePort } from "../helpers/ports.ts";

const ANY_PORT = "tcp://127.0.0.1:*";

/** The backend of a bus: publishes, and tells what its peers subscribe to. */
interface Bus extends AsyncDisposable {
  readonly address: string;
  /** `+topic` and `-topic`, in the order they came. */
  readonly subscriptions: Inbox<string>;
  /** What its peers are subscribed to now. */
  readonly topics: ReadonlySet<string>;
  readonly publish: (...frames: string[]) => void;
}

async function openBus(poller: Poller, address = ANY_PORT): Promise<Bus> {
  const subscriptions = new Inbox<string>();
  const topics = new Set<string>();
  const socket = Socket.open(poller, "xpub", {
    onMessage: ([frame]) => {
      const subscribes = frame![0] === 1;
      const topic = text(frame!.subarray(1));
      if (subscribes) topics.add(topic);
      else topics.delete(topic);
      subscriptions.put(`${subscribes ? "+" : "-"}${topic}`);
    },
  });
  let bound = "";
  await until("the port is free", () => {
    try {
      bound = socket.bind(address);
      return true;
    } catch (error) {
      assert.equal((error as { code?: string }).code, "endpoint_in_use");
      return false;
    }
  });
  return {
    address: bound,
    subscriptions,
    topics,
    publish: (...frames) => socket.send(frames.map(bytes)),
    [Symbol.asyncDispose]: () => socket.close(),
  };
}

/** An address on which a bus may come, go and come again. */
function fixedAddress(): string {
  return `tcp://127.0.0.1:${freePort()}`;
}

/** Resolves when the peers of `bus` are subscribed to exactly `topics`. */
function subscribed(bus: Bus, ...topics: string[]): Promise<void> {
  return until(
    `exactly ${topics} are subscribed to`,
    () => bus.topics.size === topics.length && topics.every((topic) => bus.topics.has(topic)),
  );
}

/** Takes `count` subscriptions from `bus`, sorted: libzmq sends them again in an order of its own. */
async function take(bus: Bus, count: number): Promise<string[]> {
  const taken: string[] = [];
  while (taken.length < count) taken.push(await bus.subscriptions.next());
  return taken.toSorted();
}

async function listen(
  poller: Poller,
  address: string,
  options: Partial<SubscriberOptions> = {},
): Promise<{ subscriber: Subscriber; inbox: Inbox<Frames>; next: () => Promise<string[]> }> {
  const inbox = new Inbox<Frames>();
  const subscriber = await Subscriber.start({
    poller,
    endpoint: { mode: "connect", address },
    scopes: ["org.plantd.Test"],
    everything: false,
    onMessage: inbox.put,
    ...options,
  });
  return { subscriber, inbox, next: async () => (await inbox.next()).map(text) };
}

Deno.test("subscriber - updates for its scopes arrive in both framings, and bare JSON; others do not", async () => {
  await using poller = new Poller();
  await using bus = await openBus(poller);
  const { subscriber, inbox, next } = await listen(poller, bus.address);
  await using _subscriber = subscriber;
  assert.deepEqual(await take(bus, 2), ["+org.plantd.Test", "+{"]);
  bus.publish('org.plantd.Other{"key":"k"}');
  bus.publish("org.plantd.Other", "{}");
  bus.publish("derp");
  bus.publish("");
  bus.publish('org.plantd.Test{"key":"k"}');
  bus.publish("org.plantd.Test", '{"key":"k"}', "{}");
  bus.publish('{"service":"org.plantd.Other"}');
  // ZeroMQ matches prefixes: who reads the envelope must compare the whole name.
  bus.publish("org.plantd.Test2{}");
  bus.publish("org.plantd.Tes{}");
  bus.publish("{last");
  assert.deepEqual(await next(), ['org.plantd.Test{"key":"k"}']);
  assert.deepEqual(await next(), ["org.plantd.Test", '{"key":"k"}', "{}"]);
  assert.deepEqual(await next(), ['{"service":"org.plantd.Other"}']);
  assert.deepEqual(await next(), ["org.plantd.Test2{}"]);
  assert.deepEqual(await next(), ["{last"]);
  assert.equal(inbox.size, 0);
});

Deno.test("subscriber - scopes are added and removed while it runs, each once", async () => {
  await using poller = new Poller();
  await using bus = await openBus(poller);
  const { subscriber, next } = await listen(poller, bus.address, { scopes: ["a", "b", "a"] });
  await using _subscriber = subscriber;
  assert.deepEqual(await take(bus, 3), ["+a", "+b", "+{"]);
  assert.equal(subscriber.status().subscriptions, 3);

  subscriber.add("c");
  subscriber.add("c");
  assert.equal(await bus.subscriptions.next(), "+c");
  assert.equal(subscriber.status().subscriptions, 4);
  subscriber.remove("none");
  subscriber.remove("c");
  subscriber.remove("c");
  assert.equal(await bus.subscriptions.next(), "-c");
  subscriber.remove("a");
  assert.equal(await bus.subscriptions.next(), "-a");
  assert.equal(subscriber.status().subscriptions, 2);

  bus.publish("a{}");
  bus.publish("c{}");
  bus.publish("b{}");
  assert.deepEqual(await next(), ["b{}"]);
  subscriber.add("a");
  assert.equal(await bus.subscriptions.next(), "+a");
  bus.publish("a{}");
  assert.deepEqual(await next(), ["a{}"]);
  assert.equal(bus.subscriptions.size, 0);
});

Deno.test("subscriber - one scope going leaves another that begins with the same letters", async () => {
  await using poller = new Poller();
  await using bus = await openBus(poller);
  const { subscriber, next } = await listen(poller, bus.address, { scopes: ["ab", "abc"] });
  await using _subscriber = subscriber;
  assert.deepEqual(await take(bus, 3), ["+ab", "+abc", "+{"]);
  bus.publish("abc{1");
  assert.deepEqual(await next(), ["abc{1"]);
  subscriber.remove("ab");
  assert.equal(await bus.subscriptions.next(), "-ab");
  bus.publish("ab{2");
  bus.publish("abc{3");
  assert.deepEqual(await next(), ["abc{3"]);
});

Deno.test("subscriber - listening to everything is one subscription, whatever scopes come and go", async () => {
  await using poller = new Poller();
  await using bus = await openBus(poller);
  const { subscriber, next } = await listen(poller, bus.address, { everything: true });
  await using _subscriber = subscriber;
  assert.equal(await bus.subscriptions.next(), "+");
  subscriber.add("a");
  subscriber.remove("org.plantd.Test");
  assert.equal(subscriber.status().subscriptions, 1);
  for (const message of ["new.scope{}", "{}", "derp", ""]) {
    bus.publish(message);
    assert.deepEqual(await next(), [message]);
  }
  assert.equal(bus.subscriptions.size, 0);
});

Deno.test("subscriber - a bus that restarts on its port is heard again, with the scopes as they are by then", async () => {
  await using poller = new Poller();
  const address = fixedAddress();
  const first = await openBus(poller, address);
  const { subscriber, next } = await listen(poller, address, { scopes: ["a"] });
  await using _subscriber = subscriber;
  await subscribed(first, "a", "{");
  await until("connected", () => subscriber.status().connected);
  await first.publish("a{1");
  assert.deepEqual(await next(), ["a{1"]);
  await first[Symbol.asyncDispose]();
  await until("it is noticed", () => !subscriber.status().connected);
  subscriber.add("b");
  subscriber.remove("a");

  for (let round = 0; round < 3; round += 1) {
    await using again = await openBus(poller, address);
    await subscribed(again, "b", "{");
    await until("connected again", () => subscriber.status().connected);
    await again.publish(`a{${round}`);
    await again.publish(`b{${round}`);
    assert.deepEqual(await next(), [`b{${round}`]);
    await again[Symbol.asyncDispose]();
    await until("it is noticed again", () => !subscriber.status().connected);
  }
  assert.deepEqual(subscriber.status(), {
    endpoint: address,
    connected: false,
    subscriptions: 2,
  });
});

Deno.test("subscriber - it starts before the bus does, and waits", async () => {
  await using poller = new Poller();
  const address = fixedAddress();
  const { subscriber, next } = await listen(poller, address);
  await using _subscriber = subscriber;
  assert.equal(subscriber.status().connected, false);
  await using bus = await openBus(poller, address);
  await subscribed(bus, "org.plantd.Test", "{");
  await until("connected", () => subscriber.status().connected);
  bus.publish("{}");
  assert.deepEqual(await next(), ["{}"]);
});

Deno.test("subscriber - 3000 scopes are all subscribed to, before the bus comes and while it is there", async () => {
  await using poller = new Poller();
  const address = fixedAddress();
  const scopes = Array.from({ length: 6000 }, (_, i) => `s${i}`);
  const { subscriber, next } = await listen(poller, address, { scopes: scopes.slice(0, 3000) });
  await using _subscriber = subscriber;
  await using bus = await openBus(poller, address);
  await subscribed(bus, "{", ...scopes.slice(0, 3000));
  for (const scope of scopes.slice(3000)) subscriber.add(scope);
  await subscribed(bus, "{", ...scopes);
  bus.publish("s5999{}");
  assert.deepEqual(await next(), ["s5999{}"]);
});

Deno.test("subscriber - bound, it hears publishers that connect to it, also one after another", async () => {
  await using poller = new Poller();
  const address = fixedAddress();
  const { subscriber, next } = await listen(poller, address, {
    endpoint: { mode: "bind", address },
  });
  await using _subscriber = subscriber;
  assert.deepEqual(subscriber.status(), { endpoint: address, connected: true, subscriptions: 2 });
  for (let round = 0; round < 5; round += 1) {
    const subscriptions = new Inbox<Frames>();
    await using publisher = Socket.open(poller, "xpub", { onMessage: subscriptions.put });
    publisher.connect(address);
    await subscriptions.next();
    await subscriptions.next();
    await publisher.send([bytes(`org.plantd.Test{${round}`)]);
    assert.deepEqual(await next(), [`org.plantd.Test{${round}`]);
  }
  assert.equal(subscriber.status().connected, true);
});

Deno.test("subscriber - an address in use, or that is none, is an error and leaves nothing open", async () => {
  await using poller = new Poller();
  await using bus = await openBus(poller);
  const before = openSocketCount();
  await assert.rejects(
    listen(poller, bus.address, { endpoint: { mode: "bind", address: bus.address } }),
    { code: "endpoint_in_use" },
  );
  for (const mode of ["bind", "connect"] as const) {
    await assert.rejects(listen(poller, "", { endpoint: { mode, address: "tcp://" } }), {
      code: "endpoint_invalid",
    });
  }
  assert.equal(openSocketCount(), before);
  const { subscriber, next } = await listen(poller, bus.address);
  await using _subscriber = subscriber;
  await take(bus, 2);
  bus.publish("{}");
  assert.deepEqual(await next(), ["{}"]);
});

Deno.test("subscriber - closing is idempotent, the bus notices, and nothing arrives any more", async () => {
  await using poller = new Poller();
  await using bus = await openBus(poller);
  const before = openSocketCount();
  const { subscriber, inbox } = await listen(poller, bus.address);
  await take(bus, 2);
  await until("connected", () => subscriber.status().connected);
  await Promise.all([subscriber[Symbol.asyncDispose](), subscriber[Symbol.asyncDispose]()]);
  assert.equal(openSocketCount(), before);
  assert.equal(subscriber.status().connected, false);
  assert.deepEqual(await take(bus, 2), ["-org.plantd.Test", "-{"]);
  bus.publish("{}");
  assert.equal(inbox.size, 0);
});

Deno.test("subscriber - 20,000 updates in a row all arrive, in order", async () => {
  await using poller = new Poller();
  let next = 0;
  const subscriptions = new Inbox<Frames>();
  await using bus = Socket.open(poller, "xpub", {
    onMessage: subscriptions.put,
    sendHighWaterMark: 0,
  });
  const { subscriber } = await listen(poller, await bus.bind(ANY_PORT), {
    onMessage: ([frame]) => {
      assert.equal(text(frame!), `{${next}`);
      next += 1;
    },
  });
  await using _subscriber = subscriber;
  await subscriptions.next();
  await subscriptions.next();
  for (let i = 0; i < 20_000; i += 1) await bus.send([bytes(`{${i}`)]);
  await until("all have arrived", () => next === 20_000);
});
