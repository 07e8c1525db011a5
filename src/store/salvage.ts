/**
 * Everything in a damaged database that is still whole.
 *
 * @module
 */

import type { Key } from "./deno_kv_layout.ts";
import { rowOf } from "./deno_kv_rows.ts";
import { SqliteFile } from "./sqlite_file.ts";

/** What was found. */
export interface Salvage {
  /** Records by the names of their keys, see {@link nameOf}. */
  readonly records: ReadonlyMap<string, Salvaged>;
  /** Keys that are known to have been there and whose records are not whole. */
  readonly lost: ReadonlyMap<string, Key>;
  /** Whether a key that was not found is known not to have been there. */
  readonly isComplete: boolean;
  /** Whether values that were replaced, or keys that were deleted, may be among those found. */
  readonly mayBeStale: boolean;
}

/** A record that is whole. */
export interface Salvaged {
  readonly key: Key;
  readonly record: Uint8Array;
}

/** A key as one text. */
export function nameOf(key: Key): string {
  return JSON.stringify(key);
}

/**
 * Reads the file at `path` page by page, and its write-ahead log, without SQLite. Of a record that is
 * found twice the later one counts.
 *
 * @throws Whatever the file system says.
 *
 * @example
 * ```ts
 * const { records, lost } = salvage("state.db");
 * ```
 */
export function salvage(path: string): Salvage {
  using file = new SqliteFile(path);
  const records = new Map<string, Salvaged & { readonly version: number; isIndexed: boolean }>();
  const lost = new Map<string, Key>();
  for (const columns of file.rows()) {
    const row = rowOf(columns);
    if (!row?.isRecord) continue;
    const { key, record, version } = row;
    const name = nameOf(key);
    if (!record) lost.set(name, key);
    else if (version >= (records.get(name)?.version ?? 0)) {
      records.set(name, { key, record, version, isIndexed: false });
    }
  }
  // The index has every key once more: those that only it has are of records that are gone.
  for (const columns of file.rows()) {
    const row = rowOf(columns);
    if (!row || row.isRecord) continue;
    const name = nameOf(row.key);
    const found = records.get(name);
    if (found) found.isIndexed = true;
    else lost.set(name, row.key);
  }
  for (const [name, { key, isIndexed }] of records) {
    lost.delete(name);
    if (isIndexed || !file.isComplete) continue;
    // Not every checksum covers the key. What the whole index does not know may be under a wrong one.
    records.delete(name);
    lost.set(name, key);
  }
  const { isComplete, mayBeStale } = file;
  return { records, lost, isComplete, mayBeStale };
}
