/** Peers that are not who they say, or say it oddly: identities, and roles they mix up. */

import assert from "node:assert/strict";
import type { Dialect, Frames } from "../../../src/mdp/frames.ts";
import { Socket } from "../../../src/zmq/socket.ts";
import { bytes, Inbox } from "../../helpers/async.ts";
import { message, show, wire } from "../wire.ts";
import type { Act } from "./broker_acts.ts";
import { type BrokerSite, fill, GOOD_NAMES, heardBy, lines, WAITING_NAMES } from "./broker_site.ts";
import { RawConnection } from "./raw.ts";

/** Serves one request as a worker of `identity`, asked by a client of `clientIdentity`. */
async function serve(
  site: BrokerSite,
  dialect: Dialect,
  identity?: string,
  clientIdentity?: string,
): Promise<void> {
  const service = site.name();
  await using worker = site.peer({ routingId: identity });
  await using client = site.peer({ routingId: clientIdentity });
  await worker.say(wire[dialect].ready(service));
  await worker.next(); // Its first heartbeat: from now on the service is there.
  await client.say(wire[dialect].request(service, "asked"));
  const request = await worker.nextRequest(dialect);
  if (clientIdentity) assert.deepEqual(show([request.client]), show(message(clientIdentity)));
  await worker.say(wire[dialect].final(request.client, "served"));
  assert.deepEqual([await client.next()], lines(wire[dialect].reply(service, "served")));
  assert.deepEqual(await heardBy(worker), []);
}

/** Identities a libzmq peer can set. */
const ODD: readonly (readonly [what: string, identity: string])[] = [
  ["of 1 byte", "x"],
  ["of 5 bytes, as long as the broker's own", "\x01abcd"],
  ["of 255 bytes", "x".repeat(255)],
  ["of a space", " "],
  ["with NUL in it", "a\0b"],
  ["that is a header", "MDPW02"],
  ["that is __proto__", "__proto__"],
];

/** Identities that need a handshake by hand; all of them are served. */
export const RAW_IDENTITIES: readonly (readonly [what: string, identity: Uint8Array])[] = [
  ["of one NUL", fill(1, 0)],
  ["of four NULs", fill(4, 0)],
  ["of 5 bytes from 00", Uint8Array.of(0, 1, 2, 3, 4)],
  ["that is no UTF-8", fill(5, 0xff)],
  ["of 255 times 0xff", fill(255, 0xff)],
  ["of 255 times 00", fill(255, 0)],
];

