/** What a broker can do wrong to a worker: tables, made per dialect. */

import assert from "node:assert/strict";
import { LANE_QUEUE_MAX } from "../../../src/limits.ts";
import { type Dialect, DIALECTS, type Frames } from "../../../src/mdp/frames.ts";
import { bytes, naming, until } from "../../helpers/async.ts";
import { ADDRESS, message, partial, show, wire } from "../wire.ts";
import { fill, manyFrames } from "./broker_site.ts";
import type { Memory } from "./subject_process.ts";
import type { WorkerSite } from "./worker_site.ts";

/** Something a broker does; the lane must answer a good request afterwards. */
export interface BrokerAct {
  readonly name: string;
  run(site: WorkerSite, dialect: Dialect): Promise<void>;
}

/** Where each dialect has its code in messages to a worker. */
const CODE_AT: Readonly<Record<Dialect, number>> = { mdp01: 2, mdp02: 1, plantd02: 1 };

/** Messages said at once in a flood: half of what libzmq keeps for a peer. */
const FLOOD_PART = 500;

function swap(frames: Frames, index: number, ...by: Uint8Array[]): Frames {
  return [...frames.slice(0, index), ...by, ...frames.slice(index + 1)];
}

/** Messages that are no command to a worker of `dialect`. */
export function* malformed(dialect: Dialect): Generator<readonly [name: string, frames: Frames]> {
  const table = wire[dialect];
  const codeAt = CODE_AT[dialect];
  const request = table.toWorker(ADDRESS, "body");
  const commands = {
    REQUEST: request,
    HEARTBEAT: table.beatToWorker(),
    DISCONNECT: table.byeToWorker(),
  };
  for (const [what, frames] of Object.entries(commands)) {
    for (let count = 1; count < frames.length; count += 1) {
      yield [`${what} cut off after ${count} of ${frames.length} frames`, frames.slice(0, count)];
    }
    yield [`${what} behind a space`, [bytes(" "), ...frames]];
    yield [`${what} behind two empty frames`, [fill(0), fill(0), ...frames]];
    yield [
      dialect === "mdp01" ? `${what} without its empty frame` : `${what} with an empty frame first`,
      dialect === "mdp01" ? frames.slice(1) : [fill(0), ...frames],
    ];
    const header = frames[codeAt - 1]!;
    yield [`${what} of version 03`, swap(frames, codeAt - 1, header.with(5, 0x33))];
    yield [`${what} with a client's header`, swap(frames, codeAt - 1, header.with(3, 0x43))];
    yield [`${what} with a header of 1 MB`, swap(frames, codeAt - 1, fill(1_000_000))];
    const codes = dialect === "plantd02"
      ? ["", "\x02", "request", "REQUES", "REQUEST ", "PARTIAL", "__proto__"].map(bytes)
      : [[], [0], [7], [0xff], [2, 2], [0x32]].map((code) => Uint8Array.from(code));
    for (const code of codes) {
      yield [`${what} with the code ${JSON.stringify([...code])}`, swap(frames, codeAt, code)];
    }
  }
  yield ["HEARTBEAT with a frame too many", [...commands.HEARTBEAT, bytes("x")]];
  yield ["DISCONNECT with a frame too many", [...commands.DISCONNECT, bytes("x")]];
  yield ["REQUEST from an address of 0 bytes", swap(request, codeAt + 1, fill(0))];
  yield ["REQUEST from an address of 256 bytes", swap(request, codeAt + 1, fill(256))];
  yield ["REQUEST from an address of 1 MB", swap(request, codeAt + 1, fill(1_000_000))];
  yield ["REQUEST from two addresses", swap(request, codeAt + 2, ADDRESS, fill(0))];
  yield ["REQUEST with a space for its empty frame", swap(request, codeAt + 2, bytes(" "))];
  yield ["REQUEST without its empty frame", swap(request, codeAt + 2)];
  yield ["REQUEST of 3,000 frames", table.toWorker(ADDRESS, ...manyFrames(3000))];
  yield ["a reply, as if it were a client", table.reply("good", "reply")];
  yield ["a request, as if it were the broker", table.request("good", "request")];
  yield ["a worker's READY", table.ready("good")];
  yield ["a worker's REPLY", table.final(ADDRESS, "reply")];
  if (dialect === "mdp02") yield ["a worker's PARTIAL", partial.fromWorker(ADDRESS, "part")];
  for (const other of DIALECTS.filter((other) => other !== dialect)) {
    yield [`REQUEST of ${other}`, wire[other].toWorker(ADDRESS, "body")];
    yield [`HEARTBEAT of ${other}`, wire[other].beatToWorker()];
    yield [`DISCONNECT of ${other}`, wire[other].byeToWorker()];
  }
  yield ["one empty frame", message("")];
  yield ["one byte", message("x")];
  yield ["10 MB", message(fill(10_000_000))];
  yield ["50,000 frames", manyFrames(50_000)];
}

