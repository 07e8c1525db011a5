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

/**
 * Asks through `sockets` DEALERs, each with one request outstanding, until `count` are answered.
 *
 * @param request The frames of the nth request, as a DEALER sends them.
 */
export async function drive(
  poller: Poller,
  endpoint: string,
  { sockets, count, request }: {
    sockets: number;
    count: number;
    request: (n: number) => Frames;
  },
): Promise<Figures> {
  const latenciesMs: number[] = [];
  let asked = 0;
  const done = Promise.withResolvers<void>();
  const startMs = performance.now();
  const lines = Array.from({ length: sockets }, () => {
    let sentMs = 0;
    const ask = () => {
      if (asked >= count) return;
      sentMs = performance.now();
      void line.send(request(asked++));
    };
    const line = Socket.open(poller, "dealer", {
      onMessage: () => {
        latenciesMs.push(performance.now() - sentMs);
        if (latenciesMs.length === count) done.resolve();
        ask();
      },
    });
    line.connect(endpoint);
    ask();
    return line;
  });
  await done.promise;
  const tookMs = performance.now() - startMs;
  await Promise.all(lines.map((line) => line.close()));
  latenciesMs.sort((a, b) => a - b);
  const at = (share: number) => latenciesMs[Math.floor((count - 1) * share)]!;
  return { perSecond: (count / tookMs) * 1000, p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** One line for people. */
export function line(name: string, { perSecond, p50Ms, p99Ms }: Figures): string {
  const rate = Math.round(perSecond).toLocaleString("en").padStart(9);
  return `${name.padEnd(28)} ${rate}/s   p50 ${p50Ms.toFixed(2)} ms   p99 ${p99Ms.toFixed(2)} ms\n`;
}

/** The median run of several, by rate. */
export function median(runs: readonly Figures[]): Figures {
  return runs.toSorted((a, b) => a.perSecond - b.perSecond)[Math.floor(runs.length / 2)]!;
}
