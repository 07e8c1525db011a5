import assert from "node:assert/strict";
import { Broker } from "../../src/mdp/broker.ts";
import { Client } from "../../src/mdp/client.ts";
import { DIALECTS } from "../../src/mdp/frames.ts";
import { Worker } from "../../src/mdp/worker.ts";
import { Poller } from "../../src/zmq/poller.ts";
import { until } from "../helpers/async.ts";
import { RawPeer } from "./peers.ts";
import { message, partial, show, wire } from "./wire.ts";

for (const clientDialect of DIALECTS) {
  for (const workerDialect of DIALECTS) {
    Deno.test(`bridging - a client of ${clientDialect} and a worker of ${workerDialect}, both ours`, async () => {
      await using poller = new Poller();
      await using broker = await Broker.bind({ poller, endpoint: "tcp://127.0.0.1:*" });
      const { endpoint } = broker;
      await using worker = Worker.start({
        poller,
        endpoint,
        service: "echo",
        lanes: 2,
        dialect: workerDialect,
        handler: ({ body }) => Promise.resolve(body),
      });
      await using client = new Client({
        poller,
        endpoint,
        dialect: clientDialect,
        timeoutMs: 5000,
      });
      for (const body of [message("get", "{}"), message(""), message("", "", "x")]) {
        assert.deepEqual(show(await client.request("echo", body)), show(body));
      }
      await until("the worker has heard from the broker", () => worker.status().connected === 2);
      assert.equal(worker.status().dialect, workerDialect);
      assert.equal(worker.status().malformed, 0);
      assert.equal(broker.status().invalid, 0);
    });
  }

  Deno.test(`bridging - partial replies for a client of ${clientDialect}`, async () => {
    await using poller = new Poller();
    await using broker = await Broker.bind({ poller, endpoint: "tcp://127.0.0.1:*" });
    await using worker = new RawPeer(poller, broker.endpoint);
    await using client = new RawPeer(poller, broker.endpoint);
    const { request, reply } = wire[clientDialect];
    await worker.say(wire.mdp02.ready("parts"));
    await client.say(request("parts", "x"));
    const { client: address } = await worker.nextRequest("mdp02");
    await worker.say(partial.fromWorker(address, "p1"));
    await worker.say(partial.fromWorker(address, "p2", "p3"));
    await worker.say(wire.mdp02.final(address, "f"));
    if (clientDialect === "mdp02") {
      assert.deepEqual(await client.next(), show(partial.toClient("parts", "p1")));
      assert.deepEqual(await client.next(), show(partial.toClient("parts", "p2", "p3")));
      assert.deepEqual(await client.next(), show(reply("parts", "f")));
    } else {
      assert.deepEqual(await client.next(), show(reply("parts", "p1", "p2", "p3", "f")));
    }
  });
}

Deno.test("bridging - three services of three dialects at one broker, asked by one client of each", async () => {
  await using poller = new Poller();
  await using broker = await Broker.bind({ poller, endpoint: "tcp://127.0.0.1:*" });
  const { endpoint } = broker;
  await using stack = new AsyncDisposableStack();
  for (const dialect of DIALECTS) {
    stack.use(Worker.start({
      poller,
      endpoint,
      service: dialect,
      dialect,
      handler: ({ body }) => Promise.resolve([...message(dialect), ...body]),
    }));
  }
  const clients = DIALECTS.map((dialect) =>
    stack.use(new Client({ poller, endpoint, dialect, timeoutMs: 5000 }))
  );
  const asked = clients.flatMap((client) =>
    DIALECTS.flatMap((service) =>
      Array.from({ length: 20 }, async (_, i) => {
        assert.deepEqual(show(await client.request(service, message(`${i}`))), [service, `${i}`]);
      })
    )
  );
  await Promise.all(asked);
  assert.equal(broker.status().replies, 180);
});
