import assert from "node:assert/strict";
import { LANE_QUEUE_MAX } from "../../src/limits.ts";
import { DIALECTS, type Frames } from "../../src/mdp/frames.ts";
import { Worker, type WorkerOptions } from "../../src/mdp/worker.ts";
import { Poller } from "../../src/zmq/poller.ts";
import { openSocketCount } from "../../src/zmq/socket.ts";
import { bytes, Inbox, pause, until } from "../helpers/async.ts";
import { StrictBroker } from "./peers.ts";
import { ADDRESS, message, show, wire } from "./wire.ts";

const SERVICE = "org.plantd.State";

/** A worker that echoes. */
function echo(
  poller: Poller,
  endpoint: string,
  options: Partial<WorkerOptions> = {},
): Worker {
  return Worker.start({
    poller,
    endpoint,
    service: SERVICE,
    lanes: 1,
    heartbeatMs: 2000,
    dialect: "mdp01",
    handler: ({ body }) => Promise.resolve(body),
    ...options,
  });
}

function client(n: number): Uint8Array {
  return Uint8Array.of(0, 0xff, 0x80, n >> 8, n & 0xff);
}

/** Asks on `worker` and checks the answer: what every test of bad input ends with. */
async function answers(broker: StrictBroker, worker: Uint8Array): Promise<void> {
  broker.request(worker, client(999), "still", "there");
  const { command } = await broker.replies.next();
  assert.deepEqual(show(command.body), ["still", "there"]);
}

Deno.test("W1, W2 - each lane has a DEALER of its own, and says READY first on it", async () => {
  await using poller = new Poller();
  await using broker = await StrictBroker.bind(poller);
  await using _worker = echo(poller, broker.endpoint, { lanes: 16 });
  const workers = await broker.workers(16);
  assert.equal(new Set(workers.map((w) => show([w])[0])).size, 16);
  assert.deepEqual(
    new Set(broker.heard.slice(0, 16).map((h) => h.command.kind)),
    new Set(["ready"]),
  );
});

for (const dialect of DIALECTS) {
  Deno.test(`W5 - requests are answered to the letter of ${dialect}`, async () => {
    await using poller = new Poller();
    await using broker = await StrictBroker.bind(poller, dialect);
    await using _worker = echo(poller, broker.endpoint, { dialect });
    const [worker] = await broker.workers(1);
    for (const address of [ADDRESS, new Uint8Array(255).fill(0xfe), bytes("text")]) {
      broker.request(worker!, address, "get", "", "{}");
      const { command } = await broker.replies.next();
      assert.deepEqual(show([command.client]), show([address]));
      assert.deepEqual(show(command.body), ["get", "", "{}"]);
    }
  });

  Deno.test(`W8 - DISCONNECT of ${dialect}: a new socket, READY, and nothing on the old one`, async () => {
    await using poller = new Poller();
    await using broker = await StrictBroker.bind(poller, dialect);
    await using worker = echo(poller, broker.endpoint, { dialect });
    const [first] = await broker.workers(1);
    broker.disconnect(first!);
    const [second] = await broker.workers(1);
    assert.notDeepEqual(show([second!]), show([first!]));
    assert.equal(worker.status().reconnects, 1);
    await answers(broker, second!);
  });
}

Deno.test("W3 - a conversation of many heartbeats has one READY", async () => {
  await using poller = new Poller();
  await using broker = await StrictBroker.bind(poller);
  await using worker = echo(poller, broker.endpoint, { heartbeatMs: 20, liveness: 100 });
  const [first] = await broker.workers(1);
  await until("twenty beats", () => {
    broker.beat(first!);
    return broker.heard.filter((h) => h.command.kind === "heartbeat").length >= 20;
  });
  assert.equal(broker.heard.filter((h) => h.command.kind === "ready").length, 1);
  assert.equal(worker.status().connected, 1);
});

Deno.test("W7 - handlers that reject are answered all the same, and the lane lives", async () => {
  await using poller = new Poller();
  await using broker = await StrictBroker.bind(poller);
  await using worker = echo(poller, broker.endpoint, {
    handler: ({ body }) =>
      show(body)[0] === "bad" ? Promise.reject(new Error("bad")) : Promise.resolve(body),
    onFailure: (error) => [bytes(String(error))],
  });
  const [lane] = await broker.workers(1);
  broker.request(lane!, ADDRESS, "bad");
  assert.deepEqual(show((await broker.replies.next()).command.body), ["Error: bad"]);
  await answers(broker, lane!);
  assert.equal(worker.status().failures, 1);
});

