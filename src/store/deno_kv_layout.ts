/**
 * What lies where in the Deno KV database. Everything below is a record (record.ts).
 *
 * | key               | header                                    | body                             |
 * |-------------------|-------------------------------------------|----------------------------------|
 * | `m`               | format, epoch, revision, next scope id    |                                  |
 * | `s`, name         | scope id, revision                        |                                  |
 * | `e`, scope id, key| revision, time, source, [id, pieces]...   | value, unless it lies in pieces  |
 * | `d`, number       | the same of a deletion, scope id, key     |                                  |
 * | `h`, number       | of an earlier version, scope id, key      | its value                        |
 * | `o`, scope        | options                                   |                                  |
 * | `v`, id, number   |                                           | a piece of a large value         |
 * | `r`, id           | revision, time, digest                    |                                  |
 * | `g`, id           | what is to be purged                      |                                  |
 * | `u`, place        | numbers of versions newer than entries    |                                  |
 *
 * Entries hang on the scope's id, not on its name: deleting a scope is one small commit that takes the
 * name away and notes the id as garbage; the entries are purged afterwards, in peace. A large value's
 * pieces are noted as garbage before the first is written; the commit that refers to them deletes the
 * note. An entry names the versions of its past by their numbers, which rise with time, so that writing
 * them touches few pages, until a key has as many as are kept: then each takes the place, and the number, of
 * the one that goes. A number is odd where the value may lie in pieces. Whether a key is deleted
 * tells its entry, not what is left of it: that and earlier versions may be written before the commit they
 * belong to, noted as garbage like pieces, and mean nothing until then. So a crash at any moment leaves either
 * the old state or the new one, and notes of what to purge.
 *
 * What a key is now may lie with its versions already, so that to write it once is enough: when it becomes
 * the past it stays where it is. Its entry is older then, or, once settled, says the same and names it (`a`).
 * Each commit lists the versions that it has written in the place of entries (`u`); the list goes when the
 * entries are settled, or replaced. See deno_kv_unsettled.ts.
 *
 * @module
 */

import { decodeRecord, decodeTexts, encodeRecord, type Record } from "./record.ts";
import { utf8Bytes } from "../state/utf8.ts";
import type { ScopeSettings } from "../state/scope_options.ts";
import type { Last, StoredEntry, Tombstone, ValueRef } from "./mirror.ts";

/**
 * Version of this layout; the first one had no `d`, `h` and `o`, the second no checksums over keys, the third
 * no `u`.
 */
export const FORMAT = 4;

/** Header of the record at {@link META_KEY}. */
export interface Meta {
  readonly format: number;
  readonly epoch: string;
  readonly revision: number;
  readonly nextScopeId: number;
  readonly nextVersion: number;
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
  /** Numbers of versions. */
  readonly versions?: readonly number[];
  /** Numbers of versions that were what keys are: with them goes what they name. */
  readonly presents?: readonly number[];
  /** Numbers of versions written ahead of a commit that has not come. */
  readonly ahead?: readonly number[];
  /** Numbers of what is left of deleted keys. */
  readonly deleted?: readonly number[];
}

/** Numbers that nothing new may have as long as `garbage` is noted; some may not be on disk yet, or any more. */
export function numbersOf(
  { versions = [], presents = [], ahead = [], deleted = [] }: Garbage,
): readonly number[] {
  return [...versions, ...presents, ...ahead, ...deleted];
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
  /** Numbers of the versions before it, the oldest first. */
  readonly p?: readonly number[];
  /** Time at which it expires. */
  readonly x?: number;
  /** Number of the version that says the same; of entries alone. */
  readonly a?: number;
}

/** Header of what is left of a deleted key, and of a version of its past. */
interface PastHeader extends EntryHeader {
  readonly scope: number;
  readonly key: string;
  /** True where the key was deleted. */
  readonly d?: true;
}

/** A key of Deno KV, without naming it. */
export type Key = readonly (string | number)[];

export const META_KEY: Key = ["m"];
export const SCOPES: Key = ["s"];
export const ENTRIES: Key = ["e"];
export const DELETED: Key = ["d"];
export const VERSIONS: Key = ["h"];
export const OPTIONS: Key = ["o"];
export const PIECES: Key = ["v"];
export const GARBAGE: Key = ["g"];
export const REQUESTS: Key = ["r"];
export const UNSETTLED: Key = ["u"];

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

