/**
 * Requests per second through the broker with 64 outstanding: to workers that do nothing, from 64 clients and
 * from one, and `set` and `get` of the service. Clients and workers are in C (majordomo.c); every part is a
 * process of its own, and what is compared takes turns.
 *
 * Run by `deno task bench`; needs gcc.
 *
 * @module
 */

import { freePorts } from "../tests/helpers/ports.ts";
import { compare, driven } from "./driven.ts";
import { Bench, MAIN } from "./processes.ts";

const OUTSTANDING = "64";
const SERVICE = "org.plantd.State";

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
const service = bench.startService("state", {
  PLANTD_STATE_BROKER_ENDPOINT: endpoint,
  PLANTD_STATE_BUS_ENDPOINT: `tcp://127.0.0.1:${bus}`,
});

const clients = (name: string, connections: string, service: string, pids: readonly number[]) =>
  driven(bench, name, [majordomo, "clients", port, connections, OUTSTANDING, service], () => pids);
const nobody = await clients("broker, 64 clients", OUTSTANDING, "null", [broker.pid]);
const nobodyOne = await clients("broker, 1 client", "1", "null", [broker.pid]);
const state = await clients("broker and service, 64 clients", OUTSTANDING, SERVICE, [
  broker.pid,
  service.pid,
]);
await compare("null", [nobody, nobodyOne], () => WANTED.broker);
await compare("set", [state], () => undefined);
await compare("get", [state], () => WANTED.service);
