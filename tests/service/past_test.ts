import assert from "node:assert/strict";
import { decodePast, VERSIONS } from "../../src/store/deno_kv_layout.ts";
import { until } from "../helpers/async.ts";
import { Plant } from "./harness.ts";

Deno.test("service - an earlier version that is damaged is told after a start, and until it is acknowledged", async () => {
  await using plant = await Plant.make();
  await using _network = await plant.startNetwork();
  {
    await using _service = await plant.startService();
    for (const value of [1, 2, 3]) await plant.ask("set", { service: "a", key: "k", value });
  }
  await damageVersion(plant.config.database.path, 2);
  for (const _start of [1, 2]) {
    await using _service = await plant.startService();
    await until("health warns", async () => (await plant.health()).body.status === "warn");
    const { checks } = (await plant.health()).body as { checks: Record<string, unknown[]> };
    assert.equal(checks["store:damage"]!.length, 1);
    const { damage } = (await plant.ask("health")).data! as { damage: unknown[] };
    assert.equal(damage.length, 1);
    const { versions } = (await plant.ask("history", { service: "a", key: "k" })).data!;
    const values = (versions as { value: unknown }[]).map(({ value }) => value);
    assert.deepEqual(values, [3, 1]);
  }
  await using _service = await plant.startService();
  const { data } = await plant.ask("acknowledge");
  assert.match(JSON.stringify(data), /1 earlier versions of keys .* plantd-state check names them/);
});

/** Flips a bit of the version that was written with `revision`. */
async function damageVersion(path: string, revision: number): Promise<void> {
  using kv = await Deno.openKv(path);
  for await (const { key, value } of kv.list<Uint8Array>({ prefix: VERSIONS })) {
    if (decodePast(value).header.r !== revision) continue;
    await kv.set(key, value.with(20, value[20]! ^ 1));
  }
}
