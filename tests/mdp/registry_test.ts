import assert from "node:assert/strict";
import { Aliases } from "../../src/mdp/alias.ts";
import { DIALECTS, type Frames } from "../../src/mdp/frames.ts";
import { Registry } from "../../src/mdp/registry.ts";
import {
  type BrokerLimits,
  DEFAULT_BROKER_LIMITS,
  type RegistryAction,
  type SendAction,
} from "../../src/mdp/registry_types.ts";
import { text } from "../helpers/async.ts";
import { message, partial, show, wire } from "./wire.ts";

const HEARTBEAT_MS = 1000;
const LIVENESS = 3;
const EXPIRY_MS = 60_000;
const ALIASES = new Aliases();
const { mdp01, mdp02 } = wire;

/** A registry on a clock that stands still, with peers known by a letter. */
class Sim {
  readonly registry: Registry;
  nowMs = 0;

  constructor(limits: Partial<BrokerLimits> = {}) {
    this.registry = new Registry({
      heartbeatMs: HEARTBEAT_MS,
      liveness: LIVENESS,
      requestExpiryMs: EXPIRY_MS,
      limits: { ...DEFAULT_BROKER_LIMITS, ...limits },
    }, ALIASES);
  }

  /** A message from `peer`; the answers as "peer: frame | frame". */
  from(peer: string, frames: Frames): string[] {
    return said(this.registry.receive(address(peer), frames, this.nowMs));
  }

  /** READY without the beat that answers it. */
  ready(peer: string, service = "s"): void {
    this.from(peer, mdp01.ready(service));
  }

  tick(afterMs = 0): string[] {
    this.nowMs += afterMs;
    return said(this.registry.tick(this.nowMs));
  }

  /** Lets time pass in steps of a tick, while `alive` beat. */
  pass(ms: number, alive: string[] = []): string[] {
    const all: string[] = [];
    for (const endMs = this.nowMs + ms; this.nowMs < endMs;) {
      for (const peer of alive) all.push(...this.from(peer, mdp01.beat()));
      all.push(...this.tick(Math.min(this.registry.tickMs, endMs - this.nowMs)));
    }
    return all;
  }

  undeliverable(peer: string, about: SendAction["about"], why: "unroutable" | "full"): string[] {
    const action: SendAction = { do: "send", key: latin(peer), about, frames: [] };
    return said(this.registry.undeliverable(action, why, this.nowMs));
  }

  status() {
    return this.registry.status();
  }
}

/** Five bytes starting with zero, as libzmq's are. */
function address(peer: string): Uint8Array {
  return Uint8Array.of(0, 0xff, 0x80, 0, peer.charCodeAt(0));
}

/** What workers know `peer` by. */
function alias(peer: string): Uint8Array {
  return ALIASES.of(address(peer));
}

function latin(peer: string): string {
  return String.fromCharCode(...address(peer));
}

function said(actions: readonly RegistryAction[]): string[] {
  return actions.flatMap((action) => {
    if (action.do === "note") return [];
    const [to, ...frames] = action.frames;
    const readable = frames.map((frame) => NAMES.get(frame.toHex()) ?? show([frame])[0]);
    return [`${String.fromCharCode(to![4]!)}: ${readable.join("|")}`];
  });
}

/** Aliases in words. */
const NAMES = new Map(
  [..."abcdefghijklmnopqrstuvwxyzWXYZ"].map((peer) => [alias(peer).toHex(), `<${peer}>`]),
);

/** What `peer` should have been sent. */
function to(peer: string, frames: Frames): string {
  return said([{ do: "send", key: "", about: "reply", frames: [address(peer), ...frames] }])[0]!;
}

const a = alias("a");
const b = alias("b");
const BYE = (peer: string) => to(peer, mdp01.byeToWorker());

Deno.test("B3 - a request for a service without workers waits for one", () => {
  const sim = new Sim();
  assert.deepEqual(sim.from("a", mdp01.request("s", "1")), []);
  assert.equal(sim.status().queued, 1);
  assert.deepEqual(sim.from("W", mdp01.ready("s")), [to("W", mdp01.toWorker(a, "1"))]);
  assert.equal(sim.status().queued, 0);
});

