/** What takes more than one peer to do to a broker: workers that cheat, die and pretend, per dialect. */

import assert from "node:assert/strict";
import { type Dialect, DIALECTS } from "../../../src/mdp/frames.ts";
import type { RawPeer } from "../peers.ts";
import { partial, wire } from "../wire.ts";
import {
  type BrokerSite,
  fill,
  GOOD_NAMES,
  heardBy,
  lines,
  manyFrames,
  WAITING_NAMES,
} from "./broker_site.ts";

/** Something hostile; it fails when what is due does not come, or anything else does. */
export interface Act {
  readonly name: string;
  /** Uses an identity that libzmq lets nobody else have meanwhile: one at a time. */
  readonly alone?: boolean;
  /** Connects once under an identity that is taken: libzmq keeps IGNORED_BYTES of it (subject_process.ts). */
  readonly ignored?: boolean;
  run(site: BrokerSite, dialect: Dialect): Promise<void>;
}

/** A worker that holds a client's request. */
class Pair implements AsyncDisposable {
  readonly worker: RawPeer;
  readonly client: RawPeer;
  readonly service: string;
  /** Of the worker; the client's is the one of the act. */
  readonly dialect: Dialect;
  readonly #clientDialect: Dialect;
  readonly #site: BrokerSite;
  address = new Uint8Array(0);

  private constructor(site: BrokerSite, client: Dialect, worker: Dialect) {
    this.#site = site;
    this.service = site.name();
    this.#clientDialect = client;
    this.dialect = worker;
    this.worker = site.peer();
    this.client = site.peer();
  }

  static async meet(site: BrokerSite, client: Dialect, worker = client): Promise<Pair> {
    const pair = new Pair(site, client, worker);
    await pair.worker.say(wire[worker].ready(pair.service));
    await pair.worker.next(); // Its first heartbeat: from now on the service is there.
    await pair.client.say(wire[client].request(pair.service, "asked"));
    const request = await pair.worker.nextRequest(worker);
    pair.address = Uint8Array.from(request.client);
    return pair;
  }

  /** The worker was sent DISCONNECT and nothing else. */
  async assertExpelled(): Promise<void> {
    assert.deepEqual(await heardBy(this.worker), lines(wire[this.dialect].byeToWorker()));
  }

