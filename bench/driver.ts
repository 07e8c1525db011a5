/**
 * What the benchmarks share: many requests outstanding at once, timed one by one.
 *
 * @module
 */

import type { Poller } from "../src/zmq/poller.ts";
import { type Frames, Socket } from "../src/zmq/socket.ts";

/** What a run came to. */
export interface Figures {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Something that keeps a number of requests outstanding. */
export interface Driver extends AsyncDisposable {
  /** Asks until `count` requests are answered. */
  run(count: number, request: (n: number) => Frames): Promise<Figures>;
}

/** Counts and times the answers of one run. */
class Run {
  readonly #latenciesMs: number[] = [];
  readonly #done = Promise.withResolvers<void>();
  readonly #startMs = performance.now();
  #asked = 0;

  constructor(readonly count: number, readonly request: (n: number) => Frames) {}

  /** The next request; undefined when all have been asked. */
  next(): Frames | undefined {
    return this.#asked < this.count ? this.request(this.#asked++) : undefined;
  }

  answered(sentMs: number): void {
    this.#latenciesMs.push(performance.now() - sentMs);
    if (this.#latenciesMs.length === this.count) this.#done.resolve();
  }

  async figures(): Promise<Figures> {
    await this.#done.promise;
    const tookMs = performance.now() - this.#startMs;
    const sorted = this.#latenciesMs.sort((a, b) => a - b);
    const at = (share: number) => sorted[Math.floor((this.count - 1) * share)]!;
    return { perSecond: (this.count / tookMs) * 1000, p50Ms: at(0.5), p99Ms: at(0.99) };
  }
}

/**
 * Clients of a broker: one DEALER each, all of them with one request outstanding.
 *
 * @param head The frames in front of what `request` makes.
 */
export function clients(
  poller: Poller,
  endpoint: string,
  { count: clientCount, head }: { count: number; head: Frames },
): Driver {
  let run: Run | undefined;
  const asks: (() => void)[] = [];
  const sockets = Array.from({ length: clientCount }, () => {
    let sentMs = 0;
    const ask = () => {
      const request = run!.next();
      if (!request) return;
      sentMs = performance.now();
      void socket.send([...head, ...request]);
    };
    const socket = Socket.open(poller, "dealer", {
      messagesPerTurn: 1,
      onMessage: () => {
        run!.answered(sentMs);
        ask();
      },
    });
    socket.connect(endpoint);
    asks.push(ask);
    return socket;
  });
  return {
    run(count, request) {
      run = new Run(count, request);
      for (const ask of asks) ask();
      return run.figures();
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(sockets.map((socket) => socket.close()));
    },
  };
}

const EMPTY = new Uint8Array(0);
const HEADER = new TextEncoder().encode("MDPW01");
const CLIENT = new Uint8Array([0, 1, 2, 3, 4]);
const [READY, REQUEST, REPLY, HEARTBEAT] = [1, 2, 3, 4];

/**
 * A peer that plays a strict broker (RFC 7): each lane of the worker has one request at a time, and gets
 * the next one upon its reply. It knows one service, and gives heartbeats back.
 *
 * @param lanes Waits for so many.
 */
export async function strictBroker(
  poller: Poller,
  endpoint: string,
  lanes: number,
): Promise<Driver> {
  let run: Run | undefined;
  const sentMs = new Map<string, number>();
  const ids: Uint8Array[] = [];
  const allReady = Promise.withResolvers<void>();
  const ask = (id: Uint8Array) => {
    const request = run!.next();
    if (!request) return;
    sentMs.set(id.join(), performance.now());
    const command = Uint8Array.of(REQUEST!);
    void router.send([id, EMPTY, HEADER, command, CLIENT, EMPTY, ...request]);
  };
  const router = Socket.open(poller, "router", {
    onMessage: ([id, , , command]) => {
      if (command![0] === REPLY) {
        run!.answered(sentMs.get(id!.join())!);
        ask(id!);
      } else if (command![0] === READY) {
        ids.push(id!);
        if (ids.length === lanes) allReady.resolve();
      } else if (command![0] === HEARTBEAT) {
        void router.send([id!, EMPTY, HEADER, command!]);
      }
    },
  });
  await router.bind(endpoint);
  await allReady.promise;
  return {
    run(count, request) {
      run = new Run(count, request);
      for (const id of ids) ask(id);
      return run.figures();
    },
    [Symbol.asyncDispose]: () => router.close(),
  };
}

/** One line for people. */
export function line(name: string, { perSecond, p50Ms, p99Ms }: Figures): string {
  const rate = Math.round(perSecond).toLocaleString("en").padStart(9);
  return `${name.padEnd(44)} ${rate}/s   p50 ${p50Ms.toFixed(2)} ms   p99 ${p99Ms.toFixed(2)} ms\n`;
}

/** The median run of several, by rate. */
export function median(runs: readonly Figures[]): Figures {
  return runs.toSorted((a, b) => a.perSecond - b.perSecond)[Math.floor(runs.length / 2)]!;
}
