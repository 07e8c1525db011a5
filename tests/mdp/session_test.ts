import assert from "node:assert/strict";
import fc from "fast-check";
import { LANE_QUEUE_MAX } from "../../src/limits.ts";
import { type Dialect, DIALECTS, type Frames, type ToWorker } from "../../src/mdp/frames.ts";
import {
  newSession,
  nextTickMs,
  type SessionAction,
  type SessionConfig,
  type SessionEvent,
  step,
} from "../../src/mdp/session.ts";
import { ADDRESS, message, show, wire } from "./wire.ts";

const SERVICE = "org.plantd.State";
const HEARTBEAT_MS = 1000;
const SILENCE_MS = 3000;

/** A lane on a clock that stands still until a test moves it. */
class Sim {
  readonly config: SessionConfig;
  nowMs = 0;
  state;
  /** What was done since it was last taken. */
  #done: SessionAction[] = [];

  constructor(config: Partial<SessionConfig> = {}) {
    this.config = {
      service: SERVICE,
      heartbeatMs: HEARTBEAT_MS,
      liveness: 3,
      dialect: "mdp01",
      ...config,
    };
    this.state = newSession(this.config, 0);
  }

  /** A lane whose conversation is open and whose connection is up. */
  static open(config: Partial<SessionConfig> = {}): Sim {
    const sim = new Sim(config);
    sim.on({ type: "tick" });
    sim.on({ type: "up" });
    sim.take();
    return sim;
  }

  on(event: SessionEvent, jitter = 0): SessionAction[] {
    const { state, actions } = step(this.config, this.state, event, this.nowMs, jitter);
    this.state = state;
    this.#done.push(...actions);
    return [...actions];
  }

  hear(command: { kind: "heartbeat" | "disconnect" }, jitter = 0): SessionAction[] {
    const { dialect } = this.state;
    return this.on({ type: "command", command: { ...command, dialect } }, jitter);
  }

  request(client: Uint8Array = ADDRESS, ...body: string[]): SessionAction[] {
    const { dialect } = this.state;
    const command: ToWorker = { kind: "request", dialect, client, body: message(...body, "b") };
    return this.on({ type: "command", command });
  }

  finish(...body: string[]): SessionAction[] {
    return this.on({ type: "finished", reply: message(...body) });
  }

  /** Moves the clock to `ms`, with every tick that is due until then. */
  until(ms: number, jitter = 0): void {
    for (let due = nextTickMs(this.config, this.state); due <= ms;) {
      this.nowMs = Math.max(this.nowMs, due);
      this.on({ type: "tick" }, jitter);
      const next = nextTickMs(this.config, this.state);
      assert.ok(next > this.nowMs, "a tick leaves nothing that is due");
      due = next;
    }
    this.nowMs = ms;
  }

  take(): SessionAction[] {
    return this.#done.splice(0);
  }

  /** Kinds of what was done since it was last taken. */
  did(): string[] {
    return this.take().map(kind);
  }
}

function kind(action: SessionAction): string {
  return action.do === "drop" ? `drop ${action.what}` : action.do;
}

function sent(actions: readonly SessionAction[]): string[][] {
  const frames = actions.flatMap((a): Frames[] =>
    a.do === "open" ? [a.ready] : a.do === "send" || a.do === "reply" ? [a.frames] : []
  );
  return frames.map(show);
}

Deno.test("W1 - a conversation begins with a new socket and ends with closing it", () => {
  const sim = new Sim();
  assert.deepEqual(sim.on({ type: "tick" }).map(kind), ["open"]);
  sim.until(SILENCE_MS);
  assert.deepEqual(sim.did(), ["open", "send", "close", "open"]);
});

