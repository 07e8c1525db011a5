/**
 * One process for one database. Deno KV itself excludes nobody, and two writers would each serve reads
 * from a memory that the other makes stale.
 *
 * @module
 */

import { messageOf, PlantdError } from "../errors.ts";

/**
 * Takes the lock of the database at `path`: flock(2) on `path.lock`, which the kernel gives back when
 * the process ends, however it ends. The file holds the process id, for people; it is left in place.
 *
 * @throws {PlantdError} `database_locked` naming the process that has it, `database_unusable` when the
 * lock file cannot be written.
 *
 * @example
 * ```ts
 * using _lock = await lockDatabase("/var/lib/plantd/state.db");
 * ```
 */
export async function lockDatabase(path: string): Promise<Disposable> {
  const lockPath = `${path}.lock`;
  const file = await openLockFile(lockPath);
  if (!await file.tryLock(true)) {
    file.close();
    const pid = (await Deno.readTextFile(lockPath).catch(() => "")).trim();
    const owner = pid === "" ? "another process" : `process ${pid}`;
    throw new PlantdError("database_locked", `the database ${path} is in use by ${owner}`, {
      hint: "stop that process, or name another database with --db",
      data: { path },
    });
  }
  await file.truncate(0);
  await file.write(new TextEncoder().encode(`${Deno.pid}\n`));
  return { [Symbol.dispose]: () => file.close() };
}

async function openLockFile(lockPath: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(lockPath, { read: true, write: true, create: true, mode: 0o600 });
  } catch (error) {
    throw new PlantdError("database_unusable", `cannot write ${lockPath}: ${messageOf(error)}`, {
      hint: "the service needs a directory of its own that it may write to",
      data: { path: lockPath },
      cause: error,
    });
  }
}
