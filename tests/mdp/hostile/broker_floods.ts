/** Too much of everything for a broker: each flood is bounded, and nobody else is held up. */

import assert from "node:assert/strict";
import type { Frames } from "../../../src/mdp/frames.ts";
import { until } from "../../helpers/async.ts";
import { message, partial, show, wire } from "../wire.ts";
import { type BrokerSite, fill, lines, manyFrames } from "./broker_site.ts";
import { concat, encode, handshake, RawConnection } from "./raw.ts";

/** A flood; a `size` of 1 is the whole of it, and only that is sure to get to the bounds. */
export interface Flood {
  readonly name: string;
  run(site: BrokerSite, size: number): Promise<void>;
}

const { mdp01, mdp02 } = wire;

/** Bytes written at once: fewer, larger writes are what makes it a flood. */
const WRITE_BYTES = 1 << 20;

/** Says `count` messages over bare TCP as fast as they are taken. */
async function pour(raw: RawConnection, count: number, make: (i: number) => Frames): Promise<void> {
  let parts: Uint8Array[] = [];
  let size = 0;
  for (let i = 0; i < count; i += 1) {
    const part = encode(make(i));
    parts.push(part);
    size += part.length;
    if (size < WRITE_BYTES && i < count - 1) continue;
    await raw.write(concat(...parts));
    parts = [];
    size = 0;
  }
}

/** Pours messages that are answered with nothing, and waits until the broker has been through them. */
async function pourInSilence(
  site: BrokerSite,
  count: number,
  make: (i: number) => Frames,
  ...due: Frames[]
): Promise<void> {
  await using raw = await RawConnection.dealer(site.port);
  await pour(raw, count, make);
  await raw.say(mdp01.request("mmi.flood", "end"));
  for (const frames of [...due, mdp01.reply("mmi.flood", "501")]) {
    assert.deepEqual(show(await raw.inbox.next()), show(frames));
  }
}

