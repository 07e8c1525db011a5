import assert from "node:assert/strict";
import { Poller } from "../../src/zmq/poller.ts";
import { Proxy, type ProxyOptions } from "../../src/zmq/proxy.ts";
import { type Frames, Socket } from "../../src/zmq/socket.ts";
import { bytes, Inbox, succeeds, text, until } from "../helpers/async.ts";
import { freePorts } from "../helpers/ports.ts";

const ANY_PORT = { mode: "bind", address: "tcp://127.0.0.1:*" } as const;

function start(options: Partial<ProxyOptions> = {}): Proxy {
  return Proxy.start({ frontend: ANY_PORT, backend: ANY_PORT, highWaterMark: 10_000, ...options });
}

/** Two addresses on which a proxy may come, go and come again. */
function fixedAddresses(): { frontend: string; backend: string } {
  const [frontend, backend] = freePorts(2).map((port) => `tcp://127.0.0.1:${port}`);
  return { frontend: frontend!, backend: backend! };
}

/** A proxy on fixed addresses, as soon as their former user has let go of them. */
async function startAt({ frontend, backend }: { frontend: string; backend: string }) {
  let proxy: Proxy | undefined;
  await until("the ports are free", () => {
    try {
      proxy = start({
        frontend: { mode: "bind", address: frontend },
        backend: { mode: "bind", address: backend },
      });
      return true;
    } catch (error) {
      assert.equal((error as { code?: string }).code, "endpoint_in_use");
      return false;
    }
  });
  return proxy!;
}

interface Publisher extends AsyncDisposable {
  readonly socket: Socket;
  /** What the other side subscribes to, `+topic` and `-topic`. */
  readonly subscriptions: Inbox<string>;
  readonly send: (...frames: string[]) => void;
}

function publish(poller: Poller, address: string): Publisher {
  const subscriptions = new Inbox<string>();
  const socket = Socket.open(poller, "xpub", {
    onMessage: ([frame]) =>
      subscriptions.put(`${frame![0] ? "+" : "-"}${text(frame!.subarray(1))}`),
    sendHighWaterMark: 10_000,
    reconnectMs: 10,
    lingerMs: 1000,
  });
  socket.connect(address);
  return {
    socket,
    subscriptions,
    send: (...frames) => socket.send(frames.map(bytes)),
    [Symbol.asyncDispose]: () => socket.close(),
  };
}

interface Subscription extends AsyncDisposable {
  readonly socket: Socket;
  readonly inbox: Inbox<Frames>;
  readonly next: () => Promise<string>;
}

function subscribe(poller: Poller, address: string, ...topics: string[]): Subscription {
  const inbox = new Inbox<Frames>();
  const socket = Socket.open(poller, "sub", {
    onMessage: inbox.put,
    receiveHighWaterMark: 10_000,
    reconnectMs: 10,
  });
  for (const topic of topics) socket.subscribe(topic);
  socket.connect(address);
  return {
    socket,
    inbox,
    next: async () => (await inbox.next()).map(text).join(" "),
    [Symbol.asyncDispose]: () => socket.close(),
  };
}

Deno.test("proxy - 1000 messages go through in order", async () => {
  await using poller = new Poller();
  await using proxy = start();
  assert.equal(proxy.running, true);
  await using subscriber = subscribe(poller, proxy.backend, "t");
  await using publisher = publish(poller, proxy.frontend);
  assert.equal(await publisher.subscriptions.next(), "+t");
  for (let i = 0; i < 1000; i += 1) publisher.send(`t${i}`, `${i}`);
  for (let i = 0; i < 1000; i += 1) assert.equal(await subscriber.next(), `t${i} ${i}`);
});

Deno.test("proxy - frames of every size and number come out as they went in", async () => {
  await using poller = new Poller();
  await using proxy = start();
  await using subscriber = subscribe(poller, proxy.backend, "");
  await using publisher = publish(poller, proxy.frontend);
  await publisher.subscriptions.next();
  const sizes = [0, 1, 255, 256, 65_536, 3_000_000];
  const frames = sizes.map((size) => new Uint8Array(size).fill(size));
  for (const message of [...frames.map((frame) => [frame]), frames]) {
    publisher.socket.send(message);
    const got = await subscriber.inbox.next();
    assert.deepEqual(got.map((frame) => Uint8Array.from(frame)), message);
  }
});

