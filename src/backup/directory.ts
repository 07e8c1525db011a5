/**
 * A directory of backups: which there are, and which of them is good.
 *
 * @module
 */

import { messageOf, PlantdError } from "../errors.ts";
import { within } from "../paths.ts";
import type { BackupHeader } from "./format.ts";
import { type BackupSummary, openBackup, verifyBackup } from "./reader.ts";

/** What names of backups end with. */
export const BACKUP_SUFFIX = ".backup";

/** What the writer calls a file that has not got its name yet, see `writer.ts`. */
const UNFINISHED = /\.backup\.[0-9a-f]{8}\.tmp$/;

/** A backup, from its first line alone. */
export interface FoundBackup {
  readonly path: string;
  readonly header: BackupHeader;
}

/**
 * The backups in a directory, the latest first: of one history that of the highest revision, whatever the
 * clock was set to; of several that with the latest time. Files whose first line is not that of a backup
 * are passed over. A directory that is not there has none.
 *
 * @throws {PlantdError} `file_unusable` when the directory cannot be read.
 */
export async function backupsIn(directory: string): Promise<FoundBackup[]> {
  const found: FoundBackup[] = [];
  for (const name of await filesIn(directory)) {
    if (name.startsWith(".") || !name.endsWith(BACKUP_SUFFIX)) continue;
    const path = within(directory, name);
    const header = await headerOf(path);
    if (header) found.push({ path, header });
  }
  return latestFirst(found);
}

/**
 * Files of backups in a directory that were never finished and whose names were to begin with `prefix`.
 *
 * @throws {PlantdError} `file_unusable` when the directory cannot be read.
 */
export async function unfinishedIn(directory: string, prefix: string): Promise<string[]> {
  return (await filesIn(directory))
    .filter((name) => name.startsWith(`.${prefix}`) && UNFINISHED.test(name))
    .map((name) => within(directory, name));
}

async function filesIn(directory: string): Promise<string[]> {
  try {
    const all = await Array.fromAsync(Deno.readDir(directory));
    return all.filter(({ isFile }) => isFile).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw new PlantdError("file_unusable", `cannot read ${directory}: ${messageOf(error)}`, {
      data: { path: directory },
      cause: error,
    });
  }
}

/**
 * The latest backup in a directory that is whole.
 *
 * @param accept Which ones are looked at.
 */
export async function latestGood(
  directory: string,
  accept: (header: BackupHeader) => boolean = () => true,
): Promise<{ readonly path: string; readonly summary: BackupSummary } | undefined> {
  for (const { path, header } of await backupsIn(directory)) {
    if (!accept(header)) continue;
    try {
      return { path, summary: await verifyBackup(path) };
    } catch (thrown) {
      if (!(thrown instanceof PlantdError)) throw thrown;
    }
  }
  return undefined;
}

/** A controller's clock is years off until somebody sets it, so that its times are not in order. */
function latestFirst(found: FoundBackup[]): FoundBackup[] {
  const latestMs = new Map<string, number>();
  for (const { header: { epoch, timeMs } } of found) {
    latestMs.set(epoch, Math.max(timeMs, latestMs.get(epoch) ?? timeMs));
  }
  return found.sort(({ header: a }, { header: b }) => {
    if (a.epoch === b.epoch) return b.revision - a.revision || b.timeMs - a.timeMs;
    return latestMs.get(b.epoch)! - latestMs.get(a.epoch)! || (a.epoch < b.epoch ? -1 : 1);
  });
}

async function headerOf(path: string): Promise<BackupHeader | undefined> {
  try {
    using backup = await openBackup(path);
    return backup.header;
  } catch (thrown) {
    if (thrown instanceof PlantdError) return undefined;
    throw thrown;
  }
}
