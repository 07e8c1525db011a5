import assert from "node:assert/strict";
import { bytes, text } from "../helpers/async.ts";
import { SimulatedDisk } from "./disk_log.ts";
import { effort, tell } from "./effort.ts";
import { cutPower, record } from "./power_cuts.ts";
import { shimTest } from "./shim.ts";

shimTest(
  "power cuts - whatever the disk had not synced: all that was acknowledged is there, nothing by half",
  async (shim) => {
    const cuts = effort("CUTS", 150, 10_000);
    const transactions = Math.ceil(Math.max(300, cuts / 10));
    const seed = effort("SEED", 1, 1);
    tell("power cuts", await cutPower(shim, { seed, transactions, cuts, servedEvery: 50 }));
  },
);

shimTest(
  "power cuts - the directory that was made for the database is there, too",
  async (shim) => {
    const operations = await record(shim, 1, 1);
    const disk = new SimulatedDisk();
    for (const operation of operations) disk.take(operation);
    const names = [...disk.after("nothing", Math.random).keys()];
    assert.ok(names.includes("data/state.db"), `only ${names} is there for certain`);
  },
);

Deno.test("power cuts - what was not synced is lost, kept, or kept by sectors", () => {
  const disk = new SimulatedDisk();
  const write = (offset: number, text: string) =>
    disk.take({ kind: "write", name: "f", offset, data: bytes(text) });
  const only = (kind: "create" | "sync", name: string) =>
    disk.take({ kind, name, offset: 0, data: bytes("") });
  only("create", "f");
  write(0, "a".repeat(1024));
  only("sync", "f");
  assert.deepEqual([...disk.after("nothing", () => 0)], []);
  only("sync", "");
  write(0, "b".repeat(1024));
  assert.equal(text(disk.after("nothing", () => 0).get("f")!), "a".repeat(1024));
  assert.equal(text(disk.after("everything", () => 0).get("f")!), "b".repeat(1024));
  const moments = [0, 0, 0, 0.9];
  const torn = disk.after("some", () => moments.shift() ?? 0).get("f")!;
  assert.equal(text(torn), "a".repeat(512) + "b".repeat(512));
});
