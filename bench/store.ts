/**
 * The service against Redis: durable `set` and `get` of 100 bytes with 64 outstanding. The service is driven
 * by a peer that plays a strict broker (strict_broker.c), with 16 lanes and with 64, history on; Redis 7 by
 * its own redis-benchmark, with `appendfsync always`. Runs take turns, so that whatever else the machine
 * does hits all alike. First of all the driver drives lanes that do nothing: what it is able to do.
 *
 * Run by `deno task bench:store`; needs gcc and Debian's redis-server.
 *
 * @module
 */

import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { freePorts } from "../tests/helpers/ports.ts";
import { Bench, cpuSeconds, middle, print } from "./processes.ts";

const OUTSTANDING = 64;
const RUNS = 7;
const REQUESTS = 40_000;
const WARM_UP = 20_000;
const VALUE_BYTES = 100;
const KEYS = 1000;
/** What the service is to reach, as a part of Redis. */
const TARGET = { set: 0.3, get: 0.4 } as const;

type Operation = keyof typeof TARGET;

/** What a run came to. */
interface Figures {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processor time of what is measured, for one request, in microseconds. */
  readonly cpuUs: number;
}

/** Something that is measured. */
interface Subject {
  readonly name: string;
  /** Asks until `count` requests are answered. */
  run(operation: Operation, count: number): Promise<Figures>;
}

/** The driver, and what it drives. */
async function driven(
  bench: Bench,
  driver: string,
  name: string,
  lanes: number,
  start: (port: number) => Deno.ChildProcess,
): Promise<Subject> {
  const [port] = freePorts(1);
  const process = new Deno.Command(driver, {
    args: ["broker", String(port), String(lanes)],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  bench.own(process);
  const input = Readable.fromWeb(process.stdout as Parameters<typeof Readable.fromWeb>[0]);
  const lines = createInterface({ input })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${name}: the driver has ended`);
    return value;
  };
  const orders = process.stdin.getWriter();
  const { pid } = start(port!);
  await next();
  return {
    name,
    async run(operation, count) {
      const cpu = cpuSeconds(pid);
      await orders.write(new TextEncoder().encode(`${operation} ${count}\n`));
      const figures = JSON.parse(await next()) as Figures & { readonly failed: number };
      if (figures.failed > 0) throw new Error(`${name}: ${figures.failed} replies are not good`);
      return { ...figures, cpuUs: (cpuSeconds(pid) - cpu) / count * 1e6 };
    },
  };
}

async function service(bench: Bench, driver: string, lanes: number): Promise<Subject> {
  const [bus] = freePorts(1);
  return await driven(
    bench,
    driver,
    `service, ${lanes} lanes`,
    lanes,
    (port) =>
      bench.startService(`lanes-${lanes}`, {
        PLANTD_STATE_BROKER_ENDPOINT: `tcp://127.0.0.1:${port}`,
        PLANTD_STATE_BUS_ENDPOINT: `tcp://127.0.0.1:${bus}`,
        PLANTD_STATE_WORKER_LANES: String(lanes),
      }),
  );
}

function redis(bench: Bench): Subject {
  const [port] = freePorts(1);
  const fsync = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];
  const { pid } = bench.run("redis-server", ["--port", String(port), ...fsync]);
  return {
    name: "Redis",
    async run(operation, count) {
      const cpu = cpuSeconds(pid);
      const { stdout } = await new Deno.Command("redis-benchmark", {
        args: [
          ...["-p", String(port), "-c", String(OUTSTANDING), "-n", String(count)],
          ...["-d", String(VALUE_BYTES), "-r", String(KEYS), "-t", operation, "--csv"],
        ],
      }).output();
      // "test","rps","avg_latency_ms","min","p50","p95","p99","max", each figure in quotes.
      const [, rps, , , p50, , p99] = new TextDecoder().decode(stdout).trim().split("\n").at(-1)!
        .replaceAll('"', "").split(",").map(Number);
      const cpuUs = (cpuSeconds(pid) - cpu) / count * 1e6;
      return { perSecond: rps!, p50Ms: p50!, p99Ms: p99!, cpuUs };
    },
  };
}

async function compare(operation: Operation, subjects: readonly Subject[]): Promise<void> {
  for (const subject of subjects) await subject.run(operation, WARM_UP);
  const runs = subjects.map((): Figures[] => []);
  for (let i = 0; i < RUNS; i += 1) {
    for (const [at, subject] of subjects.entries()) {
      runs[at]!.push(await subject.run(operation, REQUESTS));
    }
  }
  const rates = runs.map((of) => middle(of.map(({ perSecond }) => perSecond)));
  const redisRate = rates.at(-1)!;
  for (const [at, { name }] of subjects.entries()) {
    const of = runs[at]!;
    const [p50Ms, p99Ms] = [middle(of.map((f) => f.p50Ms)), middle(of.map((f) => f.p99Ms))];
    print(
      `${operation}  ${name.padEnd(24)} ${
        Math.round(rates[at]!).toLocaleString("en").padStart(8)
      }/s` +
        `   ${(rates[at]! / redisRate).toFixed(2)} of Redis` +
        `   p50 ${p50Ms.toFixed(2)} ms   p99 ${p99Ms.toFixed(2)} ms` +
        `   ${middle(of.map(({ cpuUs }) => cpuUs)).toFixed(1)} us of processor each`,
    );
  }
  print(`${operation}  wanted of the service: ${TARGET[operation]} of Redis`);
}

await using bench = await Bench.make();
const driver = await bench.compile("strict_broker.c");
const nobody = await driven(
  bench,
  driver,
  "lanes that do nothing",
  OUTSTANDING,
  (port) => bench.run(driver, ["null", String(port), String(OUTSTANDING)]),
);
const subjects = [
  nobody,
  await service(bench, driver, 16),
  await service(bench, driver, OUTSTANDING),
  redis(bench),
];
await compare("set", subjects);
await compare("get", subjects);
