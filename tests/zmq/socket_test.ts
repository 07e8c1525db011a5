import assert from "node:assert/strict";
import { PlantdError } from "../../src/errors.ts";
import { lib } from "../../src/zmq/libzmq.ts";
import { Poller } from "../../src/zmq/poller.ts";
import { type Frames, openSocketCount, Socket } from "../../src/zmq/socket.ts";
import { Waiter } from "../../src/zmq/wait.ts";
import { bytes, Inbox, pause, succeeds, text, until } from "../helpers/async.ts";
import { tempDir } from "../helpers/temp.ts";

/** A ROUTER that sends every message back. */
async function echo(poller: Poller): Promise<{ router: Socket; address: string }> {
  const router = Socket.open(poller, "router", {
    onMessage: (frames) => void router.send(frames),
  });
  return { router, address: await router.bind("tcp://127.0.0.1:*") };
}

Deno.test("socket - bound and idle, then a client connects, waits 200 ms and sends: it is answered", async () => {
  await using poller = new Poller();
  const { router, address } = await echo(poller);
  for (let round = 0; round < 5; round += 1) {
    await pause(100); // The deafness of a pending receive shows only when time passes before each step.
    const inbox = new Inbox<Frames>();
    await using dealer = Socket.open(poller, "dealer", { onMessage: inbox.put });
    dealer.connect(address);
    await pause(200);
    await dealer.send([bytes(`hello ${round}`)]);
    assert.equal(text((await inbox.next())[0]!), `hello ${round}`);
  }
  await router.close();
});

Deno.test("socket - a subscriber hears every publisher of twenty in a row that restart on one port", async () => {
  await using poller = new Poller();
  const inbox = new Inbox<Frames>();
  const probe = Socket.open(poller, "pub");
  const address = await probe.bind("tcp://127.0.0.1:*");
  await probe.close();
  const ups = new Inbox<string>();
  await using sub = Socket.open(poller, "sub", {
    onMessage: inbox.put,
    onConnection: ups.put,
    reconnectMs: 10,
  });
  sub.subscribe("t");
  sub.connect(address);
  for (let round = 0; round < 20; round += 1) {
    const pub = Socket.open(poller, "xpub", {
      onMessage: () => void pub.send([bytes(`t${round}`)]),
    });
    await until("the port is free again", async () => {
      try {
        await pub.bind(address);
        return true;
      } catch {
        return false;
      }
    });
    assert.equal(text((await inbox.next())[0]!), `t${round}`);
    await pub.close();
  }
});

Deno.test("socket - 50 clients come, ask and go while others do: every one is answered", async () => {
  await using poller = new Poller();
  const { router, address } = await echo(poller);
  await Promise.all(Array.from({ length: 50 }, async (_, i) => {
    for (let round = 0; round < 3; round += 1) {
      const inbox = new Inbox<Frames>();
      await using client = Socket.open(poller, "req", { onMessage: inbox.put });
      client.connect(address);
      await client.send([bytes(`${i}.${round}`)]);
      assert.equal(text((await inbox.next())[0]!), `${i}.${round}`);
    }
  }));
  await router.close();
});

Deno.test("socket - a flood on one socket does not starve another", async () => {
  await using poller = new Poller();
  let flood = 0;
  await using pull = Socket.open(poller, "pull", {
    onMessage: () => void (flood += 1),
    receiveHighWaterMark: 0,
  });
  const floodAddress = await pull.bind("tcp://127.0.0.1:*");
  await using push = Socket.open(poller, "push", { sendHighWaterMark: 0 });
  push.connect(floodAddress);
  const { router, address } = await echo(poller);
  const inbox = new Inbox<Frames>();
  await using dealer = Socket.open(poller, "dealer", { onMessage: inbox.put });
  dealer.connect(address);

  for (let i = 0; i < 20_000; i += 1) await push.send([bytes("x")]);
  await dealer.send([bytes("among them")]);
  assert.equal(text((await inbox.next())[0]!), "among them");
  await until("the whole flood arrives", () => flood === 20_000);
  await router.close();
});

Deno.test("socket - frames of every size come back as they were", async () => {
  await using poller = new Poller();
  const { router, address } = await echo(poller);
  const inbox = new Inbox<Frames>();
  await using dealer = Socket.open(poller, "dealer", { onMessage: inbox.put });
  dealer.connect(address);
  const sent = [0, 1, 127, 128, 255, 256, 65_536, 3_000_000].map((n) => new Uint8Array(n).fill(n));
  await dealer.send(sent);
  const got = await inbox.next();
  assert.deepEqual(got.map((f) => Uint8Array.from(f)), sent);
  await router.close();
});

