/**
 * Makes a new database out of records, for what is not done to a database in use: restoring, repairing.
 *
 * @module
 */

import { messageOf, PlantdError } from "../errors.ts";
import { type Key, keyBytes } from "./deno_kv_layout.ts";
import { removeDatabase } from "./replace.ts";

/** A record where it lies. */
export type RawRecord = readonly [key: Key, record: Uint8Array];

/** Records in one commit; Deno KV takes 1000. */
const RECORDS_MAX = 990;
/** Bytes of keys in one commit; with one more it stays below Deno KV's 81,920. */
const KEY_BYTES_MAX = 70_000;
/** Bytes in one commit; with one more record of 64 KiB it stays below Deno KV's 819,200. */
const BYTES_MAX = 600_000;

/**
 * Writes `records` into a new database at `path`, readable by its owner alone. When it resolves they are
 * on disk in this one file; when it throws there is no file.
 *
 * @throws {PlantdError} `file_unusable` when there is something at `path`, or it cannot be written.
 *
 * @example
 * ```ts
 * await fillDenoKv("new.db", [[META_KEY, encodeRecord(meta)]]);
 * ```
 */
export async function fillDenoKv(
  path: string,
  records: AsyncIterable<RawRecord> | Iterable<RawRecord>,
): Promise<void> {
  // Made here, with its mode: SQLite would make it readable for all, and its journals take its mode.
  await unlessFailed(path, async () => {
    (await Deno.open(path, { write: true, createNew: true, mode: 0o600 })).close();
  });
  try {
    await unlessFailed(path, () => fill(path, records));
  } catch (thrown) {
    await removeDatabase(path);
    throw thrown;
  }
}

async function fill(
  path: string,
  records: AsyncIterable<RawRecord> | Iterable<RawRecord>,
): Promise<void> {
  const kv = await Deno.openKv(path);
  try {
    let atomic = kv.atomic();
    let [count, keys, bytes] = [0, 0, 0];
    for await (const [key, record] of records) {
      atomic.set(key, record);
      count += 1;
      keys += keyBytes(key);
      bytes += keyBytes(key) + record.length;
      if (count < RECORDS_MAX && keys < KEY_BYTES_MAX && bytes < BYTES_MAX) continue;
      await atomic.commit();
      atomic = kv.atomic();
      [count, keys, bytes] = [0, 0, 0];
    }
    await atomic.commit();
  } finally {
    // The last one out brings the write-ahead log into the file.
    kv.close();
  }
}

async function unlessFailed(path: string, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (error instanceof PlantdError) throw error;
    throw new PlantdError("file_unusable", `cannot write ${path}: ${messageOf(error)}`, {
      data: { path },
      cause: error,
    });
  }
}