Deno.test("W7 - 20 requests pipelined on one lane are answered, one after another and in order", async () => {
  await using poller = new Poller();
  await using broker = await StrictBroker.bind(poller);
  let running = 0;
  await using worker = echo(poller, broker.endpoint, {
    handler: async ({ body }) => {
      assert.equal(running, 0);
      running += 1;
      await Promise.resolve();
      running -= 1;
      return body;
    },
  });
  const [lane] = await broker.workers(1);
  for (let i = 0; i < 20; i += 1) broker.request(lane!, client(i), String(i));
  for (let i = 0; i < 20; i += 1) {
    assert.deepEqual(show((await broker.replies.next()).command.body), [String(i)]);
  }
  assert.equal(worker.status().droppedRequests, 0);
  await answers(broker, lane!);
});

Deno.test("W7 - of 500 requests pipelined on a held lane none is lost without being counted", async () => {
  await using poller = new Poller();
  await using broker = await StrictBroker.bind(poller);
  const release = Promise.withResolvers<void>();
  await using worker = echo(poller, broker.endpoint, {
    handler: ({ body }) => release.promise.then(() => body),
  });
  const [lane] = await broker.workers(1);
  for (let i = 0; i < 500; i += 1) broker.request(lane!, client(0), "x");
  await until("all have come", () => worker.status().droppedRequests === 500 - LANE_QUEUE_MAX - 1);
  release.resolve();
  for (let i = 0; i < LANE_QUEUE_MAX + 1; i += 1) await broker.replies.next();
  assert.equal(worker.status().busy, 0);
});

Deno.test("W8 - a storm of DISCONNECTs costs few sockets, and ends in service", async () => {
  await using poller = new Poller();
  await using broker = await StrictBroker.bind(poller);
  await using worker = echo(poller, broker.endpoint, { heartbeatMs: 400 });
  broker.onReady = (from) => broker.disconnect(from);
  await pause(2000); // The rate of sockets is the subject.
  const { reconnects } = worker.status();
  // 50, 100 and 200 ms, then 200 ms each, less jitter of up to a half.
  assert.ok(reconnects >= 5 && reconnects <= 30, `${reconnects} sockets in 2 s`);
  broker.onReady = () => {};
  const [lane] = await broker.workers(1);
  await answers(broker, lane!);
});

Deno.test("W10, W11 - a lane beats while it waits and while it is busy, after READY only", async () => {
  await using poller = new Poller();
  await using broker = await StrictBroker.bind(poller);
  const release = Promise.withResolvers<void>();
  await using _worker = echo(poller, broker.endpoint, {
    heartbeatMs: 30,
    liveness: 1000,
    handler: ({ body }) => release.promise.then(() => body),
  });
  const [lane] = await broker.workers(1);
  const beats = () => broker.heard.filter((h) => h.command.kind === "heartbeat").length;
  await until("beats while waiting", () => beats() >= 3);
  broker.request(lane!, ADDRESS, "held");
  const before = beats();
  await until("beats while busy", () => beats() >= before + 3);
  release.resolve();
  await broker.replies.next();
});

Deno.test("W12 - requests alone keep a conversation alive", async () => {
  await using poller = new Poller();
  await using broker = await StrictBroker.bind(poller);
  await using worker = echo(poller, broker.endpoint, { heartbeatMs: 100, liveness: 5 });
  const [lane] = await broker.workers(1);
  const endMs = performance.now() + 1500; // Three liveness periods.
  while (performance.now() < endMs) await answers(broker, lane!);
  assert.equal(worker.status().reconnects, 0);
});

Deno.test("W13 - a silent broker is left after liveness intervals, and asked again on a new socket", async () => {
  await using poller = new Poller();
  await using broker = await StrictBroker.bind(poller);
  const startedMs = performance.now();
  await using worker = echo(poller, broker.endpoint, { heartbeatMs: 100 });
  await broker.workers(1);
  await until("a second conversation", () => worker.status().reconnects === 1);
  const silentMs = performance.now() - startedMs;
  assert.ok(silentMs >= 300 && silentMs < 2000, `left after ${silentMs} ms`);
  await until("the new READY is heard", () => broker.heard.at(-1)?.command.kind === "ready");
  await answers(broker, broker.heard.at(-1)!.from);
});

Deno.test("W13 - a busy lane outlasts a broker that beats for idle workers only", async () => {
  await using poller = new Poller();
  await using broker = await StrictBroker.bind(poller);
  const release = Promise.withResolvers<void>();
  await using worker = echo(poller, broker.endpoint, {
    heartbeatMs: 50,
    handler: ({ body }) => release.promise.then(() => body),
  });
  const [lane] = await broker.workers(1);
  broker.request(lane!, ADDRESS, "held");
  await pause(500); // Ten intervals of silence are the subject.
  release.resolve();
  assert.deepEqual(show((await broker.replies.next()).command.body), ["held"]);
  assert.equal(worker.status().reconnects, 0);
});

