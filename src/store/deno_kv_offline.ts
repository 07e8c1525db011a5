/**
 * A database opened while no service has it: to be read as it is, not to be made.
 *
 * @module
 */

import { messageOf, PlantdError } from "../errors.ts";
import { absolute } from "../paths.ts";
import { FORMAT, type Meta, META_KEY } from "./deno_kv_layout.ts";
import { lockDatabase } from "./lock.ts";
import { decodeRecord } from "./record.ts";
import { isEmpty, structureFaults } from "./sqlite_check.ts";

/** A database, locked against everybody else. */
export interface OfflineDatabase extends Disposable {
  readonly kv: Deno.Kv;
}

/**
 * Opens the database at `path`, which must be there and whole in its structure.
 *
 * @throws {PlantdError} `database_locked`, `database_unusable` also when there is none,
 * `database_damaged`.
 */
export async function openOffline(path: string): Promise<OfflineDatabase> {
  const file = absolute(path);
  if (isEmpty(file)) {
    throw new PlantdError("database_unusable", `there is no database ${file}`, {
      hint: "name it with --db",
      data: { path: file },
    });
  }
  const lock = await lockDatabase(file);
  let kv: Deno.Kv | undefined;
  try {
    const [fault] = structureFaults(file);
    if (fault !== undefined) {
      throw new PlantdError("database_damaged", `the database ${file} is damaged: ${fault}`, {
        hint: `plantd-state check --db=${file} tells more`,
        data: { path: file },
      });
    }
    kv = await Deno.openKv(file);
    await refuseNewer(kv);
    const opened = kv;
    return {
      kv: opened,
      [Symbol.dispose]: () => {
        opened.close();
        lock[Symbol.dispose]();
      },
    };
  } catch (error) {
    kv?.close();
    lock[Symbol.dispose]();
    if (error instanceof PlantdError) throw error;
    throw new PlantdError("database_unusable", `cannot open ${file}: ${messageOf(error)}`, {
      data: { path: file },
      cause: error,
    });
  }
}

async function refuseNewer(kv: Deno.Kv): Promise<void> {
  let format = 0;
  try {
    const { value } = await kv.get(META_KEY);
    format = decodeRecord<Meta>(value).header.format;
  } catch {
    // Damaged, or not there: whoever reads it will say so.
  }
  if (format <= FORMAT) return;
  throw new PlantdError(
    "database_unusable",
    `the database has format ${format}, this version of the program knows up to ${FORMAT}`,
    { hint: "use the newer version that wrote it" },
  );
}