Deno.test("proxy - five publishers and five subscribers: each hears all, each publisher's in order", async () => {
  await using poller = new Poller();
  await using proxy = start();
  const subscribers = Array.from({ length: 5 }, () => subscribe(poller, proxy.backend, ""));
  const publishers = Array.from({ length: 5 }, () => publish(poller, proxy.frontend));
  await Promise.all(publishers.map(({ subscriptions }) => subscriptions.next()));
  // The first subscriber's subscription is what was forwarded; the others' may still be under way.
  await until("all five hear", () => {
    publishers[0]!.send("are you there");
    return subscribers.every(({ inbox }) => inbox.size > 0);
  });
  await Promise.all(publishers.map(async ({ send }, p) => {
    for (let i = 0; i < 200; i += 1) await send(`${p}`, `${i}`);
  }));
  for (const { next } of subscribers) {
    const heard = new Map<string, number>();
    for (let count = 0; count < 1000;) {
      const message = await next();
      if (message === "are you there") continue;
      const [p, i] = message.split(" ") as [string, string];
      assert.equal(Number(i), heard.get(p) ?? 0);
      heard.set(p, Number(i) + 1);
      count += 1;
    }
    assert.deepEqual([...heard.values()], [200, 200, 200, 200, 200]);
  }
  for (const one of [...publishers, ...subscribers]) await one[Symbol.asyncDispose]();
});

Deno.test("proxy - subscriptions are forwarded to publishers, once each, and taken back with the last", async () => {
  await using poller = new Poller();
  await using proxy = start();
  await using publisher = publish(poller, proxy.frontend);
  const { subscriptions } = publisher;
  await using first = subscribe(poller, proxy.backend, "a");
  assert.equal(await subscriptions.next(), "+a");
  const second = subscribe(poller, proxy.backend, "a", "b");
  assert.equal(await subscriptions.next(), "+b");
  // A publisher that comes later is told what there is.
  await using late = publish(poller, proxy.frontend);
  assert.deepEqual(
    [await late.subscriptions.next(), await late.subscriptions.next()].toSorted(),
    ["+a", "+b"],
  );
  publisher.send("c1");
  publisher.send("b1");
  publisher.send("a1");
  assert.equal(await first.next(), "a1");
  assert.equal(await second.next(), "b1");
  assert.equal(await second.next(), "a1");
  await second[Symbol.asyncDispose]();
  assert.equal(await subscriptions.next(), "-b");
  first.socket.unsubscribe("a");
  assert.equal(await subscriptions.next(), "-a");
  assert.equal(first.inbox.size, 0);
});

Deno.test("proxy - twenty publishers in a row never leave the subscriber deaf", async () => {
  await using poller = new Poller();
  await using proxy = start();
  await using subscriber = subscribe(poller, proxy.backend, "t");
  for (let round = 0; round < 20; round += 1) {
    await using publisher = publish(poller, proxy.frontend);
    assert.equal(await publisher.subscriptions.next(), "+t");
    publisher.send(`t${round}`);
    assert.equal(await subscriber.next(), `t${round}`);
  }
});

Deno.test("proxy - it restarts on its ports, and publisher and subscriber find each other again", async () => {
  await using poller = new Poller();
  const addresses = fixedAddresses();
  const first = await startAt(addresses);
  assert.equal(first.frontend, addresses.frontend);
  assert.equal(first.backend, addresses.backend);
  await using publisher = publish(poller, addresses.frontend);
  await using subscriber = subscribe(poller, addresses.backend, "t");
  assert.equal(await publisher.subscriptions.next(), "+t");
  publisher.send("t0");
  assert.equal(await subscriber.next(), "t0");
  await first[Symbol.asyncDispose]();

  for (let round = 1; round <= 5; round += 1) {
    // While the bus is away libzmq keeps what a connected publisher sends; what comes before the
    // subscriber is back is lost all the same, so the publisher says it until it is heard.
    subscriber.socket.subscribe(`round${round}`);
    await using again = await startAt(addresses);
    assert.equal(await publisher.subscriptions.next(), `+round${round}`);
    await until("the subscriber hears again", () => {
      publisher.send(`t${round}`);
      return subscriber.inbox.size > 0;
    });
    publisher.send(`round${round}`);
    let heard = await subscriber.next();
    while (heard === `t${round}`) heard = await subscriber.next();
    assert.equal(heard, `round${round}`);
    assert.equal(again.running, true);
  }
});