  /** The client hears exactly this as its reply, so nothing of what came before. */
  async assertReplied(...body: (string | Uint8Array)[]): Promise<void> {
    const due = wire[this.#clientDialect].reply(this.service, ...body);
    const heard = [await this.client.next()];
    assert.deepEqual([...heard, ...await heardBy(this.client)], lines(due));
  }

  /** Another worker gets the request, which the client knows nothing of. */
  async assertGivenToAnother(): Promise<void> {
    await using other = this.#site.peer();
    await other.say(wire[this.dialect].ready(this.service));
    const { client, body } = await other.nextRequest(this.dialect);
    assert.deepEqual(body, ["asked"]);
    await other.say(wire[this.dialect].final(client, "rescued"));
    await this.assertReplied("rescued");
  }

  /** Nobody gets the request any more, and the client no reply. */
  async assertLost(): Promise<void> {
    await using other = this.#site.peer();
    await other.say(wire[this.dialect].ready(this.service));
    assert.deepEqual(await heardBy(other), []);
    assert.deepEqual(await heardBy(this.client), []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.worker.socket.close();
    await this.client.socket.close();
  }
}

/** An act that begins with a worker that holds a request. */
function withPair(
  name: string,
  run: (pair: Pair, site: BrokerSite) => Promise<void>,
  worker?: Dialect,
): Act {
  return {
    name,
    async run(site, dialect) {
      await using pair = await Pair.meet(site, dialect, worker);
      await run(pair, site);
    },
  };
}

/** After which the broker sends DISCONNECT and gives the request to another worker. */
const CHEATS: readonly (readonly [name: string, cheat: (pair: Pair) => Promise<void>])[] = [
  ["answers an address one bit off", ({ worker, address, dialect }) => {
    return worker.say(wire[dialect].final(address.with(4, address[4]! ^ 1), "spoofed"));
  }],
  ["answers an address one byte longer", ({ worker, address, dialect }) => {
    return worker.say(wire[dialect].final(Uint8Array.of(...address, 0), "spoofed"));
  }],
  ["says READY again", ({ worker, service, dialect }) => worker.say(wire[dialect].ready(service))],
  ["says READY for mmi", ({ worker, dialect }) => worker.say(wire[dialect].ready("mmi.service"))],
  ["answers in another dialect", ({ worker, address, dialect }) => {
    return worker.say(wire[DIALECTS.find((other) => other !== dialect)!].final(address, "spoofed"));
  }],
  ["beats in another dialect", ({ worker, dialect }) => {
    return worker.say(wire[DIALECTS.find((other) => other !== dialect)!].beat());
  }],
  ...[...GOOD_NAMES, ...WAITING_NAMES].map((name) =>
    [`answers ${name} instead`, ({ worker, dialect }: Pair) => {
      return worker.say(wire[dialect].final(name, "spoofed"));
    }] as const
  ),
];

/** Acts with one worker and one client of the same dialect. */
export const WORKER_ACTS: readonly Act[] = [
  ...CHEATS.map(([name, cheat]) =>
    withPair(`a worker that holds a request and ${name}`, async (pair) => {
      await cheat(pair);
      await pair.assertExpelled();
      await pair.assertGivenToAnother();
    })
  ),
  withPair("a worker that answers twice", async (pair) => {
    const { worker, address, dialect } = pair;
    await worker.say(wire[dialect].final(address, "once"));
    await worker.say(wire[dialect].final(address, "twice"));
    await pair.assertExpelled();
    await pair.assertReplied("once");
  }),
  withPair("a worker that answers a hundred times", async (pair) => {
    const { worker, address, dialect } = pair;
    for (let i = 0; i < 100; i += 1) await worker.say(wire[dialect].final(address, `${i}`));
    await pair.assertExpelled();
    await pair.assertReplied("0");
  }),
  withPair("a worker that answers and dies", async (pair) => {
    await pair.worker.say(wire[pair.dialect].final(pair.address, "last words"));
    await pair.worker.socket.close();
    await pair.assertReplied("last words");
  }),
  withPair("a worker that takes a request and says DISCONNECT", async (pair) => {
    await pair.worker.say(wire[pair.dialect].bye());
    assert.deepEqual(await heardBy(pair.worker), []);
    await pair.assertGivenToAnother();
  }),
  withPair("a worker that says DISCONNECT and answers all the same", async (pair) => {
    await pair.worker.say(wire[pair.dialect].bye());
    await pair.worker.say(wire[pair.dialect].final(pair.address, "too late"));
    assert.deepEqual(await heardBy(pair.worker), []);
    await pair.assertGivenToAnother();
  }),
  withPair("a worker that takes a request and vanishes", async (pair) => {
    await pair.worker.socket.close();
    await pair.assertGivenToAnother();
  }),
  withPair("two workers that take the same request and leave", async (pair, site) => {
    await pair.worker.say(wire[pair.dialect].bye());
    await using second = site.peer();
    await second.say(wire[pair.dialect].ready(pair.service));
    await second.nextRequest(pair.dialect);
    await second.say(wire[pair.dialect].bye());
    assert.deepEqual(await heardBy(second), []);
    await pair.assertLost();
  }),
  withPair("a worker that answers with 2,000 frames", async (pair) => {
    const body = manyFrames(2000);
    await pair.worker.say(wire[pair.dialect].final(pair.address, ...body));
    await pair.assertReplied(...body);
  }),
  withPair("a worker that answers with 5 MB and an empty frame", async (pair) => {
    const body = [fill(5_000_000), fill(0)];
    await pair.worker.say(wire[pair.dialect].final(pair.address, ...body));
    // Compared by length: to make five million bytes readable takes seconds.
    const reply = await pair.client.inbox.next();
    assert.deepEqual(reply.slice(-2).map(({ length }) => length), [5_000_000, 0]);
  }),
  withPair("a worker whose client has gone", async (pair, site) => {
    const { worker, client, address, service, dialect } = pair;
    await client.socket.close();
    await worker.say(wire[dialect].final(address, "to nobody"));
    // It did nothing wrong, so it serves the next one.
    await using next = site.peer();
    await next.say(wire[dialect].request(service, "next"));
    const request = await worker.nextRequest(dialect);
    await worker.say(wire[dialect].final(request.client, "served"));
    assert.deepEqual([await next.next()], lines(wire[dialect].reply(service, "served")));
  }),
  withPair("a client with a hundred requests at once", async (pair) => {
    const { worker, client, service, dialect } = pair;
    for (let i = 1; i < 100; i += 1) await client.say(wire[dialect].request(service, `${i}`));
    // One at a time (B8 would otherwise be the worker's undoing).
    assert.deepEqual(await heardBy(worker), []);
    for (let i = 0, address = pair.address; i < 100; i += 1) {
      await worker.say(wire[dialect].final(address, `${i}`));
      const due = lines(wire[dialect].reply(service, `${i}`));
      assert.deepEqual([await client.next()], due);
      if (i < 99) address = Uint8Array.from((await worker.nextRequest(dialect)).client);
    }
  }),
];

/** Acts with partial replies, which only workers of mdp02 have; the client is of any dialect. */
export const PARTIAL_ACTS: readonly Act[] = [
  {
    name: "a worker of mdp02 that sends 3,000 partial replies",
    async run(site, dialect) {
      await using pair = await Pair.meet(site, dialect, "mdp02");
      const part = partial.fromWorker(pair.address, "part");
      if (dialect !== "mdp02") {
        // More than one reply can hold; the broker does not wait for the rest.
        for (let i = 0; i < 3000; i += 1) await sayUntilSent(pair.worker, part);
        await pair.assertExpelled();
        return await pair.assertLost();
      }
      for (let i = 0; i < 3000; i += 1) {
        await sayUntilSent(pair.worker, part);
        assert.deepEqual([await pair.client.next()], lines(partial.toClient(pair.service, "part")));
      }
      await pair.worker.say(wire.mdp02.final(pair.address, "end"));
      await pair.assertReplied("end");
    },
  },
  {
    name: "a worker of mdp02 that sends partial replies of 18 MB",
    async run(site, dialect) {
      await using pair = await Pair.meet(site, dialect, "mdp02");
      for (let i = 0; i < 3; i += 1) {
        await pair.worker.say(partial.fromWorker(pair.address, fill(6_000_000)));
      }
      if (dialect !== "mdp02") {
        await pair.assertExpelled();
        return await pair.assertLost();
      }
      for (let i = 0; i < 3; i += 1) assert.equal((await pair.client.inbox.next())[3]!.length, 6e6);
      await pair.worker.say(wire.mdp02.final(pair.address, "end"));
      await pair.assertReplied("end");
    },
  },
  {
    name: "a worker of mdp02 that leaves in the middle of its reply",
    async run(site, dialect) {
      await using pair = await Pair.meet(site, dialect, "mdp02");
      await pair.worker.say(partial.fromWorker(pair.address, "part"));
      await pair.worker.say(wire.mdp02.bye());
      assert.deepEqual(await heardBy(pair.worker), []);
      // A client that has the part must not get another worker's; one that does not, does.
      if (dialect !== "mdp02") return await pair.assertGivenToAnother();
      assert.deepEqual([await pair.client.next()], lines(partial.toClient(pair.service, "part")));
      await pair.assertLost();
    },
  },
  {
    name: "a worker of mdp02 that sends partial replies after its final one",
    async run(site, dialect) {
      await using pair = await Pair.meet(site, dialect, "mdp02");
      await pair.worker.say(wire.mdp02.final(pair.address, "end"));
      await pair.worker.say(partial.fromWorker(pair.address, "after"));
      await pair.assertExpelled();
      await pair.assertReplied("end");
    },
  },
];

async function sayUntilSent(peer: RawPeer, frames: Uint8Array[]): Promise<void> {
  while (await peer.socket.send(frames) !== "sent") {
    await new Promise((done) => setTimeout(done, 1));
  }
}