for (const dialect of DIALECTS) {
  Deno.test(`W2 - READY is the first message of each new socket, in ${dialect}`, () => {
    const sim = new Sim({ dialect });
    assert.deepEqual(sent(sim.on({ type: "tick" })), [show(wire[dialect].ready(SERVICE))]);
    sim.on({ type: "up" });
    const again = sim.on({ type: "down" });
    assert.deepEqual(again.map(kind), ["close", "open"]);
    assert.deepEqual(sent(again), [show(wire[dialect].ready(SERVICE))]);
  });

  Deno.test(`W5 - a reply has the client's address as the request had it, in ${dialect}`, () => {
    const sim = Sim.open({ dialect });
    sim.request();
    assert.deepEqual(sent(sim.finish("a", "")), [show(wire[dialect].final(ADDRESS, "a", ""))]);
  });

  Deno.test(`W5 - a reply without frames gets one that is empty, in ${dialect}`, () => {
    const sim = Sim.open({ dialect });
    sim.request();
    assert.deepEqual(sent(sim.finish()), [show(wire[dialect].final(ADDRESS, ""))]);
  });
}

Deno.test("W3 - however long it lasts, a conversation has one READY", () => {
  const sim = new Sim();
  sim.on({ type: "tick" });
  sim.on({ type: "up" });
  for (let ms = 500; ms < 60_000; ms += 500) {
    sim.until(ms);
    sim.hear({ kind: "heartbeat" });
    sim.request();
    sim.finish("r");
  }
  assert.equal(sim.did().filter((what) => what === "open").length, 1);
});

Deno.test("W7 - each request gets exactly one reply, also those that came while the lane was busy", () => {
  const sim = Sim.open();
  for (let i = 0; i < 20; i += 1) sim.request(ADDRESS, String(i));
  for (let i = 0; i < 20; i += 1) sim.finish(String(i));
  const did = sim.take();
  const handled = did.flatMap((a) => a.do === "handle" ? [show(a.request.body)[0]] : []);
  assert.deepEqual(handled, Array.from({ length: 20 }, (_, i) => String(i)));
  assert.equal(did.filter((a) => a.do === "reply").length, 20);
  assert.deepEqual(sim.finish("one too many"), []);
});

Deno.test("W7 - a lane takes one request at a time", () => {
  const sim = Sim.open();
  sim.request();
  assert.deepEqual(sim.request().map(kind), []);
  assert.deepEqual(sim.finish("r").map(kind), ["reply", "handle"]);
});

Deno.test("W7 - what comes on top of a full queue is dropped and counted, the rest is served", () => {
  const sim = Sim.open();
  for (let i = 0; i < LANE_QUEUE_MAX + 1; i += 1) sim.request();
  assert.deepEqual(sim.request().map(kind), ["drop request"]);
  for (let i = 0; i < LANE_QUEUE_MAX + 1; i += 1) sim.finish("r");
  assert.equal(sim.did().filter((what) => what === "reply").length, LANE_QUEUE_MAX + 1);
  assert.equal(sim.state.phase, "waiting");
});

Deno.test("W8 - on DISCONNECT nothing more is sent, and a new socket is opened at once", () => {
  const sim = Sim.open();
  sim.hear({ kind: "heartbeat" });
  assert.deepEqual(sim.hear({ kind: "disconnect" }).map(kind), ["close", "open"]);
});

Deno.test("W8 - DISCONNECT while busy: no reply on the old conversation, the new one after the work", () => {
  const sim = Sim.open();
  sim.request();
  sim.request();
  assert.deepEqual(sim.hear({ kind: "disconnect" }).map(kind), ["close", "drop request"]);
  sim.take();
  sim.until(20_000);
  assert.deepEqual(sim.did(), []);
  assert.deepEqual(sim.finish("late").map(kind), ["drop reply", "open"]);
});

Deno.test("W8 - DISCONNECTs in a storm are answered ever more slowly, within half a heartbeat", () => {
  const sim = Sim.open();
  const pauses: number[] = [];
  for (let i = 0; i < 12; i += 1) {
    const beforeMs = sim.nowMs;
    sim.hear({ kind: "disconnect" });
    if (sim.state.phase === "gone") sim.until(sim.state.reopenAtMs);
    pauses.push(sim.state.openedAtMs - beforeMs);
    sim.on({ type: "up" });
  }
  assert.deepEqual(pauses.slice(0, 6), [0, 50, 100, 200, 400, 500]);
  assert.deepEqual(new Set(pauses.slice(5)), new Set([HEARTBEAT_MS / 2]));
});

