/**
 * Values that are too large for one record of Deno KV, in pieces.
 *
 * @module
 */

import { utf8Bytes } from "../state/utf8.ts";
import type { Draft } from "./draft.ts";
import { INLINE_BYTES_MIN, isLarge } from "./draft_history.ts";
import * as layout from "./deno_kv_layout.ts";
import { type Last, living, type StoredEntry, type ValueRef } from "./mirror.ts";
import { DamagedRecord, decodeRecord, encodeRecord } from "./record.ts";

/** Largest value kept in its record, in bytes; Deno KV takes 65,536 for the whole record. */
const INLINE_BYTES_MAX = 60_000;
/**
 * Bytes of values, of the keys in the records of the past, and of notes of garbage, before a commit counts
 * as crowded.
 */
const CROWDED_BYTES = 500_000;
/** What the record of a version or of a deleted key takes beside its key and value; rounded up. */
const PAST_OVERHEAD_BYTES = 200;
/** Bytes of one piece of a large value. */
const PIECE_BYTES = 60_000;
/** Bytes of pieces in one commit of theirs; with the last piece it stays below 819,200. */
const PIECES_COMMIT_BYTES = 500_000;
/** What a piece costs beside its bytes, so that many small ones stay below 1000 records too. */
const PIECE_OVERHEAD_BYTES = 1_000;
/** Pieces fetched by one getMany; the most Deno KV takes. */
const PIECES_PER_GET = 10;

const encoder = new TextEncoder();

/** The values in `draft` that do not fit into their records and are not in pieces yet, as bytes. */
export function largeValues(draft: Draft): Map<Last, Uint8Array> {
  const movable: StoredEntry[] = [];
  let bytes = draft.history.noteBytes;
  const add = (last: Last | undefined, isMovable: boolean) => {
    const entry = living(last);
    if (!entry || entry.ref) return;
    if (isMovable && entry.valueBytes > INLINE_BYTES_MIN) movable.push(entry);
    bytes += entry.valueBytes;
  };
  for (const { key, last } of draft.keyWrites()) {
    add(last, true);
    if (last && !living(last)) bytes += utf8Bytes(key) + PAST_OVERHEAD_BYTES;
  }
  for (const { key, number, content } of draft.history.writes) {
    // One whose number says so lies in its record already, and fits into the next.
    add(content, isLarge(number));
    bytes += utf8Bytes(key) + PAST_OVERHEAD_BYTES;
  }
  const bytesMax = bytes > CROWDED_BYTES ? INLINE_BYTES_MIN : INLINE_BYTES_MAX;
  const large = new Map<Last, Uint8Array>();
  for (const entry of movable) {
    if (entry.valueBytes > bytesMax) large.set(entry, encoder.encode(entry.value));
  }
  return large;
}

/** Where the pieces of `values` are going to be. */
export function newRefs(values: ReadonlyMap<Last, Uint8Array>): Map<Last, ValueRef> {
  const refs = new Map<Last, ValueRef>();
  for (const [last, { length }] of values) {
    refs.set(last, { id: crypto.randomUUID(), pieces: Math.ceil(length / PIECE_BYTES) });
  }
  return refs;
}

/** What those pieces are until a commit refers to them. */
export function garbageOf(refs: ReadonlyMap<unknown, ValueRef>): layout.Garbage {
  return { scopeIds: [], refs: [...refs.values()] };
}

/** The records of the pieces of `value`. */
export function* piecesOf(
  value: string | Uint8Array,
  ref: ValueRef,
): Generator<readonly [layout.Key, Uint8Array]> {
  const bytes = typeof value === "string" ? encoder.encode(value) : value;
  for (const [number, key] of layout.pieceKeys(ref).entries()) {
    const piece = bytes.subarray(number * PIECE_BYTES, (number + 1) * PIECE_BYTES);
    yield [key, encodeRecord(null, piece, key)];
  }
}

/**
 * Writes values piece by piece.
 *
 * @param first Committed with the first pieces.
 */
export async function writePieces(
  kv: Deno.Kv,
  values: ReadonlyMap<Last, Uint8Array>,
  refs: ReadonlyMap<Last, ValueRef>,
  first: Deno.AtomicOperation,
): Promise<void> {
  let atomic = first;
  let bytes = 0;
  for (const [last, value] of values) {
    for (const [key, piece] of piecesOf(value, refs.get(last)!)) {
      atomic.set(key, piece);
      bytes += piece.length + PIECE_OVERHEAD_BYTES;
      if (bytes < PIECES_COMMIT_BYTES) continue;
      await atomic.commit();
      atomic = kv.atomic();
      bytes = 0;
    }
  }
  await atomic.commit();
}

/**
 * A value put together.
 *
 * @throws {DamagedRecord} when a piece is missing or damaged.
 */
export async function readPieces(kv: Deno.Kv, ref: ValueRef): Promise<Uint8Array<ArrayBuffer>> {
  const keys = layout.pieceKeys(ref);
  const bodies: Uint8Array<ArrayBuffer>[] = [];
  for (let i = 0; i < keys.length; i += PIECES_PER_GET) {
    for (const { key, value } of await kv.getMany(keys.slice(i, i + PIECES_PER_GET))) {
      if (value === null) throw new DamagedRecord("a piece of the value is missing");
      bodies.push(decodeRecord<null>(value, key as layout.Key).body as Uint8Array<ArrayBuffer>);
    }
  }
  return new Uint8Array(await new Blob(bodies).arrayBuffer());
}