Deno.test("B3 - a worker has one request at a time; the others wait", () => {
  const sim = new Sim();
  sim.ready("W");
  assert.deepEqual(sim.from("a", mdp01.request("s", "1")), [to("W", mdp01.toWorker(a, "1"))]);
  assert.deepEqual(sim.from("b", mdp01.request("s", "2")), []);
  assert.deepEqual(sim.from("W", mdp01.final(a, "r1")), [
    to("a", mdp01.reply("s", "r1")),
    to("W", mdp01.toWorker(b, "2")),
  ]);
});

Deno.test("B3 - the worker that has been idle longest is next", () => {
  const sim = new Sim();
  for (const worker of "XYZ") sim.ready(worker);
  const order = ["1", "2", "3", "4"].map((n) => {
    const [sent] = sim.from("a", mdp01.request("s", n));
    sim.from(sent![0]!, mdp01.final(a, "r"));
    return sent![0];
  });
  assert.deepEqual(order, ["X", "Y", "Z", "X"]);
});

Deno.test("B4 - a request nobody takes expires, and its service is forgotten", () => {
  const sim = new Sim();
  sim.from("a", mdp01.request("s", "1"));
  sim.pass(EXPIRY_MS - 1);
  assert.equal(sim.status().queued, 1);
  sim.pass(1);
  const { queued, expired, services, bytes } = sim.status();
  assert.deepEqual({ queued, expired, services, bytes }, {
    queued: 0,
    expired: 1,
    services: 0,
    bytes: 0,
  });
});

Deno.test("B4 - what expired between two ticks reaches no worker", () => {
  const sim = new Sim();
  sim.from("a", mdp01.request("s", "1"));
  sim.nowMs = EXPIRY_MS;
  assert.deepEqual(sim.from("W", mdp01.ready("s")), [to("W", mdp01.beatToWorker())]);
  assert.equal(sim.status().expired, 1);
});

for (const client of DIALECTS) {
  for (const worker of DIALECTS) {
    Deno.test(`B5, B6 - a client of ${client} reaches a worker of ${worker} and is answered`, () => {
      const sim = new Sim();
      assert.deepEqual(sim.from("W", wire[worker].ready("s")), [
        to("W", wire[worker].beatToWorker()),
      ]);
      assert.deepEqual(sim.from("a", wire[client].request("s", "get", "{}")), [
        to("W", wire[worker].toWorker(a, "get", "{}")),
      ]);
      assert.deepEqual(sim.from("W", wire[worker].final(a, "r", "")), [
        to("a", wire[client].reply("s", "r", "")),
      ]);
    });
  }
}

Deno.test("B7 - a worker that said DISCONNECT gets nothing more, not even DISCONNECT", () => {
  for (const dialect of DIALECTS) {
    const sim = new Sim();
    sim.from("W", wire[dialect].ready("s"));
    assert.deepEqual(sim.from("W", wire[dialect].bye()), []);
    assert.deepEqual(sim.from("a", mdp01.request("s", "1")), []);
    assert.deepEqual(sim.from("W", wire[dialect].beat()), []);
    assert.deepEqual(sim.from("W", wire[dialect].final(a, "r")), []);
    assert.deepEqual(sim.pass(2 * HEARTBEAT_MS), []);
  }
});

Deno.test("B7 - DISCONNECT before READY is nothing wrong", () => {
  const sim = new Sim();
  assert.deepEqual(sim.from("W", mdp01.bye()), []);
  assert.equal(sim.status().disconnected, 0);
  assert.deepEqual(sim.from("W", mdp01.ready("s")), [to("W", mdp01.beatToWorker())]);
});

Deno.test("B8 - a second READY: DISCONNECT, and nothing more", () => {
  const sim = new Sim();
  sim.ready("W");
  assert.deepEqual(sim.from("W", mdp01.ready("s")), [BYE("W")]);
  assert.deepEqual(sim.from("a", mdp01.request("s", "1")), []);
  assert.deepEqual(sim.from("W", mdp01.beat()), []);
  assert.equal(sim.status().workers, 0);
});

