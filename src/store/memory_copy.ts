/**
 * A copy of a database in memory: what a start serves from while its disk takes no writes. After a cut of
 * the power Linux mounts a file system read-only that it does not trust, and SQLite opens nothing where it
 * cannot write beside the file.
 *
 * @module
 */

import { PlantdError } from "../errors.ts";
import { isThere } from "../is_there.ts";
import { parentOf, within } from "../paths.ts";
import { holderOf } from "./lock.ts";
import { isEmpty } from "./sqlite_check.ts";
import { writeFault } from "./write_fault.ts";

/**
 * Where the packages' unit has memory as files for us (`RuntimeDirectory=`), else the system's place for what
 * is temporary. Deno lets nobody into /dev/shm.
 */
const PLACES: readonly (string | undefined)[] = ["/run/plantd-state", undefined];
const PREFIX = "plantd-state-copy-";
const NAME = "state.db";
/** Age below which a copy may still be in the making, without a lock, in milliseconds. */
const YOUNG_MS = 60_000;
/** EROFS, ENOSPC and EDQUOT (errno(3) on Linux), and EDQUOT on macOS. */
const TAKES_NO_WRITES = /os error (30|28|122|69)\b/;

/** A copy, until it is disposed of. */
export interface MemoryCopy extends AsyncDisposable {
  /** Where it is. */
  readonly path: string;
  /** Why the database itself is not opened. */
  readonly reason: string;
}

/**
 * A copy of the database at `path`, if its disk takes no writes for want of space or of permission to write
 * at all; undefined where something else is wrong, or there is nothing to serve.
 *
 * @param thrown What opening it threw.
 *
 * @example
 * ```ts
 * const copy = await copyToMemory("/var/lib/plantd/state.db", thrown);
 * copy?.path; // "/run/plantd-state/plantd-state-copy-1a2b3c/state.db"
 * ```
 */
export async function copyToMemory(path: string, thrown: unknown): Promise<MemoryCopy | undefined> {
  // What is in use, refused or of another program is not so because of the disk.
  if (!(thrown instanceof PlantdError) || thrown.code !== "database_unusable") return undefined;
  if (thrown.cause === undefined) return undefined;
  const reason = await writeFault(path);
  if (reason === undefined || !TAKES_NO_WRITES.test(reason)) return undefined;
  for (const place of PLACES) {
    try {
      if (isEmpty(path)) return undefined;
      return await copyTo(place, path, reason);
    } catch {
      // No such place, or no room there either: then the start ends with what was thrown.
    }
  }
  return undefined;
}

async function copyTo(
  place: string | undefined,
  path: string,
  reason: string,
): Promise<MemoryCopy> {
  const directory = await Deno.makeTempDir({
    prefix: PREFIX,
    ...(place === undefined ? {} : { dir: place }),
  });
  const remove = () => Deno.remove(directory, { recursive: true }).catch(() => {});
  try {
    await removeLeft(directory);
    const copy = within(directory, NAME);
    for (const end of ["", "-wal"]) {
      if (await isThere(`${path}${end}`)) await Deno.copyFile(`${path}${end}`, `${copy}${end}`);
    }
    return { path: copy, reason, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Removes copies of processes that were killed from beside `directory`. */
async function removeLeft(directory: string): Promise<void> {
  const place = parentOf(directory);
  for await (const { name, isDirectory } of Deno.readDir(place)) {
    if (!isDirectory || !name.startsWith(PREFIX)) continue;
    const left = within(place, name);
    if (left === directory || await isInUse(left)) continue;
    // Of another user it stays.
    await Deno.remove(left, { recursive: true }).catch(() => {});
  }
}

async function isInUse(copy: string): Promise<boolean> {
  if (await holderOf(within(copy, NAME)) !== undefined) return true;
  const { mtime } = await Deno.stat(copy);
  return Date.now() - Number(mtime) < YOUNG_MS;
}
