/**
 * Requests per second with 64 outstanding: through the broker, to a worker that does nothing and to the
 * service; and the service alone, driven by a peer that plays a strict broker, beside a worker that does
 * nothing, which shows what the driver is able to. Every part is a process of its own.
 *
 * Run by `deno task bench`. Runs of what is to be compared take turns.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { Worker } from "../src/mdp/worker.ts";
import { Poller } from "../src/zmq/poller.ts";
import type { Frames } from "../src/zmq/socket.ts";
import { freePorts } from "../tests/helpers/ports.ts";
import { clients, type Driver, type Figures, line, median, strictBroker } from "./driver.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
const OUTSTANDING = 64;
const RUNS = 5;
const REQUESTS = 20_000;
const WARM_UP = 2_000;
const LANES = [16, 64];
const encoder = new TextEncoder();
const utf8 = (text: string) => encoder.encode(text);
const write = (text: string) => Deno.stdout.writeSync(utf8(text));

const value = "x".repeat(100);
const key = (n: number) => `"service":"org.plantd.Bench","key":"key${n % 1000}"`;

const NULL: (n: number) => Frames = () => [utf8("x"), utf8("{}")];
const SET = (n: number) => [utf8("set"), utf8(`{${key(n)},"value":"${value}"}`)];
const GET = (n: number) => [utf8("get"), utf8(`{${key(n)}}`)];

/** What is driven, and with what. */
interface Case {
  readonly name: string;
  readonly driver: Driver;
  readonly request: (n: number) => Frames;
}

/** Processes and a directory that go when it is disposed of. */
class Bench implements AsyncDisposable {
  readonly #processes: Deno.ChildProcess[] = [];

  private constructor(readonly dir: string) {}

  static async make(): Promise<Bench> {
    return new Bench(await Deno.makeTempDir());
  }

  start(args: readonly string[], env: Readonly<Record<string, string>> = {}): void {
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", ...args],
      cwd: this.dir,
      env,
      stdout: "null",
      stderr: "null",
    });
    this.#processes.push(command.spawn());
  }

  startService(endpoint: string, bus: number, lanes: number): void {
    const [health] = freePorts(1);
    this.start([
      MAIN,
      "serve",
      `--broker-endpoint=${endpoint}`,
      `--bus-endpoint=tcp://127.0.0.1:${bus}`,
      `--health-port=${health}`,
      `--db=${this.dir}/bench.db`,
    ], { PLANTD_STATE_WORKER_LANES: String(lanes) });
  }

  startNullWorker(endpoint: string, lanes: number): void {
    this.start([fileURLToPath(import.meta.url), "null-worker", endpoint, String(lanes)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of this.#processes) process.kill("SIGKILL");
    await Promise.all(this.#processes.map((process) => process.status));
    await Deno.remove(this.dir, { recursive: true });
  }
}

async function throughBroker(): Promise<void> {
  const [brokerPort, bus] = freePorts(2);
  const endpoint = `tcp://127.0.0.1:${brokerPort}`;
  await using bench = await Bench.make();
  const buses =
    `[{ name: state, frontend: "tcp://127.0.0.1:*", backend: "tcp://127.0.0.1:${bus}" }]`;
  await Deno.writeTextFile(
    `${bench.dir}/broker.yml`,
    `endpoint: ${endpoint}\nbuses: ${buses}\n`,
  );
  bench.start([MAIN, "broker"]);
  bench.startNullWorker(endpoint, OUTSTANDING);
  bench.startService(endpoint, bus!, LANES[0]!);
  await using poller = new Poller();
  const head = (service: string) => [new Uint8Array(0), utf8("MDPC01"), utf8(service)];
  const to = (service: string) =>
    clients(poller, endpoint, { count: OUTSTANDING, head: head(service) });
  await using toNull = to("null");
  await using toState = to("org.plantd.State");
  await measure([
    { name: "broker, worker that does nothing", driver: toNull, request: NULL },
    { name: "broker and service, set, durable", driver: toState, request: SET },
    { name: "broker and service, get", driver: toState, request: GET },
  ]);
}

async function alone(lanes: number): Promise<void> {
  const [nullPort, statePort, bus] = freePorts(3);
  const [toNull, toState] = [`tcp://127.0.0.1:${nullPort}`, `tcp://127.0.0.1:${statePort}`];
  await using bench = await Bench.make();
  bench.startNullWorker(toNull, lanes);
  bench.startService(toState, bus!, lanes);
  await using poller = new Poller();
  await using nobody = await strictBroker(poller, toNull, lanes);
  await using service = await strictBroker(poller, toState, lanes);
  await measure([
    { name: `${lanes} lanes, worker that does nothing`, driver: nobody, request: NULL },
    { name: `${lanes} lanes, service, set, durable`, driver: service, request: SET },
    { name: `${lanes} lanes, service, get`, driver: service, request: GET },
  ]);
}

async function measure(cases: readonly Case[]): Promise<void> {
  for (const { driver, request } of cases) await driver.run(WARM_UP, request);
  const runs = cases.map((): Figures[] => []);
  for (let i = 0; i < RUNS; i += 1) {
    for (const [at, { driver, request }] of cases.entries()) {
      runs[at]!.push(await driver.run(REQUESTS, request));
    }
  }
  for (const [at, { name }] of cases.entries()) write(line(name, median(runs[at]!)));
}

if (Deno.args[0] === "null-worker") {
  const [, endpoint, lanes] = Deno.args;
  Worker.start({
    poller: new Poller(),
    endpoint: endpoint!,
    service: "null",
    dialect: "mdp01",
    lanes: Number(lanes),
    handler: ({ body }) => Promise.resolve(body),
  });
} else {
  await throughBroker();
  for (const lanes of LANES) await alone(lanes);
}