for (const dialect of DIALECTS) {
  Deno.test(`B8 - HEARTBEAT or a reply before READY: DISCONNECT once, in ${dialect}`, () => {
    for (const early of [wire[dialect].beat(), wire[dialect].final(a, "spoofed")]) {
      const sim = new Sim();
      assert.deepEqual(sim.from("W", early), [to("W", wire[dialect].byeToWorker())]);
      assert.deepEqual(sim.from("W", early), []);
    }
  });
}

Deno.test("B8 - a reply nobody asked for reaches no client", () => {
  const sim = new Sim();
  sim.ready("W");
  assert.deepEqual(sim.from("W", mdp01.final(a, "unasked")), [BYE("W")]);
});

Deno.test("B8 - a second reply reaches no client", () => {
  const sim = new Sim();
  sim.ready("W");
  sim.from("a", mdp01.request("s", "1"));
  sim.from("W", mdp01.final(a, "r"));
  assert.deepEqual(sim.from("W", mdp01.final(a, "again")), [BYE("W")]);
});

Deno.test("B8 - a reply to a client whose request another worker holds reaches no client", () => {
  const sim = new Sim();
  sim.ready("V");
  sim.ready("W");
  sim.from("a", mdp01.request("s", "1")); // V
  sim.from("b", mdp01.request("s", "2")); // W
  assert.deepEqual(sim.from("W", mdp01.final(a, "spoofed")), [BYE("W")]);
  assert.deepEqual(sim.from("V", mdp01.final(a, "r")), [
    to("a", mdp01.reply("s", "r")),
    to("V", mdp01.toWorker(b, "2")), // B12: what W held.
  ]);
});

Deno.test("B8 - a worker that changes its dialect: DISCONNECT in the one it registered with", () => {
  const sim = new Sim();
  sim.ready("W");
  assert.deepEqual(sim.from("W", mdp02.beat()), [BYE("W")]);
});

Deno.test("B8 - a peer that was sent DISCONNECT may begin again with READY", () => {
  const sim = new Sim();
  sim.from("W", mdp01.beat());
  assert.deepEqual(sim.from("W", mdp01.ready("s")), [to("W", mdp01.beatToWorker())]);
  assert.deepEqual(sim.from("a", mdp01.request("s", "1")), [to("W", mdp01.toWorker(a, "1"))]);
});

Deno.test("B8 - the memory of ended conversations ends too", () => {
  const sim = new Sim();
  sim.from("W", mdp01.beat());
  assert.deepEqual(sim.from("W", mdp01.beat()), []);
  sim.pass(LIVENESS * HEARTBEAT_MS + 1);
  assert.deepEqual(sim.from("W", mdp01.beat()), [BYE("W")]);
});

Deno.test("B9 - an invalid message is dropped, counted, and no sign of life", () => {
  const sim = new Sim();
  sim.ready("W");
  for (let i = 0; i < 4; i += 1) {
    assert.deepEqual(sim.from("W", message("", "MDPW01", 99)), []);
    sim.tick(HEARTBEAT_MS);
  }
  assert.equal(sim.status().invalid, 4);
  assert.equal(sim.status().workers, 0);
  sim.ready("V");
  assert.deepEqual(sim.from("a", mdp01.request("s", "1")), [to("V", mdp01.toWorker(a, "1"))]);
});

Deno.test("B10 - a worker that is told nothing else hears a heartbeat in every interval", () => {
  const sim = new Sim();
  sim.ready("W");
  const heardAtMs: number[] = [];
  for (let ms = 0; ms < 20 * HEARTBEAT_MS; ms += sim.registry.tickMs) {
    sim.from("W", mdp01.beat());
    if (sim.tick(sim.registry.tickMs).length > 0) heardAtMs.push(sim.nowMs);
  }
  const gaps = heardAtMs.map((ms, i) => ms - (heardAtMs[i - 1] ?? 0));
  assert.ok(Math.max(...gaps) <= HEARTBEAT_MS, `${gaps}`);
  assert.ok(heardAtMs.length <= 20 * 4 / 3 + 1, `${heardAtMs.length} beats are too many`);
});

Deno.test("B10 - READY is answered with a first heartbeat, unless a request waits", () => {
  const sim = new Sim();
  assert.deepEqual(sim.from("V", mdp01.ready("s")), [to("V", mdp01.beatToWorker())]);
  sim.from("a", mdp01.request("t", "1"));
  assert.deepEqual(sim.from("W", mdp01.ready("t")), [to("W", mdp01.toWorker(a, "1"))]);
});

