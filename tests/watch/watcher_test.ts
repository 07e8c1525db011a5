import assert from "node:assert/strict";
import { PlantdError } from "../../src/errors.ts";
import type { Client } from "../../src/mdp/client.ts";
import type { Service } from "../../src/service.ts";
import { openSocketCount } from "../../src/zmq/socket.ts";
import type { FollowEvent } from "../../src/watch/follower.ts";
import { Watcher } from "../../src/watch/watcher.ts";
import { text, until } from "../helpers/async.ts";
import { Plant } from "../service/harness.ts";

const SERVICE = "org.plantd.State";

/** A watcher of `scope`, and a copy kept by its events alone. */
function watch(
  plant: Plant,
  scope: string,
  client = plant.client,
  onStale?: (why: string | undefined) => void,
) {
  const events: FollowEvent[] = [];
  const copy = new Map<string, string>();
  const watcher = Watcher.start({
    poller: plant.poller,
    client,
    service: SERVICE,
    scope,
    broker: plant.config.broker.endpoint.address,
    onEvent: (event) => {
      events.push(event);
      if (event.kind === "reset") copy.clear();
      else if (event.kind === "set") copy.set(event.key, event.value);
      else if (event.kind === "delete") copy.delete(event.key);
    },
    ...(onStale === undefined ? {} : { onStale }),
  });
  return { watcher, events, copy };
}

const isSynced = (events: readonly FollowEvent[]) => events.at(-1)?.kind === "synced";

Deno.test("watcher - what there is, a marker, and each change as it happens", async () => {
  await using plant = await Plant.make();
  await using _network = await plant.startNetwork();
  await using _service = await plant.startService();
  await plant.ask("store", { service: "a", entries: { k: 1.5, "10": "x" } });
  const { watcher, events, copy } = watch(plant, "a");
  await using _watcher = watcher;
  await until("it is synced", () => isSynced(events));
  assert.deepEqual(copy, new Map([["10", '"x"'], ["k", "1.5"]]));
  events.length = 0;
  await plant.ask("set", { service: "b", key: "k", value: 0 });
  await plant.ask("set", { service: "a", key: "k", value: 2 });
  await plant.ask("delete", { service: "a", key: "10" });
  await plant.ask("delete-scope", { service: "a" });
  await plant.ask("set", { service: "a", key: "again", value: [] });
  await until("all is told", () => copy.get("again") === "[]");
  assert.deepEqual(
    events.map((event) => [event.kind, "key" in event ? event.key : ""]),
    [["set", "k"], ["delete", "10"], ["delete", "k"], ["set", "again"]],
  );
});

Deno.test("watcher - a scope that does not exist is empty, and watched from its creation on", async () => {
  await using plant = await Plant.make();
  await using _network = await plant.startNetwork();
  await using _service = await plant.startService();
  await plant.ask("set", { service: "b", key: "k", value: 0 });
  const { watcher, events, copy } = watch(plant, "a");
  await using _watcher = watcher;
  await until("it is synced", () => isSynced(events));
  assert.deepEqual(events.map(({ kind }) => kind), ["reset", "synced"]);
  await plant.ask("set", { service: "a", key: "k", value: 1 });
  await until("the first value is told", () => copy.get("k") === "1");
});

Deno.test("watcher - nobody answers its first question: it ends with the reason", async () => {
  await using plant = await Plant.make();
  await using _network = await plant.startNetwork();
  await using _service = await plant.startService();
  const before = openSocketCount();
  const { watcher } = watch(plant, "a");
  await watcher[Symbol.asyncDispose]();
  await watcher[Symbol.asyncDispose]();
  assert.ok(openSocketCount() <= before + 1, "only the client keeps a socket");
  await using off = await Plant.make({ "feed.enabled": "false" });
  await using _offNetwork = await off.startNetwork();
  await using _offService = await off.startService();
  await assert.rejects(watch(off, "a").watcher.ended, /switched off/);
});

Deno.test("watcher - stopped while all is well it does not call the feed silent", async () => {
  await using plant = await Plant.make();
  await using _network = await plant.startNetwork();
  await using _service = await plant.startService();
  const said: (string | undefined)[] = [];
  const { watcher } = watch(plant, "a", plant.client, (why) => said.push(why));
  await until("a heartbeat has come", () => said.length > 0);
  await watcher[Symbol.asyncDispose]();
  assert.deepEqual(said, [undefined]);
});

Deno.test("watcher - the service restarts, also elsewhere, under writes: the copy becomes the scope", async () => {
  await using plant = await Plant.make();
  await using _network = await plant.startNetwork();
  let service: Service = await plant.startService();
  try {
    await plant.ask("set", { service: "a", key: "begin", value: 0 });
    const { watcher, events, copy } = watch(plant, "a");
    await using _watcher = watcher;
    await until("it is synced", () => isSynced(events));
    for (let round = 1; round <= 3; round += 1) {
      const writes = Array.from(
        { length: 50 },
        (_, i) =>
          plant.ask(i % 7 === 0 ? "delete" : "set", {
            service: "a",
            key: `k${i % 10}`,
            value: round * 1000 + i,
          }),
      );
      await Promise.all(writes);
      // On a port of its own each time: the watcher must ask for it again.
      await service[Symbol.asyncDispose]();
      service = await plant.startService();
      await plant.ask("set", { service: "a", key: "round", value: round });
      await until("the copy has it", () => copy.get("round") === String(round));
      const { entries } = (await plant.ask("load", { service: "a" })).data!;
      assert.deepEqual(
        Object.fromEntries([...copy].map(([key, value]) => [key, JSON.parse(value)])),
        entries,
      );
    }
  } finally {
    await service[Symbol.asyncDispose]();
  }
});

Deno.test("watcher - nobody answers a later question: it asks again, and is not given up", async () => {
  await using plant = await Plant.make();
  await using _network = await plant.startNetwork();
  await using _service = await plant.startService();
  let unanswered = 0;
  // What the service is asked when something was missed finds nobody, once.
  const client = {
    request: (name: string, body: Uint8Array[], options: { timeoutMs?: number }) => {
      if (text(body[0]!) !== "changes" || unanswered > 0) {
        return plant.client.request(name, body, options);
      }
      unanswered += 1;
      return Promise.reject(new PlantdError("no_reply", "nobody is there"));
    },
  } as unknown as Client;
  const { watcher, events, copy } = watch(plant, "a", client);
  await using _watcher = watcher;
  await until("it is synced", () => isSynced(events));
  // A change of another scope: the heartbeat is ahead of the copy.
  await plant.ask("set", { service: "b", key: "k", value: 0 });
  await until("it has asked", () => unanswered === 1);
  await plant.ask("set", { service: "a", key: "k", value: 2 });
  await until("the copy has it", () => copy.get("k") === "2");
});
