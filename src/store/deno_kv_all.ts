/**
 * All records of a database whose contents are in memory: what is from there, the past from the file.
 *
 * @module
 */

import type { RawRecord } from "./deno_kv_fill.ts";
import * as layout from "./deno_kv_layout.ts";
import { piecesOf } from "./deno_kv_pieces.ts";
import type { Position } from "./disk.ts";
import type { Mirror, Scope, StoredEntry } from "./mirror.ts";
import { encodeRecord } from "./record.ts";

/** Records fetched by one call of list; the most Deno KV takes. */
const LIST_BATCH = 1000;

/**
 * The records, each where it lay.
 *
 * @param onLost Told why no more of the past can be read.
 */
export async function* allRecords(
  { kv, mirror, meta }: {
    readonly kv: Deno.Kv;
    readonly mirror: Mirror;
    readonly meta: Position;
  },
  onLost: (thrown: unknown) => void,
): AsyncGenerator<RawRecord> {
  /** Values that are in memory, by the ids of their pieces. */
  const written = new Set<string>();
  for (const name of mirror.scopeNames()) yield* recordsOf(mirror.scope(name)!, written);
  for (const name of mirror.configuredScopes()) {
    yield layout.optionsRecord(name, mirror.settings(name)!);
  }
  for (const id of mirror.requestIds()) {
    const { sinceMs: _sinceMs, ...done } = mirror.request(id)!;
    yield [layout.requestKey(id), encodeRecord(done)];
  }
  try {
    for (const prefix of [layout.VERSIONS, layout.PIECES, layout.GARBAGE]) {
      for await (const { key, value } of kv.list({ prefix }, { batchSize: LIST_BATCH })) {
        if (prefix === layout.PIECES && written.has(key[1] as string)) continue;
        yield [key as layout.Key, value as Uint8Array];
      }
    }
  } catch (thrown) {
    onLost(thrown);
  }
  yield [layout.META_KEY, encodeRecord({ ...meta, format: layout.FORMAT })];
}

function* recordsOf(scope: Scope, written: Set<string>): Generator<RawRecord> {
  const { id, name, revision } = scope;
  yield layout.scopeRecord(name, { id, revision });
  for (const [key, entry] of scope.entries) {
    const at = layout.entryKey(id, key);
    yield [at, layout.encodeEntry(at, entry, entry.ref)];
    if (entry.at !== undefined) yield [layout.versionKey(entry.at), versionOf(id, key, entry)];
    if (!entry.ref) continue;
    written.add(entry.ref.id);
    yield* piecesOf(entry.value, entry.ref);
  }
  for (const [key, tombstone] of scope.deleted) {
    yield [layout.deletedKey(tombstone.deleted), layout.encodeDeleted(id, key, tombstone)];
  }
}

/** What an entry is on disk already, in case it cannot be read: with the next change it is the past. */
function versionOf(scopeId: number, key: string, entry: StoredEntry): Uint8Array {
  return layout.encodeVersion({ scopeId, key, content: entry }, entry.ref);
}