Deno.test("B10 - a silent worker is forgotten, busy or not, and DISCONNECT is all it hears later", () => {
  for (const busy of [false, true]) {
    const sim = new Sim();
    sim.ready("W");
    if (busy) sim.from("a", mdp01.request("s", "1"));
    sim.pass(LIVENESS * HEARTBEAT_MS);
    assert.equal(sim.status().workers, 1);
    sim.pass(sim.registry.tickMs);
    assert.equal(sim.status().workers, 0);
    assert.deepEqual(sim.from("W", mdp01.final(a, "late")), [BYE("W")]);
  }
});

Deno.test("B10 - a busy worker that beats is kept", () => {
  const sim = new Sim();
  sim.ready("W");
  sim.from("a", mdp01.request("s", "1"));
  sim.pass(20 * HEARTBEAT_MS, ["W"]);
  assert.deepEqual(sim.from("W", mdp01.final(a, "r")), [to("a", mdp01.reply("s", "r"))]);
});

Deno.test("B12 - the request of a dead worker goes to another one, before all others, once", () => {
  const sim = new Sim();
  sim.ready("W");
  sim.from("a", mdp01.request("s", "1"));
  sim.from("b", mdp01.request("s", "2"));
  sim.from("W", mdp01.bye());
  assert.deepEqual(sim.from("X", mdp01.ready("s")), [to("X", mdp01.toWorker(a, "1"))]);
  sim.from("X", mdp01.bye());
  assert.deepEqual(sim.from("Y", mdp01.ready("s")), [to("Y", mdp01.toWorker(b, "2"))]);
  const { retried, lost } = sim.status();
  assert.deepEqual({ retried, lost }, { retried: 1, lost: 1 });
});

Deno.test("B12 - a request never goes from one silent worker to another one", () => {
  const sim = new Sim();
  for (const worker of "VWXY") sim.ready(worker);
  sim.from("a", mdp01.request("s", "1"));
  assert.deepEqual(sim.tick(LIVENESS * HEARTBEAT_MS + 1), []);
  assert.deepEqual(sim.from("Z", mdp01.ready("s")), [to("Z", mdp01.toWorker(a, "1"))]);
});

Deno.test("B12 - a request that did not get to its worker has not had its second try", () => {
  for (const why of ["unroutable", "full"] as const) {
    const sim = new Sim();
    for (const worker of "WXY") sim.ready(worker);
    sim.from("a", mdp01.request("s", "1"));
    assert.deepEqual(sim.undeliverable("W", "request", why), [to("X", mdp01.toWorker(a, "1"))]);
    sim.from("X", mdp01.bye());
    assert.deepEqual(sim.from("Y", mdp01.final(a, "r")), [to("a", mdp01.reply("s", "r"))]);
  }
});

Deno.test("B12 - a worker whose heartbeat finds nobody is dead", () => {
  const sim = new Sim();
  sim.ready("W");
  sim.ready("X");
  sim.from("a", mdp01.request("s", "1"));
  assert.deepEqual(sim.undeliverable("W", "heartbeat", "full"), []);
  assert.deepEqual(sim.undeliverable("W", "heartbeat", "unroutable"), [
    to("X", mdp01.toWorker(a, "1")),
  ]);
});

Deno.test("B13 - clients are served in turn, however much one of them asks", () => {
  const sim = new Sim();
  for (let i = 0; i < 100; i += 1) sim.from("a", mdp01.request("s", "flood"));
  sim.from("b", mdp01.request("s", "one"));
  sim.from("c", mdp01.request("s", "one"));
  const order: string[] = [];
  let sent = sim.from("W", mdp01.ready("s"));
  for (let i = 0; i < 5; i += 1) {
    const client = sent.at(-1)!.match(/<(.)>/)![1]!;
    order.push(client);
    sent = sim.from("W", mdp01.final(alias(client), "r"));
  }
  assert.deepEqual(order, ["a", "b", "c", "a", "a"]);
});