/** A malformed message is dropped and counted; the conversation goes on. */
export function malformedActs(dialect: Dialect): BrokerAct[] {
  return [...malformed(dialect)].map(([name, frames]) => ({
    name,
    async run(site) {
      const before = await site.status(dialect);
      await site.say(dialect, frames);
      await site.assertWell(dialect);
      const { malformed, requests, reconnects } = await site.status(dialect);
      assert.deepEqual({ malformed, requests, reconnects }, {
        malformed: before.malformed + 1,
        requests: before.requests + 1,
        reconnects: before.reconnects,
      });
    },
  }));
}

/** A request that is odd and good all the same. */
function odd(name: string, client: Uint8Array, ...body: (string | Uint8Array)[]): BrokerAct {
  return { name, run: (site, dialect) => site.ask(dialect, client, ...body) };
}

/** Ends the conversation as `end` does; the lane begins another one, and says READY again. */
function ending(
  name: string,
  end: (site: WorkerSite, dialect: Dialect) => Promise<unknown>,
): BrokerAct {
  return {
    name,
    async run(site, dialect) {
      const { reconnects } = await site.status(dialect);
      await end(site, dialect);
      await until("a new conversation", async () => {
        return (await site.status(dialect)).reconnects > reconnects;
      });
    },
  };
}