Deno.test("socket - frames stay what they are while others come that share their memory", async () => {
  await using poller = new Poller();
  const { router, address } = await echo(poller);
  const inbox = new Inbox<Frames>();
  await using dealer = Socket.open(poller, "dealer", { onMessage: inbox.put });
  dealer.connect(address);
  // Chunks end within messages, and within frames; some messages are too large for one.
  const sent = Array.from(
    { length: 2000 },
    (_, i) =>
      [i % 7, (i * 37) % 701, i % 50 === 0 ? 40_000 + i : 3].map((n) => new Uint8Array(n).fill(i)),
  );
  const got: Frames[] = [];
  // Fewer at a time than the high-water mark.
  for (let i = 0; i < sent.length; i += 100) {
    for (const message of sent.slice(i, i + 100)) assert.equal(dealer.send(message), "sent");
    while (got.length < i + 100) got.push(await inbox.next());
  }
  assert.deepEqual(got.map((message) => message.map((frame) => Uint8Array.from(frame))), sent);
  await router.close();
});

Deno.test("socket - an address in use is named in the error", async () => {
  await using poller = new Poller();
  await using first = Socket.open(poller, "router");
  const address = await first.bind("tcp://127.0.0.1:*");
  await using second = Socket.open(poller, "router");
  assert.throws(() => second.bind(address), (error: PlantdError) => {
    assert.equal(error.code, "endpoint_in_use");
    assert.match(error.message, new RegExp(address.split(":").at(-1)!));
    return true;
  });
});

Deno.test("socket - what comes behind a message that makes it busy is taken once it has sent something", async () => {
  await using poller = new Poller();
  await using router = Socket.open(poller, "router", { mandatory: true });
  const endpoint = router.bind("tcp://127.0.0.1:*");
  const taken: string[] = [];
  await using dealer = Socket.open(poller, "dealer", {
    routingId: "d",
    onMessage: ([frame]) => void taken.push(text(frame!)),
    isBusy: () => taken.length > 0,
    messagesPerTurn: 1,
  });
  dealer.connect(endpoint);
  await until("it is there", () => router.send([bytes("d"), bytes("0")]) === "sent");
  for (let i = 1; i < 100; i += 1) router.send([bytes("d"), bytes(String(i))]);
  await until("it is busy", () => taken.length > 0);
  dealer.send([bytes("beat")]);
  await until("it has taken all", () => taken.length === 100);
  assert.deepEqual(taken, Array.from({ length: 100 }, (_, i) => String(i)));
});

Deno.test("socket - over the high-water mark a send says full, and nothing is lost of what it took", async () => {
  await using poller = new Poller();
  let received = 0;
  const push = Socket.open(poller, "push", { sendHighWaterMark: 10, lingerMs: 1000 });
  const address = await push.bind("tcp://127.0.0.1:*");
  assert.equal(await push.send([bytes("nobody there yet")]), "full");
  await using pull = Socket.open(poller, "pull", { onMessage: () => void (received += 1) });
  pull.connect(address);
  let sent = 0;
  await until("libzmq refuses or takes 1000", async () => {
    for (let i = 0; i < 100; i += 1) if (await push.send([bytes("x")]) === "sent") sent += 1;
    return sent >= 1000;
  });
  await until("all taken arrive", () => received === sent);
  await push.close();
});

Deno.test("socket - a mandatory router says unroutable for a peer it does not know", async () => {
  await using poller = new Poller();
  await using router = Socket.open(poller, "router", { mandatory: true });
  await router.bind("tcp://127.0.0.1:*");
  assert.equal(await router.send([bytes("nobody"), bytes("x")]), "unroutable");
});

Deno.test("socket - the identities that a router makes up begin somewhere else in every router", async () => {
  await using poller = new Poller();
  const first = async () => {
    const froms = new Inbox<Frames>();
    await using router = Socket.open(poller, "router", { onMessage: froms.put });
    const address = await router.bind("tcp://127.0.0.1:*");
    await using dealer = Socket.open(poller, "dealer");
    dealer.connect(address);
    await dealer.send([bytes("x")]);
    return (await froms.next())[0]!.toHex();
  };
  const begins: string[] = [];
  for (let i = 0; i < 3; i += 1) {
    lib.srand(1); // As the C library begins when nobody seeds it.
    begins.push(await first());
  }
  assert.equal(new Set([...begins, "006b8b4567"]).size, 4);
});