Deno.test("M1 - mmi.service: 200 for a service with a worker, busy or not, 404 without", () => {
  const sim = new Sim();
  const ask = (name: string) => sim.from("a", mdp01.request("mmi.service", name));
  const answer = (code: string) => [to("a", mdp01.reply("mmi.service", code))];
  assert.deepEqual(ask("s"), answer("404"));
  sim.from("b", mdp01.request("s", "waits"));
  assert.deepEqual(ask("s"), answer("404"), "a queue is no worker");
  sim.ready("W");
  assert.deepEqual(ask("s"), answer("200"), "busy");
  sim.from("W", mdp01.final(b, "r"));
  assert.deepEqual(ask("s"), answer("200"), "idle");
  sim.from("W", mdp01.bye());
  assert.deepEqual(ask("s"), answer("404"));
  assert.deepEqual(ask(""), answer("404"));
});

Deno.test("M1 - mmi.service in every dialect", () => {
  for (const dialect of DIALECTS) {
    const sim = new Sim();
    sim.ready("W");
    assert.deepEqual(sim.from("a", wire[dialect].request("mmi.service", "s")), [
      to("a", wire[dialect].reply("mmi.service", "200")),
    ]);
  }
});

Deno.test("M2 - every other mmi service is answered 501", () => {
  const sim = new Sim();
  for (const name of ["mmi.", "mmi.unknown", "mmi.service.more"]) {
    assert.deepEqual(sim.from("a", mdp01.request(name, "s")), [to("a", mdp01.reply(name, "501"))]);
  }
});

Deno.test("M3 - a worker that registers an mmi service: DISCONNECT, and the broker answers as before", () => {
  const sim = new Sim();
  assert.deepEqual(sim.from("W", mdp01.ready("mmi.service")), [BYE("W")]);
  assert.deepEqual(sim.from("a", mdp01.request("mmi.service", "mmi.service")), [
    to("a", mdp01.reply("mmi.service", "404")),
  ]);
});

Deno.test("org.plantd.Broker - services and service, as JSON", () => {
  const sim = new Sim();
  const ask = (...body: string[]): unknown => {
    const actions = sim.registry.receive(
      address("a"),
      mdp01.request("org.plantd.Broker", ...body),
      0,
    );
    const [send] = actions.filter((action) => action.do === "send");
    assert.equal(send!.frames.length, 5);
    return JSON.parse(text(send!.frames[4]!));
  };
  assert.deepEqual(ask("services", "{}"), { services: [] });
  sim.ready("W", "s");
  sim.ready("X", "s");
  sim.ready("Y", "__proto__");
  assert.deepEqual(ask("services"), { services: ["s", "__proto__"] });
  for (let i = 0; i < 3; i += 1) sim.from("b", mdp01.request("s", "1"));
  assert.deepEqual(ask("service", `{"service":"s"}`), { s: { workers: 2, queued: 1, clients: 1 } });
  const odd = ask("service", `{"service":"__proto__"}`) as object;
  assert.ok(Object.hasOwn(odd, "__proto__"));
  for (
    const bad of [
      ["service"],
      ["service", ""],
      ["service", "{"],
      ["service", "null"],
      ["service", `{"service":1}`],
      ["service", `{"service":"unknown"}`],
      ["service", "[".repeat(2000)],
      ["service", " ".repeat(5000)],
      ["other", "{}"],
      ["", "{}"],
    ]
  ) {
    assert.deepEqual(Object.keys(ask(...bad) as object), ["error"], bad.join());
  }
  assert.deepEqual(ask("services"), { services: ["s", "__proto__"] });
});

Deno.test("org.plantd.Broker - a real worker of that name takes precedence while it is there", () => {
  const sim = new Sim();
  sim.ready("W", "org.plantd.Broker");
  assert.deepEqual(sim.from("a", mdp01.request("org.plantd.Broker", "services")), [
    to("W", mdp01.toWorker(a, "services")),
  ]);
  sim.from("W", mdp01.final(a, "mine"));
  sim.from("W", mdp01.bye());
  assert.deepEqual(sim.from("a", mdp01.request("org.plantd.Broker", "services")), [
    to("a", mdp01.reply("org.plantd.Broker", `{"services":[]}`)),
  ]);
});

