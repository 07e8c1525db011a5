/**
 * How fast a bus of `broker` takes messages of 100 bytes without losing any, with the default settings of
 * both sides: one publisher, one subscriber, the broker in between, each a process of its own.
 *
 * deno run -A bench/bus.ts
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { Poller } from "../src/zmq/poller.ts";
import { Socket } from "../src/zmq/socket.ts";
import { freePorts } from "../tests/helpers/ports.ts";

const SECONDS = 3;
const RATES = [10_000, 20_000, 40_000, 80_000, 160_000, 320_000];
/** A publisher sends what is due this often, in milliseconds. */
const PACE_MS = 2;
const SELF = fileURLToPath(import.meta.url);
const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

/** Sends `perSecond` messages a second for a while; each begins with its number. */
async function publish(frontend: string, perSecond: number): Promise<void> {
  await using poller = new Poller();
  const subscribed = Promise.withResolvers<void>();
  await using bus = Socket.open(poller, "xpub", {
    onMessage: () => subscribed.resolve(),
    lingerMs: 5000,
  });
  bus.connect(frontend);
  await subscribed.promise;
  const count = perSecond * SECONDS;
  const startMs = performance.now();
  for (let sent = 0; sent < count;) {
    const due = Math.min(count, (performance.now() - startMs) / 1000 * perSecond);
    for (; sent < due; sent += 1) {
      void bus.send([new TextEncoder().encode(`a{"key":"k","value":"${"x".repeat(80)}"}`)]);
    }
    await new Promise((done) => setTimeout(done, PACE_MS));
  }
  await bus.send([new TextEncoder().encode("end")]);
}

/** Messages that arrived of those that were published at `perSecond`. */
async function received(backend: string, frontend: string, perSecond: number): Promise<number> {
  await using poller = new Poller();
  let count = 0;
  const ended = Promise.withResolvers<void>();
  await using bus = Socket.open(poller, "sub", {
    onMessage: ([frame]) => {
      if (frame!.length === 3) ended.resolve();
      else count += 1;
    },
  });
  bus.subscribe("");
  bus.connect(backend);
  const publisher = start(SELF, "publish", frontend, String(perSecond));
  await publisher.status;
  await Promise.race([ended.promise, new Promise((done) => setTimeout(done, 3000))]);
  return count;
}

function start(...args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", ...args],
    stderr: "null",
  }).spawn();
}

if (Deno.args[0] === "publish") {
  await publish(Deno.args[1]!, Number(Deno.args[2]));
} else {
  const dir = await Deno.makeTempDir();
  const [front, back] = freePorts(2).map((port) => `tcp://127.0.0.1:${port}`);
  const config = `endpoint: tcp://127.0.0.1:*
buses: [{ name: state, frontend: "${front}", backend: "${back}" }]
`;
  await Deno.writeTextFile(`${dir}/broker.yml`, config);
  const broker = start(MAIN, "broker", `--config=${dir}/broker.yml`);
  try {
    for (const perSecond of RATES) {
      const count = await received(back!, front!, perSecond);
      const lost = perSecond * SECONDS - count;
      const text = `${perSecond.toLocaleString("en").padStart(9)}/s   lost ${lost} of ${
        perSecond * SECONDS
      }\n`;
      Deno.stdout.writeSync(new TextEncoder().encode(text));
    }
  } finally {
    broker.kill("SIGTERM");
    await broker.status;
    await Deno.remove(dir, { recursive: true });
  }
}
