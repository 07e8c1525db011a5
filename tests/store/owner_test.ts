import assert from "node:assert/strict";
import { recover, restore } from "../../src/offline.ts";
import { runToEnd } from "../helpers/child.ts";
import { tempDir } from "../helpers/temp.ts";
import { entry, scope, write } from "../backup/helpers.ts";

/** Somebody who is not root: the number of `nobody` on Debian; no such user need be there. */
const OTHER = 65_534;

const isRoot = (await runToEnd("id", ["-u"]).catch(() => ({ stdout: "" }))).stdout.trim() === "0";

Deno.test({
  name: "owner - what root restores and recovers belongs to the service, which has to open it",
  ignore: !isRoot,
  fn: async () => {
    await using dir = await tempDir();
    const backup = `${dir.path}/x.backup`;
    await write(backup, [scope("a"), entry("a", "k", 1)]);
    const data = `${dir.path}/data`;
    await Deno.mkdir(data);
    await Deno.chown(data, OTHER, OTHER);
    const path = `${data}/state.db`;
    await restore({ database: path, backup, dryRun: false });
    await assertOwned(data);
    await restore({ database: path, backup, dryRun: false });
    await assertOwned(data);
    await Deno.truncate(path, 4096);
    await recover(path, ["cut short"], { path, onDamage: "start" });
    await assertOwned(data);
  },
});

async function assertOwned(directory: string): Promise<void> {
  for await (const { name } of Deno.readDir(directory)) {
    const { uid, gid } = await Deno.stat(`${directory}/${name}`);
    assert.deepEqual([name, uid, gid], [name, OTHER, OTHER]);
  }
}
