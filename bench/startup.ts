/**
 * From the start of the process to the first answered request, and the memory it takes when idle: the
 * portable executable against the program from source, in turns.
 *
 * deno task compile --portable --target linux-x64
 * deno run -A bench/startup.ts dist/plantd-state-0.1.0-linux-x64 [runs]
 *
 * @module
 */

import { Network } from "../src/network.ts";
import { Client } from "../src/mdp/client.ts";
import { Poller } from "../src/zmq/poller.ts";
import { freePorts } from "../tests/helpers/ports.ts";
import { middle } from "./processes.ts";

/** A way to start the program. */
interface Way {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

/** What a start came to. */
interface Start {
  readonly answeredMs: number;
  /** Processor time of all its threads until then. */
  readonly cpuMs: number;
  readonly idleMb: number;
}

const IDLE_MS = 500;

/** Times `runs` starts of each way, in turns, so that the noise of the machine hits all alike. */
export async function measure(
  ways: readonly Way[],
  runs: number,
): Promise<Map<string, readonly Start[]>> {
  const directory = await Deno.makeTempDir({ prefix: "plantd-state-startup-" });
  const [brokerPort, healthPort, busPort] = freePorts(3);
  const endpoint = `tcp://127.0.0.1:${brokerPort}`;
  await using network = await Network.start({
    endpoint,
    heartbeatMs: 2500,
    liveness: 3,
    highWaterMark: 1000,
    buses: [],
  });
  const args = [
    "serve",
    `--db=${directory}/state.db`,
    `--broker-endpoint=${network.endpoint}`,
    `--bus-endpoint=>tcp://127.0.0.1:${busPort}`,
    `--health-port=${healthPort}`,
    "--log-level=error",
  ];
  const taken = new Map<string, Start[]>(ways.map(({ name }) => [name, []]));
  try {
    // The first round fills caches and is not counted.
    for (let run = 0; run <= runs; run += 1) {
      for (const way of ways) {
        const start = await startOnce({ ...way, args: [...way.args, ...args] }, endpoint);
        if (run > 0) taken.get(way.name)!.push(start);
      }
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  return taken;
}

/** The request is asked first: it waits at the broker until there is somebody to answer it. */
async function startOnce({ command, args }: Way, endpoint: string): Promise<Start> {
  await using poller = new Poller();
  await using client = new Client({
    poller,
    endpoint,
    timeoutMs: 30_000,
    retries: 0,
    dialect: "mdp01",
  });
  const encoder = new TextEncoder();
  const answer = client.request("org.plantd.State", [
    encoder.encode("list-scopes"),
    encoder.encode("{}"),
  ]);
  const startMs = performance.now();
  const process = new Deno.Command(command, {
    args: [...args],
    stdin: "null",
    env: { PLANTD_STATE_FEED_ENDPOINT: "@tcp://127.0.0.1:*" },
  }).spawn();
  try {
    await answer;
    const answeredMs = performance.now() - startMs;
    const cpuMs = await processorMs(process.pid);
    await new Promise((done) => setTimeout(done, IDLE_MS));
    return { answeredMs, cpuMs, idleMb: await residentMb(process.pid) };
  } finally {
    process.kill("SIGTERM");
    await process.status;
  }
}

/** Processor time of a process's threads so far (/proc/<pid>/task/<tid>/schedstat, in nanoseconds). */
async function processorMs(pid: number): Promise<number> {
  let ns = 0;
  for await (const { name } of Deno.readDir(`/proc/${pid}/task`)) {
    const stat = await Deno.readTextFile(`/proc/${pid}/task/${name}/schedstat`);
    ns += Number(stat.split(" ")[0]);
  }
  return ns / 1e6;
}

/** Resident memory of a process (proc_pid_status(5)). */
async function residentMb(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

if (import.meta.main) {
  const [executable, runs = "11"] = Deno.args;
  if (executable === undefined) throw new Error("name the executable, as `task compile` made it");
  const source = new URL("../main.ts", import.meta.url).pathname;
  const ways: Way[] = [
    { name: "portable", command: executable, args: [] },
    { name: "deno run", command: Deno.execPath(), args: ["run", "--quiet", "-A", source] },
  ];
  const results = await measure(ways, Number(runs));
  for (const [name, starts] of results) {
    const all = (value: (start: Start) => number) => starts.map(value);
    const answered = all(({ answeredMs }) => answeredMs);
    const text = `${name.padEnd(10)} first answer after ${middle(answered).toFixed(0)} ms ` +
      `(at best ${Math.min(...answered).toFixed(0)}), of the processor ` +
      `${middle(all(({ cpuMs }) => cpuMs)).toFixed(0)} ms; ` +
      `idle ${middle(all(({ idleMb }) => idleMb)).toFixed(0)} MB\n`;
    Deno.stdout.writeSync(new TextEncoder().encode(text));
  }
}
