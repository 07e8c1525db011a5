/**
 * Requests per second with 64 outstanding: through the broker to a worker that does nothing, and
 * through broker and service. Broker, service and driver are processes of their own.
 *
 * Run by `deno task bench`.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { Worker } from "../src/mdp/worker.ts";
import { Poller } from "../src/zmq/poller.ts";
import { freePorts } from "../tests/helpers/ports.ts";
import { drive, line, median } from "./driver.ts";

const OUTSTANDING = 64;
const RUNS = 5;
const encoder = new TextEncoder();
const utf8 = (text: string) => encoder.encode(text);
const write = (text: string) => Deno.stdout.writeSync(utf8(text));

const [brokerPort, healthPort, backend] = freePorts(3);
const endpoint = `tcp://127.0.0.1:${brokerPort}`;

if (Deno.args[0] === "null-worker") {
  Worker.start({
    poller: new Poller(),
    endpoint: Deno.args[1]!,
    service: "null",
    dialect: "mdp01",
    lanes: 64,
    handler: ({ body }) => Promise.resolve(body),
  });
} else {
  await measure();
}

async function measure(): Promise<void> {
  const dir = await Deno.makeTempDir();
  const main = fileURLToPath(new URL("../main.ts", import.meta.url));
  const start = (...args: string[]) =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", ...args],
      cwd: dir,
      stdout: "null",
      stderr: "null",
    }).spawn();
  await Deno.writeTextFile(
    `${dir}/broker.yml`,
    `endpoint: ${endpoint}\nbuses: [{ name: state, frontend: "tcp://127.0.0.1:*", backend: "tcp://127.0.0.1:${backend}" }]\n`,
  );
  const processes = [
    start(main, "broker"),
    start(fileURLToPath(import.meta.url), "null-worker", endpoint),
    start(
      main,
      "serve",
      `--broker-endpoint=${endpoint}`,
      `--bus-endpoint=tcp://127.0.0.1:${backend}`,
      `--health-port=${healthPort}`,
      `--db=${dir}/bench.db`,
    ),
  ];
  try {
    await using poller = new Poller();
    const empty = new Uint8Array(0);
    const header = utf8("MDPC01");
    const value = "x".repeat(100);
    const to = (service: string, operation: string, json: (n: number) => string) => {
      const [name, op] = [utf8(service), utf8(operation)];
      return (n: number) => [empty, header, name, op, utf8(json(n))];
    };
    const key = (n: number) => `"service":"org.plantd.Bench","key":"key${n % 1000}"`;
    const cases = {
      "null worker": to("null", "x", () => "{}"),
      "set, 100 bytes, durable": to(
        "org.plantd.State",
        "set",
        (n) => `{${key(n)},"value":"${value}"}`,
      ),
      "get, 100 bytes": to("org.plantd.State", "get", (n) => `{${key(n)}}`),
    };
    for (const [name, request] of Object.entries(cases)) {
      const options = { sockets: OUTSTANDING, request };
      await drive(poller, endpoint, { ...options, count: 2_000 });
      const runs = [];
      for (let i = 0; i < RUNS; i += 1) {
        runs.push(await drive(poller, endpoint, { ...options, count: 20_000 }));
      }
      write(line(name, median(runs)));
    }
  } finally {
    for (const process of processes) process.kill("SIGKILL");
    await Promise.all(processes.map((process) => process.status));
    await Deno.remove(dir, { recursive: true });
  }
}
