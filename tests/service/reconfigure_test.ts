import assert from "node:assert/strict";
import { until } from "../helpers/async.ts";
import { tempDir } from "../helpers/temp.ts";
import { Plant } from "./harness.ts";

Deno.test("reconfigure - defaults of scopes and the schedule of backups change while a service runs", async () => {
  await using dir = await tempDir();
  await using plant = await Plant.make();
  await using _network = await plant.startNetwork();
  await using service = await plant.startService();
  const set = async (key: string) =>
    (await plant.ask("set", { service: "a", key, value: 1 })).code ?? "ok";
  assert.equal(await set("first"), "ok");
  const { config } = plant;
  const directory = `${dir.path}/backups`;
  await service.reconfigure({
    ...config,
    scopes: { ...config.scopes, keysMax: 1 },
    backup: { ...config.backup, directory },
  });
  assert.equal(await set("second"), "quota_exceeded");
  await until("a backup is made", async () => {
    const names = await Array.fromAsync(Deno.readDir(directory)).catch(() => []);
    return names.some(({ name }) => name.startsWith("auto-"));
  });
  await service.reconfigure(config);
  assert.equal(await set("second"), "ok");
  const { data } = await plant.ask("health");
  assert.equal(data!.backups, undefined, "no more are made");
});