/** What the worker must bear, in any dialect. */
export const BROKER_ACTS: readonly BrokerAct[] = [
  odd("a client of 1 byte", fill(1, 0), "body"),
  odd("a client of 5 bytes", ADDRESS, "body"),
  odd("a client of 255 bytes", fill(255, 0xff), "body"),
  odd("a client of 255 times 00", fill(255, 0), "body"),
  odd("a client that is a header", bytes("MDPW01"), "body"),
  odd("a body of one empty frame", ADDRESS, ""),
  odd("a body of a thousand empty frames", ADDRESS, ...Array(1000).fill("")),
  odd("a body of 2,000 frames", ADDRESS, ...Array(2000).fill("f")),
  odd("a body of as many frames as there may be", ADDRESS, ...Array(2043).fill("f")),
  odd("a body of 5 MB", ADDRESS, fill(5_000_000)),
  odd("a body that looks like a command", ADDRESS, "", "MDPW01", "\x05", ""),
  {
    name: "20 requests at once, answered in order",
    async run(site, dialect) {
      const lane = await site.lane(dialect);
      for (let i = 0; i < 20; i += 1) site.broker(dialect).request(lane, fill(5, i + 1), `${i}`);
      for (let i = 0; i < 20; i += 1) await site.assertReply(dialect, fill(5, i + 1), `${i}`);
    },
  },
  {
    name: "500 requests at once, of which the lane keeps some and counts the others",
    async run(site, dialect) {
      const before = await site.status(dialect);
      const lane = await site.lane(dialect);
      const { toWorker } = wire[dialect];
      const broker = site.broker(dialect);
      broker.request(lane, ADDRESS, "held");
      for (let i = 0; i < LANE_QUEUE_MAX; i += 1) broker.request(lane, ADDRESS, `${i}`);
      for (let i = LANE_QUEUE_MAX; i < 500; i += 1) broker.send(lane, toWorker(ADDRESS, `${i}`));
      await until("the rest is counted", async () => {
        const { droppedRequests } = await site.status(dialect);
        return droppedRequests === before.droppedRequests + 500 - LANE_QUEUE_MAX;
      });
      await site.subject.release(DIALECTS.indexOf(dialect));
      await site.assertReply(dialect, ADDRESS, "held");
      for (let i = 0; i < LANE_QUEUE_MAX; i += 1) await site.assertReply(dialect, ADDRESS, `${i}`);
    },
  },
  {
    name: "50,000 heartbeats",
    async run(site, dialect) {
      const before = await site.status(dialect);
      await flood(site, dialect, 50_000, wire[dialect].beatToWorker());
      assert.equal((await site.status(dialect)).reconnects, before.reconnects);
    },
  },
  {
    name: "20,000 malformed messages",
    async run(site, dialect) {
      const before = await site.status(dialect);
      await flood(site, dialect, 20_000, message("", "MDPC01", "no"));
      const { malformed, reconnects } = await site.status(dialect);
      assert.deepEqual({ malformed, reconnects }, {
        malformed: before.malformed + 20_000,
        reconnects: before.reconnects,
      });
    },
  },
  ending("DISCONNECT", async (site, dialect) => {
    site.broker(dialect).disconnect(await site.lane(dialect));
  }),
  ending("DISCONNECT, and then much more to the address that was", async (site, dialect) => {
    const broker = site.broker(dialect);
    const lane = await site.lane(dialect);
    const { toWorker, beatToWorker, byeToWorker } = wire[dialect];
    broker.disconnect(lane);
    for (const frames of [byeToWorker(), beatToWorker(), toWorker(ADDRESS, "too late")]) {
      broker.send(lane, frames);
    }
  }),
  ending("DISCONNECT in the middle of a request", async (site, dialect) => {
    const { droppedReplies } = await site.status(dialect);
    const lane = await site.lane(dialect);
    site.broker(dialect).send(lane, wire[dialect].toWorker(ADDRESS, "held"));
    await until("it works", async () => (await site.status(dialect)).busy === 1);
    site.broker(dialect).disconnect(lane);
    await until("the conversation is over", async () => {
      return (await site.status(dialect)).connected === 0;
    });
    await site.subject.release(DIALECTS.indexOf(dialect));
    await until("its reply is dropped", async () => {
      return (await site.status(dialect)).droppedReplies === droppedReplies + 1;
    });
  }),
  ending("a storm of DISCONNECTs, one for each READY", async (site, dialect) => {
    const broker = site.broker(dialect);
    const { promise, resolve } = Promise.withResolvers<void>();
    let storm = 8;
    broker.onReady = (lane) => {
      broker.disconnect(lane);
      storm -= 1;
      if (storm === 0) resolve();
    };
    broker.disconnect(await site.lane(dialect));
    await promise;
    broker.onReady = () => {};
  }),
  ending("a frame over 16 MiB, which costs the broker the connection", async (site, dialect) => {
    const broker = site.broker(dialect);
    const lane = await site.lane(dialect);
    const { reconnects } = await site.status(dialect);
    broker.send(lane, wire[dialect].toWorker(ADDRESS, fill(17 << 20)));
    await until("it is on another connection", async () => {
      return (await site.status(dialect)).reconnects > reconnects;
    });
    // It could not say goodbye on the first one.
    broker.ready.delete(show([lane])[0]!);
  }),
  ending("silence", async (site, dialect) => {
    using _silence = site.silence(dialect);
    const gone = await site.lane(dialect);
    await until("it leaves", () => ![...site.broker(dialect).ready.values()].includes(gone));
    await site.lane(dialect);
  }),
];

/** Says `frames` that often. A good request now and then, because a broker drops what is too much. */
async function flood(
  site: WorkerSite,
  dialect: Dialect,
  count: number,
  frames: Frames,
): Promise<void> {
  for (let i = 0; i < count; i += FLOOD_PART) {
    await site.say(dialect, ...Array(FLOOD_PART).fill(frames));
    await site.assertWell(dialect);
  }
}

/**
 * What the workers hold once they have answered some hundred requests and met a sample of everything:
 * the addon and the allocator keep pools as large as the largest flood.
 */
export async function warmWorkers(site: WorkerSite): Promise<Memory> {
  await Promise.all(DIALECTS.map(async (dialect) => {
    for (let i = 0; i < 300; i += 1) await site.assertWell(dialect);
    for (const act of malformedActs(dialect)) {
      await naming(`${dialect}, ${act.name}`, act.run(site, dialect));
    }
    // A silence takes its time and leaves nothing that others do not.
    for (const act of BROKER_ACTS.filter(({ name }) => name !== "silence")) {
      await naming(`${dialect}, ${act.name}`, act.run(site, dialect));
      await site.assertWell(dialect);
    }
  }));
  return await site.subject.memory();
}
