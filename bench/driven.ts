/**
 * What the benchmarks of requests share: a driver in C (strict_broker.c, majordomo.c) that asks and times,
 * runs of several subjects that take turns, and their medians.
 *
 * @module
 */

import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { type Bench, cpuSeconds, middle, print } from "./processes.ts";

/** What a run came to. */
export interface Figures {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processor time of what is measured, for one request, in microseconds. */
  readonly cpuUs: number;
}

/** Something that is measured. */
export interface Subject {
  readonly name: string;
  /** Asks until `count` requests are answered. */
  run(operation: string, count: number): Promise<Figures>;
}

/** Runs of each subject, and requests that are not counted before the first of them. */
const RUNS = 7;
const REQUESTS = 40_000;
const WARM_UP = 20_000;

/**
 * A driver, and what it drives.
 *
 * @param command The driver's program and its arguments.
 * @param start Called when the driver runs; resolves with the processes whose time is counted.
 */
export async function driven(
  bench: Bench,
  name: string,
  [program, ...args]: readonly [string, ...string[]],
  start: () => readonly number[],
): Promise<Subject> {
  const process = new Deno.Command(program, { args, stdin: "piped", stdout: "piped" }).spawn();
  bench.own(process);
  const input = Readable.fromWeb(process.stdout as Parameters<typeof Readable.fromWeb>[0]);
  const lines = createInterface({ input })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${name}: the driver has ended`);
    return value;
  };
  const orders = process.stdin.getWriter();
  const pids = start();
  const cpu = () => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  await next();
  return {
    name,
    async run(operation, count) {
      const before = cpu();
      await orders.write(new TextEncoder().encode(`${operation} ${count}\n`));
      const figures = JSON.parse(await next()) as Figures & { readonly failed: number };
      if (figures.failed > 0) throw new Error(`${name}: ${figures.failed} replies are not good`);
      return { ...figures, cpuUs: (cpu() - before) / count * 1e6 };
    },
  };
}

/** Has `subjects` take turns, and prints the medians of each; `wanted` is the rate it is to reach. */
export async function compare(
  operation: string,
  subjects: readonly Subject[],
  wanted: (name: string, rates: ReadonlyMap<string, number>) => number | undefined,
): Promise<void> {
  for (const subject of subjects) await subject.run(operation, WARM_UP);
  const runs = new Map(subjects.map(({ name }) => [name, [] as Figures[]]));
  for (let i = 0; i < RUNS; i += 1) {
    for (const subject of subjects) {
      runs.get(subject.name)!.push(await subject.run(operation, REQUESTS));
    }
  }
  const rates = new Map(
    [...runs].map(([name, of]) => [name, middle(of.map(({ perSecond }) => perSecond))]),
  );
  for (const [name, of] of runs) {
    const median = (what: keyof Figures) => middle(of.map((figures) => figures[what]));
    const target = wanted(name, rates);
    print(
      `${operation}  ${name.padEnd(32)} ${count(rates.get(name)!)}/s` +
        `   p50 ${median("p50Ms").toFixed(2)} ms   p99 ${median("p99Ms").toFixed(2)} ms` +
        `   ${median("cpuUs").toFixed(1)} us of processor each` +
        (target === undefined ? "" : `   wanted ${count(target)}/s`),
    );
  }
}

function count(perSecond: number): string {
  return Math.round(perSecond).toLocaleString("en").padStart(8);
}