Deno.test("W8 - jitter shortens the pause by up to a half", () => {
  const pause = (jitter: number) => {
    const sim = Sim.open();
    for (let i = 0; i < 2; i += 1) sim.hear({ kind: "disconnect" }, jitter);
    return sim.state.reopenAtMs - sim.nowMs;
  };
  assert.equal(pause(0), 50);
  assert.equal(pause(1), 25);
});

Deno.test("W8 - a conversation that lasted ends the storm", () => {
  const sim = Sim.open();
  for (let i = 0; i < 8; i += 1) {
    sim.hear({ kind: "disconnect" });
    sim.until(Math.max(sim.nowMs, sim.state.reopenAtMs));
    sim.on({ type: "up" });
  }
  sim.until(sim.nowMs + HEARTBEAT_MS);
  sim.hear({ kind: "heartbeat" });
  sim.take();
  assert.deepEqual(sim.hear({ kind: "disconnect" }).map(kind), ["close", "open"]);
});

Deno.test("W10 - no heartbeat leaves before READY has", () => {
  const sim = new Sim();
  sim.on({ type: "tick" });
  sim.take();
  sim.until(SILENCE_MS - 1);
  assert.deepEqual(sim.did(), [], "READY still waits for the connection");
  sim.on({ type: "up" });
  sim.until(SILENCE_MS - 1 + HEARTBEAT_MS);
  assert.deepEqual(sent(sim.take()), [show(wire.mdp01.beat())]);
});

Deno.test("W11 - a lane that is quiet beats once in an interval", () => {
  const sim = Sim.open();
  for (let ms = 100; ms <= 10_000; ms += 100) {
    sim.until(ms);
    sim.hear({ kind: "heartbeat" });
  }
  assert.deepEqual(sim.did(), Array(10).fill("send"));
});

Deno.test("W11 - while replies flow, no heartbeats are sent", () => {
  const sim = Sim.open();
  for (let ms = 100; ms <= 10_000; ms += 100) {
    sim.until(ms);
    sim.request();
    sim.finish("r");
  }
  assert.ok(!sim.did().includes("send"));
});

Deno.test("W11 - a lane beats while it is busy", () => {
  const sim = Sim.open();
  sim.request();
  sim.take();
  sim.until(5 * HEARTBEAT_MS);
  assert.deepEqual(sim.did(), Array(5).fill("send"));
});

Deno.test("W12 - a request is as good a sign of life as a heartbeat", () => {
  for (const sign of ["heartbeat", "request"] as const) {
    const sim = Sim.open();
    for (let ms = 2900; ms <= 30_000; ms += 2900) {
      sim.until(ms);
      if (sign === "heartbeat") sim.hear({ kind: "heartbeat" });
      else {
        sim.request();
        sim.finish("r");
      }
    }
    assert.ok(!sim.did().includes("open"), sign);
  }
});

Deno.test("W13 - silence for liveness intervals: the conversation starts anew, and not before", () => {
  const sim = Sim.open();
  sim.until(500);
  sim.hear({ kind: "heartbeat" });
  sim.until(500 + SILENCE_MS - 1);
  assert.ok(!sim.did().includes("close"));
  sim.until(500 + SILENCE_MS);
  assert.deepEqual(sim.did(), ["send", "close", "open"]);
});

Deno.test("W13 - a READY that still waits in a closing socket is taken back with DISCONNECT", () => {
  const sim = new Sim();
  sim.until(SILENCE_MS);
  const texts = sent(sim.take());
  assert.deepEqual(
    texts,
    [wire.mdp01.ready(SERVICE), wire.mdp01.bye(), wire.mdp01.ready(SERVICE)].map(show),
  );
});