/** Acts of peers with odd identities, per dialect. */
export const IDENTITY_ACTS: readonly Act[] = [
  ...ODD.map(([what, identity]): Act => ({
    name: `a worker with an identity ${what}`,
    alone: true,
    run: (site, dialect) => serve(site, dialect, identity),
  })),
  ...ODD.map(([what, identity]): Act => ({
    name: `a client with an identity ${what}`,
    alone: true,
    run: (site, dialect) => serve(site, dialect, undefined, identity),
  })),
  ...RAW_IDENTITIES.map(([what, identity]): Act => ({
    name: `a client that shook hands with an identity ${what}`,
    alone: true,
    async run(site, dialect) {
      await using raw = await RawConnection.dealer(site.port, { identity });
      await raw.say(wire[dialect].request("good", "asked"));
      assert.deepEqual(
        show(await raw.inbox.next()),
        show(wire[dialect].reply("good", "asked")),
      );
    },
  })),
  ...[...GOOD_NAMES, ...WAITING_NAMES].map((name): Act => ({
    name: `an impostor with the identity of ${name}`,
    ignored: true,
    async run(site, dialect) {
      await using raw = await RawConnection.dealer(site.port, { identity: bytes(name) });
      // libzmq does not let it in under that name; whatever becomes of it, assertWell looks at the owner.
      await raw.say(wire[dialect].request("good", "impostor"));
      await raw.say(wire[dialect].ready("good"));
      await raw.say(wire[dialect].final(bytes(name), "impostor"));
    },
  })),
  {
    name:
      "a worker that counts on from the addresses it sees, and claims those that libzmq makes next",
    alone: true,
    async run(site, dialect) {
      const service = site.name();
      await using worker = site.peer();
      await worker.say(wire[dialect].ready(service));
      await worker.next();
      await using claims = new AsyncDisposableStack();
      for (let round = 0; round < 8; round += 1) {
        await using client = site.peer();
        await client.say(wire[dialect].request(service, "asked"));
        const request = await worker.nextRequest(dialect);
        const seen = Uint8Array.from(request.client);
        for (let ahead = 1; ahead <= 16; ahead += 1) {
          const identity = seen.slice();
          const count = new DataView(identity.buffer);
          count.setUint32(1, count.getUint32(1) + ahead);
          claims.use(await RawConnection.dealer(site.port, { identity }));
        }
        // Those that come now have addresses of libzmq's.
        for (let i = 0; i < 16; i += 1) {
          await using good = site.peer();
          await good.say(wire[dialect].request("good", "still"));
          assert.deepEqual([await good.next()], lines(wire[dialect].reply("good", "still")));
        }
        await worker.say(wire[dialect].final(request.client, "served"));
        assert.deepEqual([await client.next()], lines(wire[dialect].reply(service, "served")));
      }
    },
  },
  {
    name: "a second worker with the identity of the first",
    ignored: true,
    async run(site, dialect) {
      const service = site.name();
      await using first = site.peer({ routingId: service });
      await first.say(wire[dialect].ready(service));
      assert.deepEqual(await heardBy(first), []);
      await using second = site.peer({ routingId: service });
      await second.say(wire[dialect].ready(service));
      await second.say(wire[dialect].bye());
      for (const round of ["1", "2", "3"]) {
        await using client = site.peer();
        await client.say(wire[dialect].request(service, round));
        const request = await first.nextRequest(dialect);
        await first.say(wire[dialect].final(request.client, round));
        assert.deepEqual([await client.next()], lines(wire[dialect].reply(service, round)));
      }
    },
  },
  {
    name: "an identity that comes back as another peer",
    ignored: true,
    async run(site, dialect) {
      const service = site.name();
      const worker = site.peer({ routingId: service });
      await worker.say(wire[dialect].ready(service));
      assert.deepEqual(await heardBy(worker), []);
      await worker.socket.close();
      // Until the broker has noticed, libzmq ignores it; then this is a worker that asks.
      await using again = site.peer({ routingId: service });
      await again.say(wire[dialect].request("good", "again"));
      await using good = site.peer();
      await good.say(wire[dialect].request("good", "still"));
      assert.deepEqual([await good.next()], lines(wire[dialect].reply("good", "still")));
    },
  },
  {
    name: "a peer that is its own worker and client",
    async run(site, dialect) {
      const service = site.name();
      await using peer = site.peer();
      await peer.say(wire[dialect].ready(service));
      await peer.say(wire[dialect].request(service, "to myself"));
      const { client, body } = await peer.nextRequest(dialect);
      assert.deepEqual(body, ["to myself"]);
      // One at a time, also for itself.
      await peer.say(wire[dialect].request(service, "again"));
      assert.deepEqual(await heardBy(peer), []);
      await peer.say(wire[dialect].final(client, "from myself"));
      const due = lines(
        wire[dialect].reply(service, "from myself"),
        wire[dialect].toWorker(client, "again"),
      );
      assert.deepEqual(await heardBy(peer), due);
    },
  },
  {
    name: "a worker that asks a good service, its own and nobody's while it works",
    async run(site, dialect) {
      const service = site.name();
      await using worker = site.peer();
      await using client = site.peer();
      await worker.say(wire[dialect].ready(service));
      await worker.next();
      await client.say(wire[dialect].request(service, "asked"));
      const request = await worker.nextRequest(dialect);
      await worker.say(wire[dialect].request(service, "mine"));
      await worker.say(wire[dialect].request(site.name(), "nobody's"));
      await worker.say(wire[dialect].request("good", "good"));
      assert.deepEqual(
        show(await worker.nextCommand(dialect)),
        show(wire[dialect].reply("good", "good")),
      );
      await worker.say(wire[dialect].final(request.client, "served"));
      assert.deepEqual([await client.next()], lines(wire[dialect].reply(service, "served")));
    },
  },
];

/** A REQ is a client of mdp01 that adds the empty frame by itself. */
export async function reqClient(site: BrokerSite): Promise<void> {
  const inbox = new Inbox<Frames>();
  await using req = Socket.open(site.poller, "req", { onMessage: inbox.put });
  req.connect(site.endpoint);
  for (const round of ["1", "2", "3"]) {
    await req.send(wire.mdp01.request("good", round).slice(1));
    assert.deepEqual(show(await inbox.next()), show(wire.mdp01.reply("good", round).slice(1)));
  }
}