Deno.test("worker - messages that are no command are dropped and counted, and the next request answered", async () => {
  await using poller = new Poller();
  await using broker = await StrictBroker.bind(poller);
  await using worker = echo(poller, broker.endpoint);
  const [lane] = await broker.workers(1);
  const bad: Frames[] = [
    message(""),
    message("x"),
    message("", "MDPW01"),
    message("", "MDPW01", 2),
    message("", "MDPW01", 2, ADDRESS),
    message("", "MDPW01", 2, ADDRESS, ""),
    message("", "MDPW01", 2, ADDRESS, ADDRESS, "", "two addresses"),
    message("", "MDPW01", 2, "", "", "no address"),
    message("", "MDPW01", 2, new Uint8Array(256), "", "long address"),
    message("", "MDPW01", 1, SERVICE),
    message("", "MDPW01", 3, ADDRESS, "", "a reply"),
    message("", "MDPW01", 4, "more"),
    message("", "MDPW01", 9),
    message("", "MDPC01", SERVICE, "for a client"),
    wire.mdp02.toWorker(ADDRESS, "of another dialect"),
    wire.plantd02.byeToWorker(),
    Array.from({ length: 3000 }, () => bytes("f")),
  ];
  for (const frames of bad) broker.send(lane!, frames);
  await until("all are counted", () => worker.status().malformed === bad.length);
  await answers(broker, lane!);
  assert.equal(worker.status().requests, 1);
});

Deno.test("lanes - 64 requests are served 16 at a time by 16 lanes", async () => {
  await using poller = new Poller();
  await using broker = await StrictBroker.bind(poller);
  const started = new Inbox<{ done: () => void }>();
  let running = 0;
  let most = 0;
  await using _worker = echo(poller, broker.endpoint, {
    lanes: 16,
    handler: ({ body }) => {
      running += 1;
      most = Math.max(most, running);
      const { promise, resolve } = Promise.withResolvers<Frames>();
      started.put({
        done: () => {
          running -= 1;
          resolve(body);
        },
      });
      return promise;
    },
  });
  const free = await broker.workers(16);
  for (let next = 0, answered = 0; answered < 64;) {
    for (let lane = free.pop(); lane; lane = free.pop()) {
      if (next < 64) broker.request(lane, client(next), String(next++));
    }
    // Nobody is let go before all sixteen hold a request: so they overlap.
    const held = [];
    for (let i = 0; i < 16; i += 1) held.push(await started.next());
    assert.equal(running, 16);
    for (const { done } of held) done();
    for (let i = 0; i < 16; i += 1, answered += 1) free.push((await broker.replies.next()).from);
  }
  assert.equal(most, 16);
});

Deno.test("worker - a broker absent at the start is served within a heartbeat interval of its coming", async () => {
  await using poller = new Poller();
  const probe = await StrictBroker.bind(poller);
  const { endpoint } = probe;
  await probe[Symbol.asyncDispose]();
  await using worker = echo(poller, endpoint, { lanes: 16, heartbeatMs: 1000 });
  await pause(300); // The absence is the subject.
  assert.equal(worker.status().connected, 0);
  const cameMs = performance.now();
  await using broker = await StrictBroker.bind(poller, "mdp01", endpoint);
  const workers = await broker.workers(16);
  assert.ok(performance.now() - cameMs < 1000, `${performance.now() - cameMs} ms`);
  for (const lane of workers) await answers(broker, lane);
});

Deno.test("worker - a connection that goes is noticed by all lanes, long before a heartbeat", async () => {
  await using poller = new Poller();
  let broker = await StrictBroker.bind(poller);
  await using worker = echo(poller, broker.endpoint, { lanes: 8, heartbeatMs: 60_000 });
  for (let restarts = 1; restarts <= 3; restarts += 1) {
    await broker.workers(8);
    const { endpoint } = broker;
    await broker[Symbol.asyncDispose]();
    broker = await StrictBroker.bind(poller, "mdp01", endpoint);
    const workers = await broker.workers(8);
    await Promise.all(workers.map((lane) => answers(broker, lane)));
    assert.equal(worker.status().reconnects, 8 * restarts);
  }
  await broker[Symbol.asyncDispose]();
});

Deno.test("worker - a broker that comes while lanes change their sockets sees each lane once", async () => {
  await using poller = new Poller();
  const probe = await StrictBroker.bind(poller);
  const { endpoint } = probe;
  await probe[Symbol.asyncDispose]();
  // Sockets live for 20 ms and linger for 200: so old ones with a READY in them abound.
  await using _worker = echo(poller, endpoint, { lanes: 4, heartbeatMs: 20, liveness: 1 });
  await pause(200);
  await using broker = await StrictBroker.bind(poller, "mdp01", endpoint);
  broker.onReady = (from) => broker.beat(from);
  await until("the lanes' READYs, the rest taken back", () => {
    for (const from of broker.ready.values()) broker.beat(from);
    return broker.ready.size === 4;
  });
  await pause(250); // Longer than any old socket lingers.
  await until("still four", () => {
    for (const from of broker.ready.values()) broker.beat(from);
    return broker.ready.size === 4;
  });
});

