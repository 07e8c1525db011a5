/**
 * The records of a database that holds what a backup does.
 *
 * @module
 */

import type { BackupRecord, EntryRecord } from "../backup/format.ts";
import { utf8Bytes } from "../state/names.ts";
import type { RawRecord } from "./deno_kv_fill.ts";
import * as layout from "./deno_kv_layout.ts";
import { encodeRecord } from "./record.ts";

/** Largest value kept beside its entry, and bytes of one piece of a larger one. */
const INLINE_BYTES_MAX = 60_000;

const encoder = new TextEncoder();

/**
 * Makes records, those of the scopes and the meta record last: only then is known what they say.
 *
 * @param start The epoch and the revision that the new history begins with.
 */
export async function* encodeRecords(
  records: AsyncIterable<BackupRecord>,
  start: { readonly epoch: string; readonly revision: number },
): AsyncGenerator<RawRecord> {
  let scopeId = 0;
  let { revision } = start;
  for await (const record of records) {
    if (record.kind === "scope") {
      scopeId += 1;
      revision = Math.max(revision, record.revision);
      const header: layout.ScopeHeader = { id: scopeId, revision: record.revision };
      yield [layout.scopeKey(record.scope), encodeRecord(header)];
    } else {
      revision = Math.max(revision, record.entry.revision);
      yield* encodeEntry(scopeId, record);
    }
  }
  yield metaRecord({ epoch: start.epoch, revision, nextScopeId: scopeId + 1 });
}

/** The meta record. */
export function metaRecord(meta: Omit<layout.Meta, "format">): RawRecord {
  return [layout.META_KEY, encodeRecord({ format: layout.FORMAT, ...meta })];
}

/** An entry's record, and those of its pieces. */
export function* encodeEntry(scopeId: number, { key, entry }: EntryRecord): Generator<RawRecord> {
  const at = layout.entryKey(scopeId, key);
  if (utf8Bytes(entry.value) <= INLINE_BYTES_MAX) {
    yield [at, layout.encodeEntry(entry, undefined)];
    return;
  }
  const value = encoder.encode(entry.value);
  const ref = { id: crypto.randomUUID(), pieces: Math.ceil(value.length / INLINE_BYTES_MAX) };
  for (const [number, pieceKey] of layout.pieceKeys(ref).entries()) {
    const piece = value.subarray(number * INLINE_BYTES_MAX, (number + 1) * INLINE_BYTES_MAX);
    yield [pieceKey, encodeRecord(null, piece)];
  }
  yield [at, layout.encodeEntry(entry, ref)];
}