Deno.test("socket - a message over the limit costs its sender the connection and nobody else", async () => {
  await using poller = new Poller();
  const router = Socket.open(poller, "router", {
    messageBytesMax: 1000,
    onMessage: (frames) => void router.send(frames),
  });
  const address = await router.bind("tcp://127.0.0.1:*");
  const downs = new Inbox<string>();
  await using big = Socket.open(poller, "dealer", {
    onMessage: () => {},
    onConnection: (state) => state === "down" && downs.put(state),
  });
  big.connect(address);
  await big.send([new Uint8Array(1001)]);
  await downs.next();
  const inbox = new Inbox<Frames>();
  await using good = Socket.open(poller, "dealer", { onMessage: inbox.put });
  good.connect(address);
  await good.send([bytes("still here")]);
  assert.equal(text((await inbox.next())[0]!), "still here");
  await router.close();
});

Deno.test("socket - connection changes are reported through five restarts of the peer", async () => {
  await using poller = new Poller();
  const changes = new Inbox<string>();
  const first = Socket.open(poller, "router");
  const address = await first.bind("tcp://127.0.0.1:*");
  await using dealer = Socket.open(poller, "dealer", {
    onMessage: () => {},
    onConnection: changes.put,
    reconnectMs: 10,
  });
  dealer.connect(address);
  assert.equal(await changes.next(), "up");
  await first.close();
  assert.equal(await changes.next(), "down");
  for (let round = 0; round < 5; round += 1) {
    const router = Socket.open(poller, "router");
    await until("the port is free", () => succeeds(() => router.bind(address)));
    assert.equal(await changes.next(), "up");
    await router.close();
    assert.equal(await changes.next(), "down");
  }
});

Deno.test("socket - closing is idempotent, sending afterwards an error, and none is left open", async () => {
  const before = openSocketCount();
  await using poller = new Poller();
  const socket = Socket.open(poller, "dealer", { onMessage: () => {} });
  socket.connect("tcp://127.0.0.1:9");
  assert.equal(openSocketCount(), before + 1);
  await socket.close();
  await socket.close();
  assert.throws(() => socket.send([bytes("x")]), { code: "socket_closed" });
  assert.equal(openSocketCount(), before);
});

Deno.test("socket - an address that is none is an error, and the next good one works", async () => {
  await using poller = new Poller();
  await using socket = Socket.open(poller, "dealer", { onMessage: () => {} });
  assert.throws(() => socket.connect("tcp://"), { code: "endpoint_invalid" });
  const { router, address } = await echo(poller);
  socket.connect(address);
  assert.equal(await socket.send([bytes("x")]), "sent");
  await router.close();
});

Deno.test("waiter - wakes before the wait, during it and twice are all one wake", async () => {
  const waiter = new Waiter();
  waiter.wake();
  waiter.wake();
  await waiter.wait();
  const waiting = waiter.wait();
  waiter.wake();
  await waiting;
  assert.deepEqual(waiter.ready(), []);
  waiter.close();
});

for (const [what, patienceMs] of [["waiting elsewhere", 0], ["waiting here", 1]] as const) {
  Deno.test(`poller - a flood leaves the rest of the program its turn, ${what}`, async () => {
    await using poller = new Poller({ patienceMs });
    const back = (socket: Socket, frames: Frames) => socket.closed || void socket.send(frames);
    await using router: Socket = Socket.open(poller, "router", {
      onMessage: (frames) => back(router, frames),
    });
    const address = await router.bind("tcp://127.0.0.1:*");
    let echoes = 0;
    await using flood: Socket = Socket.open(poller, "dealer", {
      onMessage: (frames) => {
        echoes += 1;
        back(flood, frames);
      },
    });
    flood.connect(address);
    for (let i = 0; i < 500; i += 1) await flood.send([new Uint8Array(100)]);
    await until("the flood runs", () => echoes > 1_000);
    const dir = await tempDir();
    for (let i = 0; i < 20; i += 1) {
      const before = echoes;
      await Deno.writeTextFile(`${dir.path}/file`, "x");
      await new Promise((done) => setTimeout(done, 1));
      await until("the flood goes on", () => echoes > before);
    }
    await dir[Symbol.asyncDispose]();
  });
}

Deno.test("poller - where it waits here, it does so for no longer than it was told, and then elsewhere", async () => {
  await using poller = new Poller({ patienceMs: 1 });
  const { router, address } = await echo(poller);
  await using _router = router;
  const inbox = new Inbox<Frames>();
  await using dealer = Socket.open(poller, "dealer", { onMessage: inbox.put });
  dealer.connect(address);
  for (let i = 0; i < 100; i += 1) {
    dealer.send([Uint8Array.of(i)]);
    assert.deepEqual((await inbox.next())[0], Uint8Array.of(i));
    // Nothing comes meanwhile: a timer is not kept waiting, and what comes then is heard.
    await pause(1);
  }
});