for (const dialect of DIALECTS) {
  Deno.test(`dialect auto - a broker of ${dialect} is understood`, async () => {
    await using poller = new Poller();
    await using broker = await StrictBroker.bind(poller, dialect);
    broker.onReady = (from) => broker.beat(from);
    await using worker = echo(poller, broker.endpoint, { dialect: "auto", heartbeatMs: 100 });
    await until("it is understood", () => worker.status().connected === 1);
    assert.equal(worker.status().dialect, dialect);
    await answers(broker, [...broker.ready.values()][0]!);
  });
}

Deno.test("status - counts what happened", async () => {
  await using poller = new Poller();
  await using broker = await StrictBroker.bind(poller);
  await using worker = echo(poller, broker.endpoint, { lanes: 2 });
  assert.equal(worker.status().lastHeardMs, undefined);
  const lanes = await broker.workers(2);
  await answers(broker, lanes[0]!);
  await until("the reply is counted", () => worker.status().replies === 1);
  const { lastHeardMs, ...status } = worker.status();
  assert.ok(lastHeardMs !== undefined && lastHeardMs < 1000);
  assert.deepEqual(status, {
    lanes: 2,
    connected: 1,
    busy: 0,
    dialect: "mdp01",
    requests: 1,
    replies: 1,
    failures: 0,
    malformed: 0,
    droppedRequests: 0,
    droppedReplies: 0,
    reconnects: 0,
  });
});

Deno.test("stop - running requests are answered, new ones not taken, DISCONNECT said on each lane", async () => {
  const before = openSocketCount();
  await using poller = new Poller();
  await using broker = await StrictBroker.bind(poller);
  const release = Promise.withResolvers<void>();
  const worker = echo(poller, broker.endpoint, {
    lanes: 4,
    handler: ({ body }) => release.promise.then(() => body),
  });
  const [lane] = await broker.workers(4);
  broker.request(lane!, ADDRESS, "held");
  await until("it is busy", () => worker.status().busy === 1);
  const stopped = worker.stop({ withinMs: 5000 });
  await until("the idle lanes have said goodbye", () => broker.ready.size === 1);
  broker.request(lane!, ADDRESS, "too late");
  await until("it is refused", () => worker.status().droppedRequests === 1);
  release.resolve();
  await stopped;
  assert.deepEqual(show((await broker.replies.next()).command.body), ["held"]);
  await until("the last lane has said goodbye", () => broker.ready.size === 0);
  assert.equal(worker.status().connected, 0);
  await worker.stop();
  assert.equal(openSocketCount(), before + 1);
});

Deno.test("stop - what does not end in time is abandoned, with DISCONNECT", async () => {
  for (const how of ["ms", "signal"] as const) {
    await using poller = new Poller();
    await using broker = await StrictBroker.bind(poller);
    const worker = echo(poller, broker.endpoint, { handler: () => new Promise<Frames>(() => {}) });
    const [lane] = await broker.workers(1);
    broker.request(lane!, ADDRESS, "held for ever");
    await until("it is busy", () => worker.status().busy === 1);
    await worker.stop(how === "ms" ? { withinMs: 20 } : { signal: AbortSignal.timeout(20) });
    await until("it has said goodbye", () => broker.ready.size === 0);
    assert.equal(worker.status().droppedReplies, 1);
  }
});

Deno.test("start - options that are none are errors in words, and leave nothing open", async () => {
  const before = openSocketCount();
  await using poller = new Poller();
  const bad: [Partial<WorkerOptions>, string][] = [
    [{ service: "" }, "config_invalid"],
    [{ service: "x".repeat(256) }, "config_invalid"],
    [{ lanes: 0 }, "config_invalid"],
    [{ lanes: 1.5 }, "config_invalid"],
    [{ heartbeatMs: 0 }, "config_invalid"],
    [{ liveness: NaN }, "config_invalid"],
    [{ dialect: "mdp03" as never }, "config_invalid"],
    [{ endpoint: "nowhere" }, "endpoint_invalid"],
  ];
  for (const [options, code] of bad) {
    assert.throws(() => echo(poller, "tcp://127.0.0.1:9", options), { code });
  }
  await until("all sockets are closed", () => openSocketCount() === before);
  await using broker = await StrictBroker.bind(poller);
  await using _worker = echo(poller, broker.endpoint);
  const [lane] = await broker.workers(1);
  await answers(broker, lane!);
});
