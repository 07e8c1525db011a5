/**
 * Whether a database file is one that can be worked with, asked before Deno KV opens it: Deno KV creates
 * its tables in whatever it is given, and of pages that are damaged it reads the rest without a word.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";
import { messageOf, PlantdError } from "../errors.ts";
import { walOf } from "./sqlite_file.ts";

/** SQLITE_CORRUPT and SQLITE_NOTADB (https://www.sqlite.org/rescode.html): what only damage causes. */
const DAMAGE_CODES: readonly number[] = [11, 26];
/** SQLITE_IOERR_SHORT_READ: a page is behind the end of the file, and the log did not say that it is short. */
const SHORT_READ = 522;
/** The low byte of an extended result code is the code. */
const CODE_MASK = 0xff;
/** Faults that are told; one is enough to know. */
const FAULTS_MAX = 8;

/** What the first pages of a bbolt database say at byte 16: one of the original service. */
const BBOLT = [0xed, 0xda, 0x0c, 0xed];

/** The table of Deno KV. */
const TABLE = "kv";

/**
 * What is damaged in the structure of the database at `path`, one sentence each; none where there is no
 * file, or an empty one. What the records say is not looked at.
 *
 * A fifth of the time that reading the records takes. The caller has locked the database. What its write-ahead log holds
 * is brought into the file, as at every other start.
 *
 * @throws {PlantdError} `database_unusable` when it is the database of another program, or cannot be read
 * for a reason that is no damage: permissions, the disk, a lock.
 *
 * @example
 * ```ts
 * structureFaults("state.db"); // ["database disk image is malformed"]
 * ```
 */
export function structureFaults(path: string): string[] {
  if (isEmpty(path)) return [];
  try {
    refuseBbolt(path);
    const { commitsCut } = walOf(path);
    if (commitsCut > 1) {
      return [`the write-ahead log is damaged before its last ${commitsCut} commits`];
    }
    return integrityFaults(path);
  } catch (error) {
    if (error instanceof PlantdError) throw error;
    const code = (error as { errcode?: number }).errcode ?? 0;
    if (DAMAGE_CODES.includes(code & CODE_MASK) || code === SHORT_READ) return [messageOf(error)];
    throw new PlantdError(
      "database_unusable",
      `cannot read the database ${path}: ${messageOf(error)}`,
      {
        hint: "this is not damage: see to permissions and disk, and start again",
        data: { path },
        cause: error,
      },
    );
  }
}

/**
 * What SQLite finds. Not every record's checksum covers the key it lies under; but each key lies in the
 * table and in its indexes, and the full check compares them, at twice the time of the quick one.
 */
function integrityFaults(path: string): string[] {
  const database = new DatabaseSync(path);
  try {
    const tables = database.prepare("select name from sqlite_schema where type = 'table'").all()
      .map(({ name }) => String(name));
    if (tables.length > 0 && !tables.includes(TABLE)) throw ofAnother(path);
    const rows = database.prepare(`pragma integrity_check(${FAULTS_MAX})`).all();
    return rows.map((row) => String(row.integrity_check)).filter((text) => text !== "ok");
  } finally {
    database.close();
  }
}

function refuseBbolt(path: string): void {
  using file = Deno.openSync(path);
  const bytes = new Uint8Array(20);
  file.readSync(bytes);
  if (BBOLT.every((byte, i) => bytes[16 + i] === byte)) throw ofAnother(path);
}

function ofAnother(path: string): PlantdError {
  return new PlantdError("database_unusable", `${path} is the database of another program`, {
    hint: "name another file",
    data: { path },
  });
}

/** Whether there is nothing: no file, or one that was made for the lock alone. */
export function isEmpty(path: string): boolean {
  try {
    return Deno.statSync(path).size === 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
}
