import assert from "node:assert/strict";
import { openRecovering, repairInto } from "../../src/store/recovery.ts";
import { FakeClock } from "../helpers/clock.ts";
import { tempDir } from "../helpers/temp.ts";

Deno.test("recovery - one that was interrupted, and comes again at the same time of a host without a clock", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  const clock = new FakeClock();
  const time = new Date(clock.now()).toISOString().replaceAll(":", "").replace(".000", "");
  // What is left of one that had begun its report, and came no further.
  await Deno.writeTextFile(`${path}.bad-${time}.txt`, "");
  await Deno.writeFile(path, new Uint8Array(8192), { mode: 0o600 });
  const { loaded, notices } = await openRecovering({ path, onDamage: "start", clock });
  await loaded.disk.close();
  assert.deepEqual(notices.all.map(({ report }) => report), [`${path}.bad-${time}.2.txt`]);
  assert.equal((await Deno.stat(`${path}.bad-${time}.2`)).size, 8192);
  assert.equal(await Deno.readTextFile(`${path}.bad-${time}.txt`), "");
});

Deno.test("recovery - one that fails leaves no report, so that it can be tried again", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  await Deno.writeFile(path, new Uint8Array(8192), { mode: 0o600 });
  const output = `${dir.path}/repaired.db`;
  const names = async () =>
    (await Array.fromAsync(Deno.readDir(dir.path))).map(({ name }) => name).sort();
  await Deno.writeTextFile(output, "mine");
  await assert.rejects(repairInto(path, output, [], undefined), { code: "file_unusable" });
  assert.deepEqual(await names(), ["repaired.db", "state.db", "state.db.lock"]);
  await Deno.remove(output);
  await repairInto(path, output, [], undefined);
  assert.ok((await names()).includes("repaired.db.txt"));
  // What stands in the place of the new database keeps it from being made.
  await Deno.mkdir(`${path}.building/x`, { recursive: true });
  await assert.rejects(openRecovering({ path, onDamage: "start" }), { code: "file_unusable" });
  assert.deepEqual((await names()).filter((name) => name.includes(".bad-")), []);
  await Deno.remove(`${path}.building`, { recursive: true });
  const { loaded } = await openRecovering({ path, onDamage: "start" });
  await loaded.disk.close();
});
