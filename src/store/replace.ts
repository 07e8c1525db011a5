/**
 * Putting one database in the place of another, so that a crash at any moment leaves one that is whole,
 * and nothing is ever deleted.
 *
 * @module
 */

import { messageOf, PlantdError } from "../errors.ts";
import { isThere } from "../is_there.ts";
import { parentOf } from "../paths.ts";
import { syncDirectory } from "../sync_directory.ts";
import { giveTo } from "./owner.ts";

/** What belongs to a database: its write-ahead log, the index of that, and the file. */
const PARTS = ["-wal", "-shm", ""];
/** What stands beside one that was moved aside: the report of what was lost. */
const REPORT = ".txt";

/** Removes what there is of the database at `path`; never throws. */
export async function removeDatabase(path: string): Promise<void> {
  for (const part of PARTS) await Deno.remove(`${path}${part}`).catch(() => {});
}

/** Where a new database lies that is whole and shall take the place of `path`. */
export function successorOf(path: string): string {
  return `${path}.next`;
}

/** `2026-11-24T163300Z`, for names of files. */
export function fileTime(ms: number): string {
  return new Date(ms).toISOString().replaceAll(":", "").replace(/\.\d+/, "");
}

/**
 * `path` with `suffix`, and with a number where a database of that name was moved aside before: nothing
 * is ever overwritten.
 */
export async function asideOf(path: string, suffix: string): Promise<string> {
  for (let i = 1;; i += 1) {
    const name = `${path}${suffix}${i === 1 ? "" : `.${i}`}`;
    const taken = await Promise.all([...PARTS, REPORT].map((part) => isThere(`${name}${part}`)));
    if (!taken.includes(true)) return name;
  }
}

/**
 * Moves the database at `path` aside, and its successor into its place. The write-ahead log goes first:
 * to a new file the old log would be applied. Whatever is interrupted, {@link finishReplacing} goes on
 * with at the next start.
 *
 * @param aside A free name, as of {@link asideOf}.
 * @throws {PlantdError} `database_unusable`.
 */
export async function replaceDatabase(path: string, aside: string): Promise<void> {
  try {
    await giveTo(successorOf(path), await isThere(path) ? path : parentOf(path));
    for (const part of PARTS) {
      if (await isThere(`${path}${part}`)) await Deno.rename(`${path}${part}`, `${aside}${part}`);
    }
    await Deno.rename(successorOf(path), path);
    await syncDirectory(parentOf(path));
  } catch (error) {
    throw new PlantdError("database_unusable", `cannot replace ${path}: ${messageOf(error)}`, {
      data: { path },
      cause: error,
    });
  }
}

/** Goes on with a replacement that a crash interrupted; does nothing otherwise. */
export async function finishReplacing(path: string, nowMs: number): Promise<void> {
  if (!await isThere(successorOf(path))) return;
  await replaceDatabase(path, await asideOf(path, `.old-${fileTime(nowMs)}`));
}
