import assert from "node:assert/strict";
import { restore } from "../../src/offline.ts";
import { entry, HEADER, scope, write } from "../backup/helpers.ts";
import { Events } from "../http/sse.ts";
import { tempDir } from "../helpers/temp.ts";
import { Plant } from "./harness.ts";

Deno.test("restored - whoever knows nothing but the last revision of before is told to load anew", async () => {
  await using dir = await tempDir();
  await using plant = await Plant.make();
  const backup = `${dir.path}/x.backup`;
  const records = [scope("a", 1), entry("a", "k", "old", 1)];
  await write(backup, records, { ...HEADER, revision: 1 });
  let lastId: string;
  {
    await using _network = await plant.startNetwork();
    await using service = await plant.startService();
    await plant.ask("create-scope", { service: "a" });
    await plant.ask("set", { service: "a", key: "k", value: "new" });
    await using events = await Events.open(`${service.httpUrl}/api/v1/changes?since=0`);
    lastId = (await events.take(3)).at(-1)!.lastId;
    assert.equal(lastId, "2");
  }
  await restore({ database: plant.config.database.path, backup, dryRun: false });
  await using service = await plant.startService();
  const headers = { "last-event-id": lastId };
  await using events = await Events.open(`${service.httpUrl}/api/v1/changes`, headers);
  const [begin, reset] = await events.take(2);
  assert.deepEqual([begin!.event, reset!.event], ["begin", "reset"]);
  assert.ok(reset!.data.revision > Number(lastId));
});
