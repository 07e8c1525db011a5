import assert from "node:assert/strict";
import { openRecovering } from "../../src/store/recovery.ts";
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
