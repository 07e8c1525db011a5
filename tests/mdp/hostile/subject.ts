/**
 * The subject of the hostile suites, run as a process of its own: `broker`, a broker with a good worker,
 * or `worker <endpoint>...`, one worker for each dialect and one more for a port that changes hands. It
 * tells how it is at a port of its own, so that asking does not disturb what is measured.
 */

import { Broker } from "../../../src/mdp/broker.ts";
import { DIALECTS } from "../../../src/mdp/frames.ts";
import type { Log } from "../../../src/mdp/log.ts";
import { Worker } from "../../../src/mdp/worker.ts";
import { Poller } from "../../../src/zmq/poller.ts";
import { openSocketCount } from "../../../src/zmq/socket.ts";

/** Slow beats would only make the suite slow; ten of them, because machines that test are busy. */
const BEATS = { heartbeatMs: 500, liveness: 10 } as const;
/** A broker's silence is to be noticed in the time of a test. */
const WORKER_BEATS = { heartbeatMs: 500, liveness: 4 } as const;

const [mode, ...endpoints] = Deno.args;
/** glibc keeps what was freed for the next time; malloc_trim(3) gives back what it can. */
const libc = Deno.dlopen("libc.so.6", {
  malloc_trim: { parameters: ["usize"], result: "i32" },
  mallinfo2: { parameters: [], result: { struct: Array<"usize">(10).fill("usize") } },
});
/** Fields of a `struct mallinfo2` (mallinfo(3)): bytes in use in arenas, and in mappings of their own. */
const HBLKHD = 4;
const UORDBLKS = 7;

/** As `plantd-state broker` has it. */
const poller = new Poller(mode === "broker" ? { patienceMs: 1 } : {});
const errors: string[] = [];
const log: Log = { debug() {}, info() {}, warn() {}, error: (said) => errors.push(said) };

/** Requests that begin with "held" are worked on until this resolves, for each worker its own. */
const held = endpoints.map(() => Promise.withResolvers<void>());

const { endpoint, status } = mode === "broker" ? await broker() : workers();

const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
  const released = /\/release\/(\d+)$/.exec(request.url)?.[1];
  if (released !== undefined) {
    held[Number(released)]!.resolve();
    held[Number(released)] = Promise.withResolvers();
  }
  // A connection that stays would be counted with the descriptors.
  const headers = { connection: "close" };
  if (request.url.endsWith("/memory")) return Response.json(await memory(), { headers });
  return Response.json(status(), { headers });
});
const { port } = server.addr as Deno.NetAddr;
await Deno.stdout.write(new TextEncoder().encode(JSON.stringify({ port, endpoint }) + "\n"));

// Standard input ends when the tests do, however they end: nobody is left behind.
void Deno.stdin.readable.pipeTo(new WritableStream()).finally(() => Deno.exit());

async function broker() {
  const broker = await Broker.bind({
    poller,
    endpoint: "tcp://127.0.0.1:*",
    ...BEATS,
    requestExpiryMs: 5000,
    log,
  });
  const good = Worker.start({
    poller,
    endpoint: broker.endpoint,
    service: "good",
    lanes: 4,
    ...BEATS,
    handler: ({ body }) => Promise.resolve(body),
    log,
  });
  return {
    endpoint: broker.endpoint,
    status: () => ({ ...broker.status(), lanes: good.status().connected, errors }),
  };
}

function workers() {
  const all = endpoints.map((endpoint, i) =>
    Worker.start({
      poller,
      endpoint,
      service: "good",
      lanes: 1,
      dialect: DIALECTS[i] ?? "mdp01",
      ...WORKER_BEATS,
      handler: async ({ body }) => {
        if (new TextDecoder().decode(body[0]) === "held") await held[i]!.promise;
        return body;
      },
      log,
    })
  );
  return {
    endpoint: "",
    status: () => ({ workers: all.map((worker) => worker.status()), errors }),
  };
}

/** What is held: V8 and glibc are in no hurry to give back what is free, and are told to. */
async function memory() {
  for (let i = 0; i < 3; i += 1) {
    (globalThis as unknown as { gc: () => void }).gc();
    await new Promise((done) => setTimeout(done, 0));
  }
  libc.symbols.malloc_trim(0n);
  const { rss, heapUsed, external } = Deno.memoryUsage();
  const mallinfo = libc.symbols.mallinfo2();
  const fields = new BigUint64Array(mallinfo.buffer);
  return {
    rss,
    inUse: heapUsed + external + Number(fields[UORDBLKS]! + fields[HBLKHD]!),
    fds: [...Deno.readDirSync("/proc/self/fd")].length,
    sockets: openSocketCount(),
  };
}
