import assert from "node:assert/strict";
import { openSocketCount, Socket } from "../../src/zmq/socket.ts";
import { Service } from "../../src/service.ts";
import { DurableStore } from "../../src/store/durable_store.ts";
import { openDenoKv } from "../../src/store/deno_kv.ts";
import { until } from "../helpers/async.ts";
import { HEARTBEAT_MS, Plant } from "./harness.ts";

Deno.test("service - the original's eight calls, and a restart that finds what was set", async () => {
  await using plant = await Plant.make();
  await using _network = await plant.startNetwork();
  const service = "org.plantd.Test";
  {
    await using _service = await plant.startService();
    assert.deepEqual(await plant.ask("create-scope", { service }), {
      success: true,
      data: { scope: service, status: "created" },
    });
    for (const [key, value] of [["foo", "oof"], ["bar", "rab"]]) {
      const reply = await plant.ask("set", { service, key, value });
      assert.equal(reply.value, value);
      assert.equal((await plant.ask("get", { service, key })).value, value);
    }
    assert.equal((await plant.ask("delete", { service, key: "foo" })).success, true);
  }
  await using _again = await plant.startService();
  assert.equal((await plant.ask("get", { service, key: "bar" })).value, "rab");
  assert.equal((await plant.ask("get", { service, key: "foo" })).code, "key_not_found");
  assert.equal((await plant.ask("delete-scope", { service })).success, true);
  assert.equal((await plant.ask("get", { service, key: "bar" })).code, "scope_not_found");
});

Deno.test("service - a scope created at run time is listened for, a deleted one no longer", async () => {
  await using plant = await Plant.make();
  await using _network = await plant.startNetwork();
  await using _service = await plant.startService();
  await using publisher = plant.publisher();
  await until("bare JSON is subscribed", () => publisher.topics.has("{"));
  assert.equal(publisher.topics.has("org.plantd.Test"), false);

  await plant.ask("create-scope", { service: "org.plantd.Test" });
  await until("the new scope is subscribed", () => publisher.topics.has("org.plantd.Test"));
  for (let i = 0; i < 10; i += 1) {
    await publisher.publish(`org.plantd.Test{"key":"foo","value":"${i}"}`);
  }
  await until(
    "the last update is stored",
    async () => (await plant.ask("get", { service: "org.plantd.Test", key: "foo" })).value === "9",
  );

  // A set creates its scope, too.
  await plant.ask("set", { service: "org.plantd.Implied", key: "k", value: 1 });
  await until("the implied scope is subscribed", () => publisher.topics.has("org.plantd.Implied"));

  await plant.ask("delete-scope", { service: "org.plantd.Test" });
  await until("the deleted scope is unsubscribed", () => !publisher.topics.has("org.plantd.Test"));
});

Deno.test("service - all forms of an update arrive, exact scopes only, and health tells the counts", async () => {
  await using plant = await Plant.make({ "bus.default-scope": "org.plantd.Test" });
  await using _network = await plant.startNetwork();
  await using _service = await plant.startService();
  const service = "org.plantd.Test";
  await plant.ask("set", { service, key: "gone", value: 1 });
  await using publisher = plant.publisher();
  await until("the scope is subscribed", () => publisher.topics.has(service));
  await publisher.publish(`${service}{"key":"one","value":1.0}`);
  await publisher.publish(service, '{"key":"two","value":[1]}', '{"key":"gone","delete":true}');
  await publisher.publish('{"service":"org.plantd.Test","key":"three","value":null}');
  await publisher.publish('{"key":"four","value":"default","time":"2026-11-23T09:00:00.5Z"}');
  await publisher.publish(`${service}{"entries":{"five":5,"six":{"a":6}}}`);
  await publisher.publish(`${service}2{"key":"leak","value":1}`);
  await publisher.publish(`${service} derp`);
  await publisher.publish(`${service}{"key":"derp"}`);
  await publisher.publish(`${service}{"key":"last","value":true}`);

  await until(
    "the last is stored",
    async () => (await plant.ask("get", { service, key: "last" })).value === true,
  );
  const { keys } = (await plant.ask("list-keys", { service })).data!;
  assert.deepEqual(keys, ["five", "four", "last", "one", "six", "three", "two"]);
  const four = await plant.ask("get", { service, key: "four" });
  assert.equal(four.source_time, "2026-11-23T09:00:00.500Z");
  const five = await plant.ask("get", { service, key: "five" });
  const six = await plant.ask("get", { service, key: "six" });
  assert.equal(five.revision, six.revision);

  const { bus } = (await plant.ask("health")).data as { bus: Record<string, unknown> };
  assert.deepEqual(
    { received: bus.received, stored: bus.stored, pending: bus.pending, rejected: bus.rejected },
    {
      received: 10,
      stored: 7,
      pending: 0,
      rejected: { scope_not_found: 1, not_an_update: 1, invalid_request: 1 },
    },
  );
});

Deno.test("service - with create-scopes an update creates its scope", async () => {
  await using plant = await Plant.make({ "bus.create-scopes": "true" });
  await using _network = await plant.startNetwork();
  await using _service = await plant.startService();
  await using publisher = plant.publisher();
  await until("everything is subscribed", () => publisher.topics.has(""));
  await publisher.publish('org.plantd.New{"key":"k","value":1}');
  await until(
    "the scope is there",
    async () =>
      ((await plant.ask("list-scopes")).data!.scopes as string[]).includes("org.plantd.New"),
  );
});