Deno.test("proxy - one side may connect to what another process binds", async () => {
  await using poller = new Poller();
  await using hub = start();
  await using edge = start({ backend: { mode: "connect", address: hub.frontend } });
  assert.equal(edge.backend, hub.frontend);
  await using subscriber = subscribe(poller, hub.backend, "t");
  await using publisher = publish(poller, edge.frontend);
  assert.equal(await publisher.subscriptions.next(), "+t");
  publisher.send("t1");
  assert.equal(await subscriber.next(), "t1");
});

Deno.test("proxy - a port in use is an error, and the other side is not left bound", async () => {
  await using poller = new Poller();
  for (const side of ["frontend", "backend"] as const) {
    const addresses = fixedAddresses();
    const taker = Socket.open(poller, "router");
    taker.bind(addresses[side]);
    assert.throws(
      () =>
        start({
          frontend: { mode: "bind", address: addresses.frontend },
          backend: { mode: "bind", address: addresses.backend },
        }),
      { code: "endpoint_in_use", data: { address: addresses[side] } },
    );
    const other = side === "frontend" ? addresses.backend : addresses.frontend;
    await using probe = Socket.open(poller, "router");
    // At once: left to the garbage collector it would be free too, some day.
    await until(
      "the other side is free",
      () => succeeds(() => probe.bind(other)),
      1000,
    );
    await taker.close();
  }
});

Deno.test("proxy - an address that is none is an error, whichever side and mode it has", async () => {
  for (const mode of ["bind", "connect"] as const) {
    for (const side of ["frontend", "backend"] as const) {
      assert.throws(() => start({ [side]: { mode, address: "tcp://" } }), {
        code: "endpoint_invalid",
      });
    }
  }
  await using proxy = start();
  assert.equal(proxy.running, true);
});

Deno.test("proxy - disposing is idempotent and quick, at any moment, and frees the ports", async () => {
  await using poller = new Poller();
  const addresses = fixedAddresses();
  for (let round = 0; round < 10; round += 1) {
    const proxy = await startAt(addresses);
    // Right after the start, while it waits, or with messages under way.
    if (round % 2 === 1) {
      await using subscriber = subscribe(poller, proxy.backend, "");
      await using publisher = publish(poller, proxy.frontend);
      await publisher.subscriptions.next();
      for (let i = 0; i < 100; i += 1) publisher.send(`${i}`);
      await subscriber.next();
    }
    const started = performance.now();
    await Promise.all([proxy[Symbol.asyncDispose](), proxy[Symbol.asyncDispose]()]);
    await proxy[Symbol.asyncDispose]();
    assert.ok(performance.now() - started < 2000, `${performance.now() - started} ms`);
    assert.equal(proxy.running, false);
  }
  const probe = Socket.open(poller, "router");
  await until(
    "the port is free",
    () => succeeds(() => probe.bind(addresses.frontend)),
  );
  await probe.close();
});

Deno.test("proxy - the program goes on while messages pass: it has a thread of its own", async () => {
  await using poller = new Poller();
  await using proxy = start({ highWaterMark: 0 });
  let heard = 0;
  await using sub = Socket.open(poller, "sub", {
    onMessage: () => heard += 1,
    receiveHighWaterMark: 0,
  });
  sub.subscribe("");
  sub.connect(proxy.backend);
  await using publisher = publish(poller, proxy.frontend);
  await publisher.subscriptions.next();
  for (let i = 0; i < 5000; i += 1) publisher.send("x");
  // Nothing of ours runs meanwhile: what arrives did so through the proxy's own thread.
  const blockedUntil = performance.now() + 200;
  while (performance.now() < blockedUntil);
  await until("all arrive", () => heard === 5000);
});
