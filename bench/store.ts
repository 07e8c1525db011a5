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

import { freePorts } from "../tests/helpers/ports.ts";
import { compare, driven, type Subject } from "./driven.ts";
import { Bench, cpuSeconds } from "./processes.ts";

const OUTSTANDING = 64;
const VALUE_BYTES = 100;
const KEYS = 1000;
const REDIS = "Redis";
/** What the service is to reach, as a part of Redis. */
const TARGET = { set: 0.3, get: 0.4 } as const;

/** The strict broker, and the lanes that `start` has connect to its port. */
async function strict(
  bench: Bench,
  driver: string,
  name: string,
  lanes: number,
  start: (port: string) => Deno.ChildProcess,
): Promise<Subject> {
  const port = String(freePorts(1)[0]);
  const command = [driver, "broker", port, String(lanes)] as const;
  return await driven(bench, name, command, () => [start(port).pid]);
}

async function service(bench: Bench, driver: string, lanes: number): Promise<Subject> {
  const [bus] = freePorts(1);
  return await strict(
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
    name: REDIS,
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

await using bench = await Bench.make();
const driver = await bench.compile("strict_broker.c");
const nobody = await strict(
  bench,
  driver,
  "lanes that do nothing",
  OUTSTANDING,
  (port) => bench.run(driver, ["null", port, String(OUTSTANDING)]),
);
const subjects = [
  nobody,
  await service(bench, driver, 16),
  await service(bench, driver, OUTSTANDING),
  redis(bench),
];
for (const operation of ["set", "get"] as const) {
  await compare(
    operation,
    subjects,
    (name, rates) => name.startsWith("service") ? TARGET[operation] * rates.get(REDIS)! : undefined,
  );
}
