/**
 * What lies where in the Deno KV database. Everything below is a record (record.ts).
 *
 * | key               | header                                    | body                             |
 * |-------------------|-------------------------------------------|----------------------------------|
 * | `m`               | format, epoch, revision, next scope id    |                                  |
 * | `s`, name         | scope id, revision                        |                                  |
 * | `e`, scope id, key| revision, time, source, [id, pieces]...   | value, unless it lies in pieces  |
 * | `v`, id, number   |                                           | a piece of a large value         |
 * | `r`, id           | revision, time, digest                    |                                  |
 * | `g`, id           | scope ids and value ids to be purged      |                                  |
 *
 * Entries hang on the scope's id, not on its name: deleting a scope is one small commit that takes the
 * name away and notes the id as garbage; the entries are purged afterwards, in peace. A large value's
 * pieces are noted as garbage before the first is written; the commit that refers to them deletes the
 * note. So a crash at any moment leaves either the old state or the new one, and notes of what to purge.
 *
 * @module
 */

import { decodeRecord, encodeRecord } from "./record.ts";
import { utf8Bytes } from "../state/names.ts";
import type { StoredEntry, ValueRef } from "./mirror.ts";

/** Version of this layout. */
export const FORMAT = 1;

/** Header of the record at {@link META_KEY}. */
export interface Meta {
  readonly format: number;
  readonly epoch: string;
  readonly revision: number;
  readonly nextScopeId: number;
}

/** Header of a scope's record. */
export interface ScopeHeader {
  readonly id: number;
  /** Of the last change in which a key was deleted, else of the creation; later ones are on entries. */
  readonly revision?: number;
}

/** Things on disk that nothing refers to. */
export interface Garbage {
  readonly scopeIds: readonly number[];
  readonly refs: readonly ValueRef[];
}

/** Header of an entry's record; short names, there are many. */
interface EntryHeader {
  readonly r: number;
  /** Revision that made the key, where that was another one. */
  readonly c?: number;
  readonly t: number;
  readonly s: string;
  /** Time of the source's clock. */
  readonly o?: number;
  /** Note. */
  readonly n?: string;
  readonly v?: readonly [id: string, pieces: number];
}

/** A key of Deno KV, without naming it. */
export type Key = readonly (string | number)[];

export const META_KEY: Key = ["m"];
export const SCOPES: Key = ["s"];
export const ENTRIES: Key = ["e"];
export const GARBAGE: Key = ["g"];
export const REQUESTS: Key = ["r"];

/** Key of a scope's record. */
export function scopeKey(name: string): Key {
  return [...SCOPES, name];
}

/** Prefix of the keys of a scope's entries. */
export function entriesOf(scopeId: number): Key {
  return [...ENTRIES, scopeId];
}

/** Key of an entry. */
export function entryKey(scopeId: number, key: string): Key {
  return ["e", scopeId, key];
}

/** Key of a request that was done. */
export function requestKey(id: string): Key {
  return [...REQUESTS, id];
}

/** Key of a note of garbage. */
export function garbageKey(id: string): Key {
  return [...GARBAGE, id];
}

/** Upper bound of what Deno KV counts for `key`, in bytes. */
export function keyBytes(key: Key): number {
  let bytes = 0;
  for (const part of key) bytes += 10 + (typeof part === "string" ? utf8Bytes(part) : 0);
  return bytes;
}

/** Keys of the pieces of a large value, in order. */
export function pieceKeys({ id, pieces }: ValueRef): Key[] {
  return Array.from({ length: pieces }, (_, number) => ["v", id, number]);
}

/** Record of an entry; with `ref` the value is not in it. */
export function encodeEntry(entry: StoredEntry, ref: ValueRef | undefined): Uint8Array {
  const { revision: r, created, timeMs: t, source: s, sourceTimeMs: o, note: n } = entry;
  // JSON leaves out what is undefined.
  const header = { r, c: created === r ? undefined : created, t, s, o, n };
  if (!ref) return encodeRecord(header, entry.value);
  return encodeRecord({ ...header, v: [ref.id, ref.pieces] });
}

/** An entry read back; of a large value only where its pieces are. */
export interface DecodedEntry extends Omit<StoredEntry, "value"> {
  /** The value's bytes, unless there is a `ref`. */
  readonly body: Uint8Array;
}

/**
 * Reads an entry's record.
 *
 * @throws {DamagedRecord}
 */
export function decodeEntry(bytes: unknown): DecodedEntry {
  const { header: { r, c, t, s, o, n, v }, body } = decodeRecord<EntryHeader>(bytes);
  return {
    revision: r,
    created: c ?? r,
    timeMs: t,
    source: s,
    body,
    ...(o === undefined ? {} : { sourceTimeMs: o }),
    ...(n === undefined ? {} : { note: n }),
    ...(v === undefined ? {} : { ref: { id: v[0], pieces: v[1] } }),
  };
}