Deno.test("bridging - partial replies go on to a client of mdp02, one by one", () => {
  const sim = new Sim();
  sim.from("W", mdp02.ready("s"));
  sim.from("a", mdp02.request("s", "1"));
  assert.deepEqual(sim.from("W", partial.fromWorker(a, "p1")), [
    to("a", partial.toClient("s", "p1")),
  ]);
  assert.deepEqual(sim.from("W", partial.fromWorker(a, "p2")), [
    to("a", partial.toClient("s", "p2")),
  ]);
  assert.deepEqual(sim.from("W", mdp02.final(a, "f")), [to("a", mdp02.reply("s", "f"))]);
});

Deno.test("bridging - partial replies are joined for clients that cannot have them", () => {
  for (const dialect of ["mdp01", "plantd02"] as const) {
    const sim = new Sim();
    sim.from("W", mdp02.ready("s"));
    sim.from("a", wire[dialect].request("s", "1"));
    assert.deepEqual(sim.from("W", partial.fromWorker(a, "p1", "")), []);
    assert.deepEqual(sim.from("W", partial.fromWorker(a, "p2")), []);
    assert.deepEqual(sim.from("W", mdp02.final(a, "f")), [
      to("a", wire[dialect].reply("s", "p1", "", "p2", "f")),
    ]);
    assert.equal(sim.status().bytes, 0);
  }
});

Deno.test("bridging - joined partial replies begin anew with another worker, passed-on ones end there", () => {
  const sim = new Sim();
  sim.from("W", mdp02.ready("s"));
  sim.from("a", mdp01.request("s", "1"));
  sim.from("W", partial.fromWorker(a, "of the first"));
  sim.from("W", mdp02.bye());
  sim.from("X", mdp02.ready("s"));
  assert.deepEqual(sim.from("X", mdp02.final(a, "f")), [to("a", mdp01.reply("s", "f"))]);

  sim.from("b", mdp02.request("s", "2"));
  sim.from("X", partial.fromWorker(b, "half"));
  sim.from("X", mdp02.bye());
  assert.deepEqual(sim.from("Y", mdp02.ready("s")), [to("Y", mdp02.beatToWorker())]);
  const { lost, bytes } = sim.status();
  assert.deepEqual({ lost, bytes }, { lost: 1, bytes: 0 });
});

Deno.test("bounded - joined partial replies have an end, and so has their worker", () => {
  const sim = new Sim();
  sim.from("W", mdp02.ready("s"));
  sim.from("a", mdp01.request("s", "1"));
  const megabyte = new Uint8Array(1024 * 1024);
  for (let i = 0; i < 16; i += 1) sim.from("W", partial.fromWorker(a, megabyte));
  assert.deepEqual(sim.from("W", partial.fromWorker(a, "x")), [to("W", mdp02.byeToWorker())]);
  const { refused, lost, bytes } = sim.status();
  assert.deepEqual({ refused, lost, bytes }, { refused: 1, lost: 1, bytes: 0 });

  sim.from("X", mdp02.ready("s"));
  sim.from("a", mdp01.request("s", "1"));
  for (let i = 0; i < 2042; i += 1) sim.from("X", partial.fromWorker(a, "f"));
  assert.deepEqual(sim.from("X", mdp02.final(a, "one too many")), [to("X", mdp02.byeToWorker())]);
  sim.ready("Y");
  assert.deepEqual(sim.from("a", mdp01.request("s", "1")), [to("Y", mdp01.toWorker(a, "1"))]);
});

Deno.test("bounded - the newest is refused at each bound, and workers are served on", () => {
  const cases: [string, Partial<BrokerLimits>, (i: number) => [string, Frames]][] = [
    ["unserved services", { unservedMax: 3 }, (i) => ["a", mdp01.request(`u${i}`, "x")]],
    ["queued", { queuedMax: 6 }, (i) => ["a", mdp01.request(`u${i}`, "x")]],
    ["of a service", { serviceQueuedMax: 3 }, (i) => ["abcdef"[i]!, mdp01.request("u", "x")]],
    ["of a client", { serviceQueuedMax: 6 }, () => ["a", mdp01.request("u", "x")]],
    ["bytes of a service", { serviceQueuedBytesMax: 15 }, () => ["a", mdp01.request("u", "12345")]],
    ["bytes", { bytesMax: 30 }, (i) => ["a", mdp01.request(`u${i}`, "12345")]],
  ];
  for (const [bound, limits, next] of cases) {
    const sim = new Sim(limits);
    for (let i = 0; i < 5; i += 1) assert.deepEqual(sim.from(...next(i)), []);
    const { queued, refused } = sim.status();
    assert.deepEqual({ queued, refused }, { queued: 3, refused: 2 }, bound);
    sim.ready("W", "good");
    assert.deepEqual(sim.from("z", mdp01.request("good", "1")), [
      to("W", mdp01.toWorker(alias("z"), "1")),
    ]);
    assert.deepEqual(sim.from("W", mdp01.final(alias("z"), "r")), [
      to("z", mdp01.reply("good", "r")),
    ]);
  }
});

