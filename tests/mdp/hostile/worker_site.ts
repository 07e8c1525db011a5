/** Workers under attack: one for each dialect, each with a broker in the test's hands. */

import assert from "node:assert/strict";
import { type Dialect, DIALECTS, type Frames } from "../../../src/mdp/frames.ts";
import type { WorkerStatus } from "../../../src/mdp/worker.ts";
import { Poller } from "../../../src/zmq/poller.ts";
import { freePorts } from "../../helpers/ports.ts";
import { StrictBroker } from "../peers.ts";
import { message, show } from "../wire.ts";
import { Subject } from "./subject_process.ts";

/** How often an idle worker hears that its broker lives; it leaves after two seconds without. */
const BEAT_MS = 200;

/** The scene of all cases against a worker. */
export class WorkerSite implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #brokers = new Map<Dialect, StrictBroker>();
  readonly #silent = new Set<Dialect>();
  #rounds = 0;
  poller!: Poller;
  subject!: Subject<{ readonly workers: readonly WorkerStatus[] }>;
  /** Where more workers, of mdp01, look for a broker: TCP ports on 127.0.0.1. */
  sparePorts: readonly number[] = [];

  /** With as many workers on top as `spare` says. */
  static async start(spare = 0): Promise<WorkerSite> {
    const site = new WorkerSite();
    try {
      await site.#start(spare);
      return site;
    } catch (error) {
      await site.#stack.disposeAsync();
      throw error;
    }
  }

  /** The broker of `dialect`: it notes every rule its worker breaks, and fails in the end. */
  broker(dialect: Dialect): StrictBroker {
    return this.#brokers.get(dialect)!;
  }

  /** How the worker of `dialect` is doing. */
  async status(dialect: Dialect): Promise<WorkerStatus> {
    return (await this.subject.status()).workers[DIALECTS.indexOf(dialect)]!;
  }

  /** The worker's address, when it has said READY. */
  async lane(dialect: Dialect): Promise<Uint8Array> {
    const [lane] = await this.broker(dialect).workers(1);
    return lane!;
  }

  /** Asks and compares; a worker that leaves meanwhile is a fault. */
  async ask(dialect: Dialect, client: Uint8Array, ...body: (string | Uint8Array)[]): Promise<void> {
    const broker = this.broker(dialect);
    broker.request(await this.lane(dialect), client, ...body);
    await this.assertReply(dialect, client, ...body);
  }

  /** The next reply is this one. */
  async assertReply(
    dialect: Dialect,
    client: Uint8Array,
    ...body: (string | Uint8Array)[]
  ): Promise<void> {
    const { command } = await this.broker(dialect).replies.next();
    assert.deepEqual(show([command.client]), show([client]));
    const due = message(...body);
    const lengths = (frames: Frames) => frames.map(({ length }) => length);
    assert.deepEqual(lengths(command.body), lengths(due));
    // To make megabytes readable takes seconds.
    if (due.every(({ length }) => length < 1000)) assert.deepEqual(show(command.body), show(due));
  }

  /** A good request is answered, nothing else was said, and no rule was broken. */
  async assertWell(dialect: Dialect): Promise<void> {
    this.subject.assertAlive();
    this.#rounds += 1;
    await this.ask(dialect, Uint8Array.of(0, 1, 2, 3, 4), `round ${this.#rounds}`, "");
    const broker = this.broker(dialect);
    assert.equal(broker.replies.size, 0);
    assert.deepEqual(broker.faults, []);
  }

  /** Frames as they are, whether or not they mean anything. */
  async say(dialect: Dialect, ...messages: Frames[]): Promise<void> {
    const lane = await this.lane(dialect);
    for (const frames of messages) this.broker(dialect).send(lane, frames);
  }

  /** While this is held, the broker of `dialect` does not beat. */
  silence(dialect: Dialect): Disposable {
    this.#silent.add(dialect);
    return { [Symbol.dispose]: () => this.#silent.delete(dialect) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  async #start(spare: number): Promise<void> {
    this.poller = this.#stack.use(new Poller());
    for (const dialect of DIALECTS) {
      const broker = await StrictBroker.bind(this.poller, dialect);
      this.#brokers.set(dialect, this.#stack.use(broker));
    }
    this.sparePorts = freePorts(spare);
    const endpoints = [...this.#brokers.values()].map(({ endpoint }) => endpoint);
    const more = this.sparePorts.map((port) => `tcp://127.0.0.1:${port}`);
    this.subject = this.#stack.use(await Subject.start("worker", ...endpoints, ...more));
    const beats = setInterval(() => this.#beat(), BEAT_MS);
    this.#stack.defer(() => clearInterval(beats));
    for (const dialect of DIALECTS) await this.assertWell(dialect);
  }

  #beat(): void {
    for (const [dialect, broker] of this.#brokers) {
      if (this.#silent.has(dialect)) continue;
      for (const lane of broker.ready.values()) broker.beat(lane);
    }
  }
}
