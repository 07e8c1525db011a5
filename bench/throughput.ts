/**
 * Requests per second through the broker with 64 outstanding: to workers that do nothing, from 64 clients and
 * from one, and `set` and `get` of the service with 16 lanes and with 64. Clients and workers are in C
 * (majordomo.c); every part is a process of its own, and what is compared takes turns.
 *
 * Run by `deno task bench`; needs gcc.
 *
 * @module
 */

import { freePorts } from "../tests/helpers/ports.ts";
import { compare, driven, type Subject } from "./driven.ts";
import { Bench, MAIN } from "./processes.ts";

const OUTSTANDING = "64";
/** Of the service: as by default, and one for each request. */
const LANES = [16, 64] as const;

/** What the original's broker did with workers that do nothing, and its service: twice, and four times. */
const WANTED = { broker: 2 * 7_100, service: 4 * 3_800 } as const;

await using bench = await Bench.make();
const majordomo = await bench.compile("majordomo.c");
const [port, bus] = freePorts(2).map(String) as [string, string];
const endpoint = `tcp://127.0.0.1:${port}`;
const buses = `[{ name: state, frontend: "tcp://127.0.0.1:*", backend: "tcp://127.0.0.1:${bus}" }]`;
await Deno.writeTextFile(`${bench.dir}/broker.yml`, `endpoint: ${endpoint}\nbuses: ${buses}\n`);
const broker = bench.start([MAIN, "broker"]);
await bench.untilOpen(Number(port));
bench.run(majordomo, ["workers", port, OUTSTANDING, "null"]);

/** The service with `lanes`, under a name of its own. */
async function startService(lanes: number): Promise<readonly [name: string, pid: number]> {
  const name = `org.plantd.State${lanes}`;
  const config = `${bench.dir}/${name}.yml`;
  await Deno.writeTextFile(config, `service: { id: ${name} }\nworker: { lanes: ${lanes} }\n`);
  const { pid } = bench.startService(name, {
    PLANTD_STATE_CONFIG: config,
    PLANTD_STATE_BROKER_ENDPOINT: endpoint,
    PLANTD_STATE_BUS_ENDPOINT: `tcp://127.0.0.1:${bus}`,
  });
  return [name, pid];
}

const clients = (name: string, connections: string, service: string, pids: readonly number[]) =>
  driven(bench, name, [majordomo, "clients", port, connections, OUTSTANDING, service], () => pids);
const nobody = await clients("broker, 64 clients", OUTSTANDING, "null", [broker.pid]);
const nobodyOne = await clients("broker, 1 client", "1", "null", [broker.pid]);
const states: Subject[] = [];
for (const lanes of LANES) {
  const [name, pid] = await startService(lanes);
  states.push(
    await clients(`broker and service, ${lanes} lanes`, OUTSTANDING, name, [broker.pid, pid]),
  );
}
await compare("null", [nobody, nobodyOne], () => WANTED.broker);
await compare("set", states, () => undefined);
await compare("get", states, () => WANTED.service);