Deno.test("bounded - services nobody offers leave half the room to those that are served", () => {
  const sim = new Sim({ queuedMax: 10 });
  sim.ready("W", "good");
  sim.from("z", mdp01.request("good", "held"));
  for (let i = 0; i < 20; i += 1) sim.from("a", mdp01.request(`u${i}`, "x"));
  assert.equal(sim.status().queued, 5);
  for (let i = 0; i < 20; i += 1) sim.from("b", mdp01.request("good", "x"));
  assert.equal(sim.status().queued, 10);
});

Deno.test("bounded - one worker too many is sent DISCONNECT, the others serve", () => {
  const sim = new Sim({ workersMax: 2 });
  sim.ready("W");
  sim.ready("X");
  assert.deepEqual(sim.from("Y", mdp01.ready("s")), [BYE("Y")]);
  assert.deepEqual(sim.from("a", mdp01.request("s", "1")), [to("W", mdp01.toWorker(a, "1"))]);
});

Deno.test("registry - a client that is gone is forgotten, with all it asked for", () => {
  const sim = new Sim();
  sim.ready("W");
  for (let i = 0; i < 3; i += 1) sim.from("a", mdp01.request("s", "1"));
  sim.from("a", mdp01.request("t", "1"));
  sim.from("b", mdp01.request("s", "2"));
  sim.from("W", mdp01.final(a, "r"));
  assert.deepEqual(sim.undeliverable("a", "reply", "unroutable"), []);
  const { queued, forgotten, services } = sim.status();
  // One of a's is with W by now, its reply will find nobody either; b's waits.
  assert.deepEqual({ queued, forgotten, services }, { queued: 1, forgotten: 2, services: 1 });
});

Deno.test("registry - a client that does not read loses replies and nothing else happens", () => {
  const sim = new Sim();
  sim.ready("W");
  sim.from("a", mdp01.request("s", "1"));
  sim.from("W", mdp01.final(a, "r"));
  assert.deepEqual(sim.undeliverable("a", "reply", "full"), []);
  assert.equal(sim.status().full, 1);
  assert.deepEqual(sim.from("b", mdp01.request("s", "2")), [to("W", mdp01.toWorker(b, "2"))]);
});

Deno.test("registry - after everyone has left nothing is kept", () => {
  const sim = new Sim();
  for (let i = 0; i < 500; i += 1) {
    sim.ready("W", `s${i}`);
    sim.from("a", mdp01.request(`s${i}`, "held"));
    sim.from("b", mdp01.request(`s${i}`, "waits"));
    sim.from("W", mdp01.bye());
    sim.from("c", mdp01.request(`t${i}`, "waits"));
  }
  sim.pass(EXPIRY_MS + HEARTBEAT_MS);
  const { services, workers, queued, bytes } = sim.status();
  assert.deepEqual({ services, workers, queued, bytes }, {
    services: 0,
    workers: 0,
    queued: 0,
    bytes: 0,
  });
});

Deno.test("registry - closing tells every worker DISCONNECT, in its dialect", () => {
  const sim = new Sim();
  for (const [peer, dialect] of [["W", "mdp01"], ["X", "mdp02"], ["Y", "plantd02"]] as const) {
    sim.from(peer, wire[dialect].ready("s"));
  }
  assert.deepEqual(said(sim.registry.close()), [
    to("W", mdp01.byeToWorker()),
    to("X", mdp02.byeToWorker()),
    to("Y", wire.plantd02.byeToWorker()),
  ]);
});