Deno.test("W13 - a busy lane does not take an idle-only heartbeating broker for dead", () => {
  const sim = Sim.open();
  sim.request();
  sim.until(100 * HEARTBEAT_MS);
  assert.deepEqual(sim.finish("r").map(kind), ["reply"]);
  sim.until(100 * HEARTBEAT_MS + SILENCE_MS - 1);
  assert.ok(!sim.did().includes("close"), "silence counts from the reply");
  sim.until(100 * HEARTBEAT_MS + SILENCE_MS);
  assert.ok(sim.did().includes("close"));
});

Deno.test("W13 - silence in storms too: an absent broker costs one socket in a liveness period", () => {
  const sim = new Sim();
  sim.until(30_000);
  assert.equal(sim.did().filter((what) => what === "open").length, 11);
});

Deno.test("session - a lost connection starts the conversation anew at once", () => {
  const sim = Sim.open();
  sim.until(200);
  assert.deepEqual(sim.on({ type: "down" }).map(kind), ["close", "open"]);
});

Deno.test("W10 - a connection lost before it was up may have taken READY along: it is said anew, before any beat", () => {
  const sim = new Sim();
  sim.on({ type: "tick" });
  const again = sim.on({ type: "down" });
  // The old socket says goodbye behind a READY that it may still have.
  assert.deepEqual(again.map(kind), ["send", "close", "open"]);
  assert.deepEqual(sent(again), [show(wire.mdp01.bye()), show(wire.mdp01.ready(SERVICE))]);
  sim.on({ type: "up" });
  sim.take();
  sim.until(HEARTBEAT_MS);
  assert.deepEqual(sim.did(), ["send"]);
});

Deno.test("session - who takes connections and closes them is not hammered", () => {
  const sim = new Sim();
  sim.on({ type: "tick" });
  for (let i = 0; i < 50; i += 1) {
    sim.on({ type: "down" });
    sim.until(Math.max(sim.nowMs, sim.state.reopenAtMs));
  }
  // 50 ms doubling to half an interval.
  assert.ok(sim.nowMs > 40 * HEARTBEAT_MS / 2);
});

Deno.test("session - a socket that is broken is replaced, up or not", () => {
  const sim = new Sim();
  sim.on({ type: "tick" });
  assert.deepEqual(sim.on({ type: "broken" }).map(kind), ["send", "close", "open"]);
});

Deno.test("session - a connection lost while busy: the work is finished, its reply dropped, then READY", () => {
  const sim = Sim.open();
  sim.request();
  assert.deepEqual(sim.on({ type: "down" }).map(kind), ["close"]);
  assert.equal(sim.state.phase, "orphaned");
  assert.deepEqual(sim.finish("r").map(kind), ["drop reply", "open"]);
});

Deno.test("session - a second connection under one socket is a new conversation", () => {
  const sim = Sim.open();
  assert.deepEqual(sim.on({ type: "up" }).map(kind), ["close", "open"]);
});

Deno.test("session - a broker that stays away is not hammered, one that comes back is served within an interval", () => {
  const sim = Sim.open();
  for (let i = 0; i < 50; i += 1) {
    sim.on({ type: "down" });
    assert.ok(sim.state.reopenAtMs - sim.nowMs <= HEARTBEAT_MS / 2);
    sim.until(Math.max(sim.nowMs, sim.state.reopenAtMs));
    sim.on({ type: "up" });
  }
  assert.equal(sim.state.phase, "waiting");
});

Deno.test("dialect auto - the next is tried when someone is there and says nothing", () => {
  const sim = new Sim({ dialect: "auto" });
  const spoken: Dialect[] = [];
  sim.until(0);
  for (let round = 1; round <= 4; round += 1) {
    spoken.push(sim.state.dialect);
    sim.on({ type: "up" });
    sim.until(round * SILENCE_MS);
  }
  assert.deepEqual(spoken, ["mdp01", "mdp02", "plantd02", "mdp01"]);
});

