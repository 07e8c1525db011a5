/**
 * One process for one database. Deno KV itself excludes nobody, and two writers would each serve reads
 * from a memory that the other makes stale.
 *
 * @module
 */

import { messageOf, PlantdError } from "../errors.ts";
import { parentOf } from "../paths.ts";
import { giveTo } from "./owner.ts";

/** A database that is ours alone. */
export interface DatabaseLock extends Disposable {
  /** Why the database is no longer the one that was locked; undefined while it is. */
  broken(): string | undefined;
}

/**
 * Takes the lock of the database at `path`: flock(2) on the file itself, whatever it is called, and on
 * `path.lock`, which tells people the process id. The kernel gives both back when the process ends,
 * however it ends. The files are made if need be, with mode 0600, and left in place.
 *
 * The database's own descriptor stays open until the lock is disposed of, which must be after SQLite has
 * closed: closing it would take SQLite's locks on the file away (fcntl(2), record locks).
 *
 * @throws {PlantdError} `database_locked` naming the process that has it, `database_unusable` when it is
 * no file or cannot be written.
 *
 * @example
 * ```ts
 * using lock = await lockDatabase("/var/lib/plantd/state.db");
 * ```
 */
export async function lockDatabase(path: string): Promise<DatabaseLock> {
  const lockPath = await noteOf(path);
  using held = new DisposableStack();
  const note = held.adopt(await openFile(lockPath), giveBack);
  const database = held.adopt(await openFile(path), giveBack);
  if (!await note.tryLock(true) || !await database.tryLock(true)) throw inUse(path, lockPath);
  await writeNote(note);
  const locked = database.statSync();
  const kept = held.move();
  return {
    broken: () => isSame(path, locked) ? undefined : `the database ${path} was deleted or replaced`,
    [Symbol.dispose]: () => kept.dispose(),
  };
}

/** For people: on a full disk it stays empty, and the lock is one all the same. */
async function writeNote(note: Deno.FsFile): Promise<void> {
  try {
    await note.truncate(0);
    await note.write(new TextEncoder().encode(`${Deno.pid}\n`));
  } catch {
    // Whoever cannot go on for lack of space says so.
  }
}

/** Unlocks, too: a process that was just forked off this one has the file open a moment longer. */
function giveBack(file: Deno.FsFile): void {
  file.unlockSync();
  file.close();
}

/** The file beside the database at `path` that tells people who has it: `path.lock`. */
export async function noteOf(path: string): Promise<string> {
  return `${await Deno.realPath(path).catch(() => path)}.lock`;
}

function inUse(path: string, lockPath: string): PlantdError {
  // Another name of the same file has a note of its own, which may be old, or missing.
  const pid = readIfAny(lockPath);
  const owner = pid === "" ? "another process" : `process ${pid}`;
  return new PlantdError("database_locked", `the database ${path} is in use by ${owner}`, {
    hint: "stop that process, or name another database with --db",
    data: { path },
  });
}

function readIfAny(path: string): string {
  try {
    return Deno.readTextFileSync(path).trim();
  } catch {
    return "";
  }
}

/** Whether `path` still names the file that was locked. */
function isSame(path: string, locked: Deno.FileInfo): boolean {
  try {
    const found = Deno.statSync(path);
    return found.ino === locked.ino && found.dev === locked.dev;
  } catch {
    return false;
  }
}

async function openFile(path: string): Promise<Deno.FsFile> {
  try {
    // Looked at first: opening a pipe waits until somebody writes into it.
    const found = await Deno.stat(path).catch(() => undefined);
    if (found && !found.isFile) throw new Error("it is not a file");
    const file = await Deno.open(path, { read: true, write: true, create: true, mode: 0o600 });
    if (!found) await giveTo(path, parentOf(path));
    return file;
  } catch (error) {
    throw new PlantdError("database_unusable", `cannot open ${path}: ${messageOf(error)}`, {
      hint: "the service needs a directory of its own that it may write to",
      data: { path },
      cause: error,
    });
  }
}

/**
 * Who has the database at `path` open: `process 123`, or `another process` where its number is not told;
 * undefined if nobody has, or it is not to be seen. Changes nothing.
 */
export async function holderOf(path: string): Promise<string | undefined> {
  const lockPath = await noteOf(path);
  try {
    using held = new DisposableStack();
    const note = held.adopt(await Deno.open(lockPath), giveBack);
    // Shared, and for a moment: whoever has it has it alone.
    if (await note.tryLock(false)) return undefined;
    const pid = readIfAny(lockPath);
    return pid === "" ? "another process" : `process ${pid}`;
  } catch {
    return undefined;
  }
}