/** Key of what is left of a deleted key. */
export function deletedKey(number: number): Key {
  return [...DELETED, number];
}

/** Key of a version. */
export function versionKey(number: number): Key {
  return [...VERSIONS, number];
}

/** Key of a scope's options. */
export function optionsKey(scope: string): Key {
  return [...OPTIONS, scope];
}

/** Key of a request that was done. */
export function requestKey(id: string): Key {
  return [...REQUESTS, id];
}

/** Key of a note of garbage. */
export function garbageKey(id: string): Key {
  return [...GARBAGE, id];
}

/** Key of a list of what is newer than entries. */
export function unsettledKey(place: number): Key {
  return [...UNSETTLED, place];
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

/** Record of an entry that lies at `at`; with `ref` the value is not in it. */
export function encodeEntry(
  at: Key,
  entry: StoredEntry,
  ref: ValueRef | undefined,
): Uint8Array {
  return encodeRecord(headerOf(entry, ref, entry.at), ref ? "" : entry.value, at);
}

/** A scope's record, where it lies. */
export function scopeRecord(name: string, header: ScopeHeader): readonly [Key, Uint8Array] {
  const at = scopeKey(name);
  return [at, encodeRecord(header, "", at)];
}

/** The record of a scope's options, where it lies. */
export function optionsRecord(
  scope: string,
  settings: ScopeSettings,
): readonly [Key, Uint8Array] {
  const at = optionsKey(scope);
  return [at, encodeRecord(settings, "", at)];
}

/** Record of what is left of a deleted key. */
export function encodeDeleted(scopeId: number, key: string, tombstone: Tombstone): Uint8Array {
  return encodeRecord({ ...headerOf(tombstone, undefined), scope: scopeId, key, d: true });
}

/** Record of a version; with `ref` its value is not in it. */
export function encodeVersion(
  { scopeId, key, content }: { scopeId: number; key: string; content: Last },
  ref: ValueRef | undefined,
): Uint8Array {
  if ("deleted" in content) return encodeDeleted(scopeId, key, content);
  const header = { ...headerOf(content, ref), scope: scopeId, key };
  return encodeRecord(header, ref ? "" : content.value);
}

function headerOf(last: Last, ref: ValueRef | undefined, a?: number): EntryHeader {
  const { revision: r, timeMs: t, source: s, note: n, past: p } = last;
  const { created, sourceTimeMs: o, expiresMs: x }: Partial<StoredEntry> = "deleted" in last
    ? {}
    : last;
  const v = ref && [ref.id, ref.pieces] as const;
  // JSON leaves out what is undefined.
  return { r, c: created === r ? undefined : created, t, s, o, n, v, p, x, a } as EntryHeader;
}

/** An entry read back; of a large value only where its pieces are. */
export interface DecodedEntry {
  readonly header: EntryHeader;
  /** The value's bytes, unless there is a `ref`. */
  readonly body: Uint8Array;
  readonly ref: ValueRef | undefined;
}

/** A version read back, or what is left of a deleted key. */
export interface DecodedPast extends DecodedEntry {
  readonly header: PastHeader;
}

/**
 * Reads the record of the entry at `at`.
 *
 * @throws {DamagedRecord}
 */
export function decodeEntry(at: readonly unknown[], bytes: unknown): DecodedEntry {
  return decoded(decodeRecord<EntryHeader>(bytes, at as Key));
}

/**
 * Reads the record of the entry at `at` that was read as two texts.
 *
 * @throws {DamagedRecord}
 */
export function decodeEntryTexts(
  at: Key,
  head: string,
  body: string,
): Pick<DecodedEntry, "header" | "ref"> & { readonly bodyBytes: number } {
  const { header, bodyBytes } = decodeTexts<EntryHeader>(at, head, body);
  return { header, ref: refOf(header), bodyBytes };
}

/**
 * Reads the record of a version, or of what is left of a deleted key.
 *
 * @throws {DamagedRecord}
 */
export function decodePast(bytes: unknown): DecodedPast {
  return decoded(decodeRecord<PastHeader>(bytes));
}

function decoded<Header extends EntryHeader>({ header, body }: Record<Header>) {
  return { header, body, ref: refOf(header) };
}

function refOf({ v }: EntryHeader): ValueRef | undefined {
  return v && { id: v[0], pieces: v[1] };
}