Deno.test("dialect auto - the one that was answered is kept, through silence and lost connections", () => {
  const sim = new Sim({ dialect: "auto" });
  sim.until(0);
  sim.on({ type: "up" });
  sim.until(SILENCE_MS);
  assert.equal(sim.state.dialect, "mdp02");
  sim.on({ type: "up" });
  sim.hear({ kind: "heartbeat" });
  sim.on({ type: "down" });
  sim.until(10 * SILENCE_MS); // Nobody is there: no reason to speak otherwise.
  assert.equal(sim.state.dialect, "mdp02");
});

Deno.test("dialect auto - an absent broker is awaited in mdp01", () => {
  const sim = new Sim({ dialect: "auto" });
  sim.until(10 * SILENCE_MS);
  assert.equal(sim.state.dialect, "mdp01");
});

Deno.test("stop - a waiting lane says DISCONNECT and closes, and nothing brings it back", () => {
  const sim = Sim.open();
  const actions = sim.on({ type: "stop" });
  assert.deepEqual(actions.map(kind), ["send", "close"]);
  assert.deepEqual(sent(actions), [show(wire.mdp01.bye())]);
  for (const type of ["tick", "up", "down", "stop", "abandon"] as const) {
    assert.deepEqual(sim.on({ type }), []);
  }
  assert.equal(nextTickMs(sim.config, sim.state), Infinity);
});

Deno.test("stop - a busy lane answers first and takes nothing new", () => {
  const sim = Sim.open();
  sim.request();
  sim.request();
  assert.deepEqual(sim.on({ type: "stop" }).map(kind), ["drop request"]);
  assert.deepEqual(sim.request().map(kind), ["drop request"]);
  assert.deepEqual(sim.finish("r").map(kind), ["reply", "send", "close"]);
  assert.equal(sim.state.phase, "stopped");
});

Deno.test("stop - abandoned while busy: DISCONNECT without the reply", () => {
  const sim = Sim.open();
  sim.request();
  sim.on({ type: "stop" });
  assert.deepEqual(sim.on({ type: "abandon" }).map(kind), ["drop reply", "send", "close"]);
  assert.deepEqual(sim.finish("r"), []);
});

Deno.test("stop - a lane without a conversation has nothing to say", () => {
  const sim = Sim.open();
  sim.request();
  sim.on({ type: "down" });
  assert.deepEqual(sim.on({ type: "stop" }), []);
  assert.deepEqual(sim.finish("r").map(kind), ["drop reply"]);
  assert.equal(sim.state.phase, "stopped");
});

Deno.test("session - whatever happens in whatever order, the rules hold", () => {
  const event = fc.constantFrom(
    "beat",
    "bye",
    "request",
    "finish",
    "up",
    "down",
    "broken",
    "wait",
    "long",
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const sim = new Sim({ dialect: "auto" });
      sim.on({ type: "tick" });
      for (const name of events) {
        if (name === "beat") sim.hear({ kind: "heartbeat" });
        else if (name === "bye") sim.hear({ kind: "disconnect" });
        else if (name === "request") sim.request();
        else if (name === "finish") sim.finish("r");
        else if (name === "wait") sim.until(sim.nowMs + 300);
        else if (name === "long") sim.until(sim.nowMs + 5000);
        else sim.on({ type: name });
      }
      // Enough to have every handler finished and every pause over.
      while (sim.state.client) sim.finish("r");
      sim.until(sim.nowMs + HEARTBEAT_MS);
      checkRules(sim.take());
      assert.equal(sim.state.phase, "waiting");
    }),
    { numRuns: 500 },
  );
});

/** One socket at a time, one request at a time, one reply or drop for each, nothing said without a socket. */
function checkRules(actions: readonly SessionAction[]): void {
  let open = false;
  let handling = false;
  for (const action of actions) {
    if (action.do === "open") {
      assert.ok(!open && !handling);
      open = true;
    } else if (action.do === "close") {
      assert.ok(open);
      open = false;
    } else if (action.do === "send") {
      assert.ok(open);
    } else if (action.do === "handle") {
      assert.ok(open && !handling);
      handling = true;
    } else if (action.do === "reply" || action.what === "reply") {
      assert.ok(handling && (open || action.do === "drop"));
      handling = false;
    }
  }
}
