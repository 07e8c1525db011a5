/** A broker under attack, with well-behaved peers around it that must not notice. */

import assert from "node:assert/strict";
import type { BrokerStatus } from "../../../src/mdp/broker.ts";
import { type Dialect, DIALECTS, type Frames } from "../../../src/mdp/frames.ts";
import { Worker } from "../../../src/mdp/worker.ts";
import { Poller } from "../../../src/zmq/poller.ts";
import type { SocketOptions } from "../../../src/zmq/socket.ts";
import { until } from "../../helpers/async.ts";
import { RawPeer } from "../peers.ts";
import { message, show, wire } from "../wire.ts";
import { Subject } from "./subject_process.ts";

/** Identities of the good clients: known to everybody, so that they can be impersonated. */
export const GOOD_NAMES: readonly string[] = DIALECTS.map((dialect) => `good-${dialect}`);
/** Identities of clients whose request is being worked on all the time. */
export const WAITING_NAMES: readonly string[] = DIALECTS.map((dialect) => `waiting-${dialect}`);

/** What a fence says, and its answer: the broker answers it itself, behind all that was said before. */
const FENCE = wire.mdp01.request("mmi.fence", "x");
const FENCE_REPLY = show(wire.mdp01.reply("mmi.fence", "501")).join();

/** Whatever a broker says to show that it lives. */
const BEATS = new Set(DIALECTS.map((dialect) => show(wire[dialect].beatToWorker()).join()));

/** The scene of all cases against a broker. */
export class BrokerSite implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #release = Promise.withResolvers<void>();
  readonly #good = new Map<Dialect, RawPeer>();
  readonly #waiting = new Map<Dialect, RawPeer>();
  /** Workers that are registered when nobody hostile is there. */
  readonly goodWorkers = 4 + DIALECTS.length;
  #turn = Promise.resolve();
  #names = 0;
  #rounds = 0;
  poller!: Poller;
  subject!: Subject<BrokerStatus & { readonly lanes: number }>;
  endpoint = "";
  /** The same as a TCP port on 127.0.0.1. */
  port = 0;

  static async start(): Promise<BrokerSite> {
    const site = new BrokerSite();
    try {
      await site.#start();
      return site;
    } catch (error) {
      await site.#stack.disposeAsync();
      throw error;
    }
  }

  /** A name that nobody has used: for services and identities. */
  name(): string {
    this.#names += 1;
    return `hostile-${this.#names}`;
  }

  /** A DEALER of the test's. */
  peer(options: SocketOptions = {}): RawPeer {
    return new RawPeer(this.poller, this.endpoint, options);
  }

  /** A good client of every dialect is answered, and gets nothing else; nor does one that waits. */
  assertWell(): Promise<void> {
    // In turn: a client with two requests on one socket could not tell the replies apart.
    return this.#turn = this.#turn.then(() => this.#assertWell());
  }

  async #assertWell(): Promise<void> {
    this.subject.assertAlive();
    await Promise.all(DIALECTS.map((dialect) => this.#ask(dialect)));
    for (const peer of [...this.#good.values(), ...this.#waiting.values()]) {
      assert.equal(peer.inbox.size, 0, "a message that was not meant for it");
    }
  }

  /** One good request. */
  async #ask(dialect: Dialect): Promise<void> {
    this.#rounds += 1;
    const round = `round ${this.#rounds}`;
    const peer = this.#good.get(dialect)!;
    await peer.say(wire[dialect].request("good", round, ""));
    assert.deepEqual(await peer.next(), show(wire[dialect].reply("good", round, "")));
  }

  /** The clients that waited all the time get their one answer. */
  async assertWaitingAnswered(): Promise<void> {
    this.#release.resolve();
    for (const [dialect, peer] of this.#waiting) {
      assert.deepEqual(await peer.next(), show(wire[dialect].reply("held", dialect)));
      assert.equal(peer.inbox.size, 0);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  async #start(): Promise<void> {
    this.subject = this.#stack.use(await Subject.start("broker"));
    this.endpoint = this.subject.endpoint;
    this.port = Number(this.endpoint.split(":").at(-1));
    this.poller = this.#stack.use(new Poller());
    this.#stack.use(Worker.start({
      poller: this.poller,
      endpoint: this.endpoint,
      service: "held",
      lanes: DIALECTS.length,
      heartbeatMs: 500,
      liveness: 10,
      handler: ({ body }) => this.#release.promise.then(() => body),
    }));
    // Before the worker is disposed of, which waits for its handlers.
    this.#stack.defer(() => this.#release.resolve());
    for (const [i, dialect] of DIALECTS.entries()) {
      this.#good.set(dialect, this.#stack.use(this.peer({ routingId: GOOD_NAMES[i] })));
      const waiting = this.#stack.use(this.peer({ routingId: WAITING_NAMES[i] }));
      this.#waiting.set(dialect, waiting);
      await waiting.say(wire[dialect].request("held", dialect));
    }
    await until("all lanes are there", async () => {
      const { lanes, workers, queued } = await this.subject.status();
      return lanes === 4 && workers === this.goodWorkers && queued === 0;
    });
    await this.assertWell();
  }
}

/** Everything `peer` heard until now but heartbeats, readable: a fence tells where now is. */
export async function heardBy(peer: {
  say(frames: Frames): Promise<void>;
  inbox: { next(): Promise<Frames> };
}): Promise<string[][]> {
  await peer.say(FENCE);
  const heard: string[][] = [];
  for (;;) {
    const frames = show(await peer.inbox.next());
    if (frames.join() === FENCE_REPLY) return heard;
    if (!BEATS.has(frames.join())) heard.push(frames);
  }
}

/** Frames, readable, in a list: what {@link heardBy} is compared with. */
export function lines(...messages: readonly Frames[]): string[][] {
  return messages.map((frames) => show(frames));
}

/** One frame of `count` bytes. */
export function fill(count: number, byte = 0x78): Uint8Array {
  return new Uint8Array(count).fill(byte);
}

/** `count` one-byte frames. */
export function manyFrames(count: number): Uint8Array[] {
  return Array.from({ length: count }, () => message("f")[0]!);
}