Deno.test("service - broker and bus absent at start: it waits, says so, and serves when they come", async () => {
  await using plant = await Plant.make();
  await using _service = await plant.startService();
  const { status, body } = await plant.health();
  assert.equal(status, 503);
  const checks = body.checks as Record<string, [{ status: string }]>;
  assert.deepEqual(
    Object.entries(checks).map(([name, [check]]) => [name, check.status]),
    [["store:revision", "pass"], ["broker:lanes", "fail"], ["bus:subscriptions", "fail"]],
  );
  assert.match(body.output as string, /no broker answers.*the bus at .* is not connected/);
  await using _network = await plant.startNetwork();
  assert.equal((await plant.ask("list-scopes")).success, true);
  await until("health passes", async () => (await plant.health()).status === 200);
});

Deno.test("service - broker and bus restarted: served again within one heartbeat of their return", async () => {
  await using plant = await Plant.make();
  await using _service = await plant.startService();
  const service = "org.plantd.Test";
  for (let round = 0; round < 5; round += 1) {
    await using _network = await plant.startNetworkAgain();
    const backMs = performance.now();
    // A request may go to a connection that the broker before is about to close: it is asked again.
    await until(
      "a request is answered",
      () => plant.answers("set", { service, key: "round", value: round }),
    );
    const tookMs = performance.now() - backMs;
    assert.ok(tookMs < HEARTBEAT_MS, `served after ${Math.round(tookMs)} ms`);
    await using publisher = plant.publisher();
    await until("the bus is subscribed again", () => publisher.topics.has(service));
    await publisher.publish(`${service}{"key":"bus","value":${round}}`);
    await until(
      "the update is stored",
      async () => (await plant.ask("get", { service, key: "bus" })).value === round,
    );
  }
});

Deno.test("service - a publisher restarted 20 times is heard each time", async () => {
  await using plant = await Plant.make();
  await using _network = await plant.startNetwork();
  await using _service = await plant.startService();
  await plant.ask("create-scope", { service: "a" });
  for (let round = 0; round < 20; round += 1) {
    await using publisher = plant.publisher();
    await until("subscribed", () => publisher.topics.has("a"));
    await publisher.publish(`a{"key":"k","value":${round}}`);
    await until(
      `update ${round} is stored`,
      async () => (await plant.ask("get", { service: "a", key: "k" })).value === round,
    );
  }
});

Deno.test("service - a port in use is named, and nothing is left running", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using plant = await Plant.make({ "health.port": String(taken.addr.port) });
  const sockets = openSocketCount();
  await assert.rejects(plant.startService(), {
    code: "endpoint_in_use",
    message: new RegExp(`127.0.0.1:${taken.addr.port}`),
  });
  assert.equal(openSocketCount(), sockets);
  // The database is free again.
  await (await openDenoKv({ path: plant.config.database.path })).disk.close();
});

function isBound(socket: Socket, address: string): boolean {
  try {
    socket.bind(address);
    return true;
  } catch {
    return false;
  }
}

Deno.test("network - a port in use is named, and what was bound before is free again", async () => {
  await using plant = await Plant.make();
  await using taker = Socket.open(plant.poller, "router");
  await taker.bind(plant.config.bus.endpoint.address);
  await assert.rejects(plant.startNetwork(), {
    code: "endpoint_in_use",
    message: /the state bus cannot start/,
  });
  for (const address of [plant.config.broker.endpoint.address, plant.frontend]) {
    await using other = Socket.open(plant.poller, "router");
    // libzmq lets go of a port in a thread of its own.
    await until(`${address} is free`, () => isBound(other, address));
  }
});

Deno.test("service - a thousand scopes on disk start as fast as ten", async () => {
  const startMs = async (scopes: number): Promise<number> => {
    await using plant = await Plant.make();
    {
      await using store = new DurableStore(await openDenoKv({ path: plant.config.database.path }));
      await Promise.all(
        Array.from({ length: scopes }, (_, i) =>
          store.commit({
            mutations: [{ kind: "create-scope", scope: `scope.${i}` }],
            source: "t",
          })),
      );
    }
    await using _network = await plant.startNetwork();
    const beginMs = performance.now();
    await using _service: Service = await plant.startService();
    const { count } = (await plant.ask("list-scopes")).data!;
    assert.equal(count, scopes);
    const tookMs = performance.now() - beginMs;
    await using publisher = plant.publisher();
    await until("the last scope is subscribed", () => publisher.topics.has(`scope.${scopes - 1}`));
    return tookMs;
  };
  const median = async (scopes: number) => {
    const times = [await startMs(scopes), await startMs(scopes), await startMs(scopes)];
    return times.sort((a, b) => a - b)[1]!;
  };
  const ten = await median(10);
  const thousand = await median(1000);
  assert.ok(thousand < ten + 150, `10: ${ten} ms, 1000: ${thousand} ms`);
});

Deno.test("service - stopping twice is stopping once, and no socket is left", async () => {
  await using plant = await Plant.make();
  await using network = await plant.startNetwork();
  const sockets = openSocketCount();
  const service = await plant.startService();
  await Promise.all([service[Symbol.asyncDispose](), service[Symbol.asyncDispose]()]);
  await service[Symbol.asyncDispose]();
  assert.equal(openSocketCount(), sockets);
  assert.ok(network.endpoint.startsWith("tcp://"));
});

Deno.test("health server - other paths, other methods and HEAD", async () => {
  await using plant = await Plant.make();
  await using service = await plant.startService();
  const get = async (path: string, method = "GET") => {
    const response = await fetch(service.httpUrl + path, { method });
    return [response.status, response.headers.get("content-type"), await response.text()];
  };
  assert.equal((await get("/nothing"))[0], 404);
  assert.equal((await get("/healthz", "DELETE"))[0], 405);
  assert.deepEqual(await get("/healthz", "HEAD"), [503, "application/health+json", ""]);
});
