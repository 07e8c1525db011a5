import assert from "node:assert/strict";
import { bytes, until } from "../helpers/async.ts";
import { freePort } from "../helpers/ports.ts";
import { Socket } from "../../src/zmq/socket.ts";
import { Plant } from "./harness.ts";

interface Counts {
  readonly received: number;
  readonly stored: number;
  readonly coalesced: number;
  readonly pending: number;
  readonly rejected: Record<string, number>;
}

Deno.test("service - updates that are pushed wait for the disk, and none is lost", async () => {
  const pull = `tcp://127.0.0.1:${freePort()}`;
  // A queue that would overflow at once if what is pushed were not left with its sender.
  await using plant = await Plant.make({ "bus.pull": pull, "bus.queue": "50" });
  await using _network = await plant.startNetwork();
  await using _service = await plant.startService();
  await plant.ask("create-scope", { service: "a" });
  await using module = Socket.open(plant.poller, "push", { sendHighWaterMark: 100 });
  module.connect(pull);
  const count = 5_000;
  for (let i = 0; i < count; i += 1) {
    const update = [bytes(`a{"key":"k${i % 10}","value":${i}}`)];
    await until("there is room", () => module.send(update) === "sent");
  }
  const counts = async () => ((await plant.ask("health", {})).data as { bus: Counts }).bus;
  await until("all are stored", async () => (await counts()).stored === count);
  const { received, coalesced, pending, rejected } = await counts();
  assert.deepEqual([received, coalesced, pending, rejected], [count, 0, 0, {}]);
  assert.equal((await plant.ask("get", { service: "a", key: "k9" })).value, count - 1);
  module.send([bytes("a"), bytes('{"key":"two frames","value":1}'), bytes("{]")]);
  await until("the next good one is stored", async () => (await counts()).stored === count + 1);
  assert.deepEqual((await counts()).rejected, { invalid_json: 1 });
});