/** All there are. */
export const FLOODS: readonly Flood[] = [
  {
    name: "20,000 requests for as many services nobody has",
    async run(site, size) {
      const { requests, refused } = await site.subject.status();
      const name = site.name();
      const count = Math.ceil(20_000 * size);
      await pourInSilence(site, count, (i) => mdp01.request(`${name}-${i}`, "x"));
      const after = await site.subject.status();
      assert.ok(after.requests - requests >= count);
      // Room for 4096 such services, and 20,000 do not fit.
      if (size === 1) assert.ok(after.refused - refused >= 20_000 - 4096, `${after.refused}`);
      assert.ok(after.queued <= 50_000 && after.services <= 5000);
    },
  },
  {
    name: "12,000 requests of one client for a service nobody has",
    async run(site, size) {
      const { refused } = await site.subject.status();
      const name = site.name();
      await pourInSilence(site, Math.ceil(12_000 * size), () => mdp01.request(name, "x"));
      // A single client has half of the room of a service, which is 10,000.
      const after = await site.subject.status();
      if (size === 1) assert.ok(after.refused - refused >= 7000, `${after.refused - refused}`);
    },
  },
  {
    name: "100 requests of 1 MB for a service nobody has",
    async run(site, size) {
      const name = site.name();
      const megabyte = fill(1 << 20);
      await pourInSilence(site, Math.ceil(100 * size), () => mdp01.request(name, megabyte));
      const { bytes: held } = await site.subject.status();
      assert.ok(held <= 128 * 2 ** 20, `${held} bytes of requests`);
    },
  },
  {
    name: "20,000 invalid messages",
    async run(site, size) {
      const { invalid } = await site.subject.status();
      const count = Math.ceil(20_000 * size);
      await pourInSilence(site, count, () => message("", "MDPC01", "cut off"));
      assert.ok((await site.subject.status()).invalid - invalid >= count);
    },
  },
  {
    name: "10,000 heartbeats before READY, answered with one DISCONNECT",
    async run(site, size) {
      await pourInSilence(site, Math.ceil(10_000 * size), () => mdp01.beat(), mdp01.byeToWorker());
    },
  },
  {
    name: "20,000 REPLYs nobody asked for, answered with one DISCONNECT",
    async run(site, size) {
      const spoofed = mdp02.final("good-mdp02", "spoofed");
      await pourInSilence(site, Math.ceil(20_000 * size), () => spoofed, mdp02.byeToWorker());
    },
  },
  {
    name: "20,000 PARTIALs nobody asked for, answered with one DISCONNECT",
    async run(site, size) {
      const spoofed = partial.fromWorker("waiting-mdp02", "spoofed");
      await pourInSilence(site, Math.ceil(20_000 * size), () => spoofed, mdp02.byeToWorker());
    },
  },
  {
    name: "10,000 heartbeats of a worker",
    async run(site, size) {
      await using raw = await RawConnection.dealer(site.port);
      await raw.say(mdp01.ready(site.name()));
      await pour(raw, Math.ceil(10_000 * size), () => mdp01.beat());
      await raw.say(mdp01.request("mmi.flood", "end"));
      const beat = show(mdp01.beatToWorker()).join();
      for (let heard = beat; heard === beat;) {
        heard = show(await raw.inbox.next()).join();
        assert.ok([beat, show(mdp01.reply("mmi.flood", "501")).join()].includes(heard), heard);
      }
    },
  },
  {
    name: "5,000 requests to the broker itself, all of them answered",
    async run(site, size) {
      const count = Math.ceil(5000 * size);
      await using raw = await RawConnection.dealer(site.port);
      await Promise.all([
        pour(raw, count, () => mdp01.request("mmi.service", "good")),
        (async () => {
          for (let i = 0; i < count; i += 1) {
            const reply = [show(await raw.inbox.next())];
            assert.deepEqual(reply, lines(mdp01.reply("mmi.service", "200")));
          }
        })(),
      ]);
    },
  },
  {
    name: "300 workers that vanish",
    async run(site, size) {
      const name = site.name();
      for (let i = 0; i < 300 * size; i += 1) {
        await using worker = site.peer({ lingerMs: 100 });
        await worker.say(mdp01.ready(`${name}-${i % 7}`));
        assert.deepEqual(await worker.next(), show(mdp01.beatToWorker()));
      }
      await forgotten(site, name);
    },
  },
  {
    name: "100 workers that vanish with a request each, which all reach a good one",
    async run(site, size) {
      const name = site.name();
      const count = Math.ceil(100 * size);
      await using stack = new AsyncDisposableStack();
      const clients = [];
      const workers = [];
      for (let i = 0; i < count; i += 1) {
        const worker = site.peer();
        workers.push(worker);
        await worker.say(mdp01.ready(name));
        await worker.next();
        const client = stack.use(site.peer());
        clients.push(client);
        await client.say(mdp01.request(name, `${i}`));
        await worker.nextRequest("mdp01");
      }
      for (const worker of workers) await worker.socket.close();
      await using good = site.peer();
      await good.say(mdp01.ready(name));
      for (let i = 0; i < count; i += 1) {
        const { client, body } = await good.nextRequest("mdp01");
        await good.say(mdp01.final(client, ...body));
      }
      for (const [i, client] of clients.entries()) {
        assert.deepEqual([await client.next()], lines(mdp01.reply(name, `${i}`)));
      }
    },
  },
  {
    name: "a peer that never reads 30 MB of replies",
    async run(site, size) {
      const { full } = await site.subject.status();
      await using deaf = await RawConnection.dealer(site.port);
      deaf.deafen();
      const body = fill(10_000);
      await pour(deaf, Math.ceil(3000 * size), () => mdp01.request("good", body));
      // Its socket and its place in libzmq's queue hold some; the rest is dropped and counted.
      if (size === 1) {
        await until("replies are dropped", async () => {
          return (await site.subject.status()).full > full;
        });
      }
    },
  },
  {
    name: "200 connections that do nothing",
    async run(site, size) {
      await using stack = new AsyncDisposableStack();
      for (let i = 0; i < 200 * size; i += 1) {
        stack.use(await RawConnection.open(site.port, new Uint8Array(0)));
      }
      await site.assertWell();
    },
  },
  {
    name: "200 connections that stop in the middle of a message",
    async run(site, size) {
      const half = encode(mdp01.request("good", "x"), true);
      await using stack = new AsyncDisposableStack();
      for (let i = 0; i < 200 * size; i += 1) {
        await stack.use(await RawConnection.dealer(site.port)).write(half);
      }
      await site.assertWell();
    },
  },
  {
    name: "500 connections that come and go",
    async run(site, size) {
      for (let i = 0; i < 500 * size; i += 1) {
        await using _raw = await RawConnection.dealer(site.port);
      }
    },
  },
  {
    name: "300 clients that ask and are gone before the reply",
    async run(site, size) {
      for (let i = 0; i < 300 * size; i += 1) {
        await using raw = await RawConnection.dealer(site.port);
        await raw.say(mdp01.request("good", "x"));
      }
    },
  },
  {
    name: "a message of 200,000 frames that does not end",
    async run(site, size) {
      await using raw = await RawConnection.dealer(site.port);
      const part = encode(manyFrames(10_000), true);
      for (let i = 0; i < 20 * size; i += 1) await raw.write(part);
      await site.assertWell();
    },
  },
  {
    name: "a request that comes one byte at a time",
    async run(site) {
      await using raw = await RawConnection.open(site.port, new Uint8Array(0));
      const slowly = async (whole: Uint8Array) => {
        for (const [i, byte] of whole.entries()) {
          await raw.write(Uint8Array.of(byte));
          if (i % 16 === 0) await site.assertWell();
        }
      };
      await slowly(handshake());
      await raw.untilReady();
      await slowly(encode(mdp01.request("mmi.slow", "x")));
      assert.deepEqual([show(await raw.inbox.next())], lines(mdp01.reply("mmi.slow", "501")));
    },
  },
  {
    name: "a frame over 16 MiB, which costs its sender the connection",
    async run(site) {
      await using raw = await RawConnection.dealer(site.port);
      await raw.say([...mdp01.request("good"), fill(17 << 20)]);
      await until("it is cut off", () => raw.ended);
    },
  },
];

/** Resolves when no service whose name begins with `name` has workers. */
async function forgotten(site: BrokerSite, name: string): Promise<void> {
  await using client = site.peer();
  await until("the workers are forgotten", async () => {
    await client.say(mdp01.request("org.plantd.Broker", "services"));
    const [, , , reply] = await client.inbox.next();
    const { services } = JSON.parse(new TextDecoder().decode(reply));
    return !services.some((service: string) => service.startsWith(name));
  });
}
