/**
 * From the bus to the disk: how many updates with values of 100 bytes the service stores, with real sockets.
 * The publisher (publisher.c) is a process of its own on libzmq; it pushes as fast as the service takes
 * updates, which tells what the service is able to do, then publishes at a rate, which tells whether any is
 * lost on the way. What was received is always what was stored and counted.
 *
 * Run by `deno task bench:updates`; needs gcc and Debian's libzmq3-dev.
 *
 * @module
 */

import { freePorts } from "../tests/helpers/ports.ts";
import { Bench, cpuSeconds, middle, print } from "./processes.ts";

const RUNS = 5;
const UPDATES = 200_000;
const WARM_UP = 50_000;
const KEYS = 1000;
/** For how long they are published at a rate, at most. */
const PUBLISHED_SECONDS = 5;
/** How often the service is asked whether all is stored, in milliseconds. */
const PACE_MS = 20;

/** What the service did with updates, since its start. */
interface Counts {
  readonly received: number;
  readonly stored: number;
  readonly coalesced: number;
  readonly pending: number;
  readonly rejected: Readonly<Record<string, number>>;
}

/** A way to keep updates, and how many a second are wanted. */
interface Case {
  readonly name: string;
  readonly history: number;
  readonly coalesce: boolean;
  readonly wanted: number | undefined;
}

const CASES: readonly Case[] = [
  { name: "every one, with history 8", history: 8, coalesce: false, wanted: undefined },
  { name: "every one", history: 0, coalesce: false, wanted: 60_000 },
  { name: "the last of a key wins", history: 0, coalesce: true, wanted: 150_000 },
];

/** What a run came to. */
interface Figures {
  readonly perSecond: number;
  readonly cpuUs: number;
}

/** A service that listens to publishers directly. */
class Listener {
  readonly #pid: number;
  readonly #health: string;

  private constructor(
    readonly of: Case,
    pid: number,
    health: string,
    readonly pub: string,
    readonly push: string,
  ) {
    this.#pid = pid;
    this.#health = health;
  }

  static async start(bench: Bench, of: Case): Promise<Listener> {
    const [broker, bus, pull, health] = freePorts(4).map((port) => `tcp://127.0.0.1:${port}`);
    const file = `${bench.dir}/${of.history}-${of.coalesce}.json`;
    await Deno.writeTextFile(
      file,
      JSON.stringify({
        broker: { endpoint: broker },
        bus: {
          endpoint: `@${bus}`,
          pull: `@${pull}`,
          "create-scopes": true,
          coalesce: of.coalesce,
        },
        scopes: { history: of.history },
      }),
    );
    const { pid } = bench.startService(`${of.history}-${of.coalesce}`, {
      PLANTD_STATE_CONFIG: file,
      PLANTD_STATE_HEALTH_PORT: health!.split(":").at(-1)!,
    });
    const url = `${health!.replace("tcp", "http")}/api/v1/health`;
    const listener = new Listener(of, pid, url, bus!, pull!);
    while (!await listener.counts().catch(() => undefined)) await pause();
    return listener;
  }

  async counts(): Promise<Counts> {
    const { data } = await (await fetch(this.#health)).json();
    return data.bus;
  }

  /** Has `count` updates published; resolves when all that arrive are stored or counted. */
  async run(publisher: string, count: number, perSecond = 0): Promise<Figures & Counts> {
    const before = await this.counts();
    const [startMs, cpu] = [performance.now(), cpuSeconds(this.#pid)];
    const [kind, endpoint] = perSecond === 0 ? ["push", this.push] : ["pub", this.pub];
    const args = [kind, endpoint, String(count), String(KEYS), String(perSecond)];
    const published = await new Deno.Command(publisher, { args }).output();
    if (!published.success) throw new Error(new TextDecoder().decode(published.stderr));
    let now = await this.counts();
    for (let last = -1; now.pending > 0 || now.received !== last;) {
      last = now.received;
      if (last - before.received < count || now.pending > 0) await pause();
      now = await this.counts();
    }
    const seconds = (performance.now() - startMs) / 1000;
    return {
      perSecond: count / seconds,
      cpuUs: (cpuSeconds(this.#pid) - cpu) / count * 1e6,
      received: now.received - before.received,
      stored: now.stored - before.stored,
      coalesced: now.coalesced - before.coalesced,
      pending: now.pending,
      rejected: now.rejected,
    };
  }
}

function pause(): Promise<void> {
  return new Promise((done) => setTimeout(done, PACE_MS));
}

function rejectedOf({ rejected }: Counts): number {
  return Object.values(rejected).reduce((sum, count) => sum + count, 0);
}

const per = (rate: number) => `${Math.round(rate).toLocaleString("en").padStart(8)}/s`;

await using bench = await Bench.make();
const publisher = await bench.compile("publisher.c", "-lzmq");
const listeners: Listener[] = [];
for (const of of CASES) listeners.push(await Listener.start(bench, of));
for (const listener of listeners) await listener.run(publisher, WARM_UP);
const runs = listeners.map((): Figures[] => []);
for (let i = 0; i < RUNS; i += 1) {
  for (const [at, listener] of listeners.entries()) {
    runs[at]!.push(await listener.run(publisher, UPDATES));
  }
}
for (const [at, { of: { name, wanted } }] of listeners.entries()) {
  const of = runs[at]!;
  print(
    `pushed     ${name.padEnd(26)} ${per(middle(of.map(({ perSecond }) => perSecond)))}` +
      `   ${middle(of.map(({ cpuUs }) => cpuUs)).toFixed(1)} us of processor each` +
      (wanted === undefined ? "" : `   wanted ${per(wanted).trim()}`),
  );
}
for (const [at, listener] of listeners.entries()) {
  const rate = Math.round(middle(runs[at]!.map(({ perSecond }) => perSecond)) * 0.8);
  const count = Math.min(UPDATES, rate * PUBLISHED_SECONDS);
  const before = rejectedOf(await listener.counts());
  const counts = await listener.run(publisher, count, rate);
  const { received, stored, coalesced } = counts;
  const rejected = rejectedOf(counts) - before;
  if (received !== stored + coalesced + rejected) throw new Error("the counts do not add up");
  print(
    `published  ${listener.of.name.padEnd(26)} ${per(rate)}   of ${count} received ${received}` +
      ` = stored ${stored} + coalesced ${coalesced} + rejected ${rejected}`,
  );
}
