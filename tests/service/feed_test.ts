import assert from "node:assert/strict";
import { Socket } from "../../src/zmq/socket.ts";
import { Inbox, text, until } from "../helpers/async.ts";
import { Plant, type Reply } from "./harness.ts";

interface Subscription extends AsyncDisposable {
  readonly inbox: Inbox<[topic: string, body: Reply]>;
}

async function subscribe(plant: Plant, ...topics: string[]): Promise<Subscription> {
  const { endpoint } = (await plant.ask("watch", {})).data!;
  const inbox = new Inbox<[string, Reply]>();
  const socket = Socket.open(plant.poller, "sub", {
    onMessage: ([topic, body, ...more]) => {
      assert.equal(more.length, 0);
      inbox.put([text(topic!), JSON.parse(text(body!))]);
    },
  });
  for (const topic of ["/", ...topics]) socket.subscribe(topic);
  socket.connect(String(endpoint));
  // The first heartbeat says that the subscription is in force.
  await inbox.next();
  return { inbox, [Symbol.asyncDispose]: () => socket.close() };
}

/** The next message that is no heartbeat. */
async function nextChange(inbox: Subscription["inbox"]): Promise<[string, Reply]> {
  for (;;) {
    const message = await inbox.next();
    if (message[0] !== "/") return message;
  }
}

Deno.test("feed - every change of the scope that is subscribed to, in order, each linked to the one before", async () => {
  await using plant = await Plant.make();
  await using _network = await plant.startNetwork();
  await using _service = await plant.startService();
  await using feed = await subscribe(plant, "org.plantd.Test/");
  const { epoch } = (await plant.ask("watch", {})).data!;
  const service = "org.plantd.Test";
  await plant.ask("set", { service: "org.plantd.Test2", key: "k", value: 0 });
  await plant.ask("set", { service, key: "k", value: { a: [1.5] }, note: "why" });
  await plant.ask("store", { service, entries: { x: 1, k: 2 }, mode: "replace" });
  await plant.ask("delete", { service, key: "x" });
  await plant.ask("delete-scope", { service });
  const found: unknown[] = [];
  for (let i = 0; i < 6; i += 1) {
    const [topic, { time, source, ...body }] = await nextChange(feed.inbox);
    assert.match(String(time), /^20.*Z$/);
    assert.match(String(source), /^mdp:/);
    found.push([topic, body]);
  }
  const change = (revision: number, previous: number, operation: string, more = {}) => ({
    epoch,
    revision,
    previous,
    scope: service,
    operation,
    ...more,
  });
  assert.deepEqual(found, [
    [`${service}/`, change(2, 0, "create-scope", { note: "why", index: 0, count: 2 })],
    [
      `${service}/k`,
      change(2, 2, "set", { key: "k", value: { a: [1.5] }, note: "why", index: 1, count: 2 }),
    ],
    [`${service}/x`, change(3, 2, "set", { key: "x", value: 1, index: 0, count: 2 })],
    [`${service}/k`, change(3, 3, "set", { key: "k", value: 2, index: 1, count: 2 })],
    [`${service}/x`, change(4, 3, "delete", { key: "x" })],
    [`${service}/`, change(5, 4, "delete-scope")],
  ]);
});

Deno.test("feed - heartbeats tell epoch and revision, and updates from the bus are told as well", async () => {
  await using plant = await Plant.make();
  await using _network = await plant.startNetwork();
  await using _service = await plant.startService();
  await plant.ask("create-scope", { service: "a" });
  await using feed = await subscribe(plant, "a/");
  await using publisher = plant.publisher();
  await until("the scope is subscribed", () => publisher.topics.has("a"));
  await publisher.publish('a{"key":"k","value":1,"time":"2026-11-24T09:00:00Z"}');
  const [, { source, source_time, revision }] = await nextChange(feed.inbox);
  assert.deepEqual([source, source_time, revision], ["bus", "2026-11-24T09:00:00.000Z", 2]);
  const { epoch } = (await plant.ask("watch", {})).data!;
  let body: Reply;
  do [, body] = await feed.inbox.next(); while (body.revision !== 2);
  assert.deepEqual(body, { epoch, revision: 2 });
});

Deno.test("changes - what a watcher missed, by scope and in pages; another history is compacted", async () => {
  await using plant = await Plant.make();
  await using _network = await plant.startNetwork();
  let epoch: unknown;
  {
    await using _service = await plant.startService();
    for (let n = 1; n <= 3; n += 1) {
      await plant.ask("set", { service: "a", key: `k${n}`, value: n });
      await plant.ask("set", { service: "b", key: "k", value: n });
    }
    const { data } = await plant.ask("changes", { service: "a", since: 1, limit: 1 });
    epoch = data!.epoch;
    const [first] = data!.changes as Reply[];
    assert.deepEqual([first!.key, first!.revision, first!.previous, first!.value], ["k2", 3, 1, 2]);
    assert.deepEqual([data!.revision, data!.count, data!.more], [3, 1, true]);
    const rest = await plant.ask("changes", { service: "a", since: 3, epoch });
    assert.deepEqual([rest.data!.revision, rest.data!.count, rest.data!.more], [6, 1, undefined]);
    assert.equal((await plant.ask("changes", { since: 4 })).data!.count, 2);
  }
  await using _again = await plant.startService();
  const upToDate = await plant.ask("changes", { service: "a", since: 6, epoch });
  assert.deepEqual([upToDate.data!.count, upToDate.data!.revision], [0, 6]);
  const late = await plant.ask("changes", { service: "a", since: 5, epoch });
  assert.deepEqual([late.success, late.code], [false, "compacted"]);
  const other = await plant.ask("changes", { since: 6, epoch: "another" });
  assert.equal(other.code, "compacted");
  for (const [field, value] of [["since", null], ["since", -1], ["limit", 0], ["epoch", 1]]) {
    const bad = await plant.ask("changes", { since: 6, [field as string]: value });
    assert.equal(bad.code, "invalid_request");
    assert.match(String(bad.error), new RegExp(`"${field}"`));
  }
});

Deno.test("feed - switched off it binds nothing, and watch says so", async () => {
  await using plant = await Plant.make({ "feed.enabled": "false" });
  await using _network = await plant.startNetwork();
  await using _service = await plant.startService();
  assert.equal((await plant.ask("watch", {})).data!.endpoint, null);
  await plant.ask("set", { service: "a", key: "k", value: 1 });
  assert.equal((await plant.ask("changes", { since: 0 })).data!.count, 2);
});
