import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import { DurableStore } from "../../src/store/durable_store.ts";
import { openRecovering } from "../../src/store/recovery.ts";
import { entry, scope, write } from "../backup/helpers.ts";
import { randomOf } from "../helpers/random.ts";
import { tempDir } from "../helpers/temp.ts";
import { contentsOf } from "../store/contract.ts";
import { type DiskOperation, SimulatedDisk } from "./disk_log.ts";
import { memoryDir } from "./memory_dir.ts";
import { recordScript, writeFiles } from "./power_cuts.ts";
import { shimTest } from "./shim.ts";

const SURVIVALS = ["nothing", "everything", "some"] as const;
/** Cuts beside those at each change of a name. */
const CUTS = 12;

/** What a start finds, at cuts while another database takes the place of one, and then. */
async function cuts(operations: readonly DiskOperation[]) {
  const disk = new SimulatedDisk();
  const random = randomOf(1);
  const found: { readonly isDone: boolean; readonly contents: number }[] = [];
  let said = "";
  const begun = operations.findIndex(({ kind }) => kind === "said");
  const every = Math.ceil((operations.length - begun) / CUTS);
  for (const [at, operation] of operations.entries()) {
    disk.take(operation);
    if (operation.kind === "said") said = new TextDecoder().decode(operation.data).trim();
    const isCut = ["rename", "said"].includes(operation.kind) || (at - begun) % every === 0;
    if (said === "" || !isCut) continue;
    for (const survival of SURVIVALS) {
      await using dir = await memoryDir();
      await writeFiles(dir.path, disk.after(survival, random));
      const path = `${dir.path}/data/state.db`;
      const { loaded } = await openRecovering({ path, onDamage: "start" }).catch((cause) => {
        throw new Error(`operation ${at}, ${survival} survives: it does not open`, { cause });
      });
      await using store = new DurableStore(loaded);
      assert.equal(store.status().damaged, 0);
      found.push({ isDone: said === "done 1", contents: sumOf(store) });
    }
  }
  return found;
}

/** What is in a store, as a number: the values are long. */
function sumOf(store: DurableStore): number {
  return crc32(JSON.stringify([...contentsOf(store)].map(([scope, keys]) => [scope, [...keys]])));
}

shimTest(
  "power cuts - in the middle of a recovery: the next start recovers the same",
  async (shim) => {
    const found = await cuts(await recordScript(shim, "replacing_writer.ts", ["recover"]));
    assert.ok(found.length > CUTS);
    for (const { contents } of found) assert.equal(contents, found.at(-1)!.contents);
  },
);

shimTest(
  "power cuts - in the middle of a restore: there is the database of before, or the restored one",
  async (shim) => {
    await using dir = await tempDir();
    const backup = `${dir.path}/x.backup`;
    await write(backup, [scope("a"), entry("a", "k", 1)]);
    const found = await cuts(await recordScript(shim, "replacing_writer.ts", ["restore", backup]));
    const [before, after] = [found[0]!.contents, found.at(-1)!.contents];
    assert.notEqual(before, after);
    for (const { isDone, contents } of found) {
      assert.ok(contents === after || (contents === before && !isDone));
    }
  },
);
