/**
 * What records say, as the store has it in memory.
 *
 * @module
 */

import { type DecodedEntry, type DecodedPast, decodePast } from "./deno_kv_layout.ts";
import type { StoredEntry, Tombstone, Writable } from "./mirror.ts";

/**
 * The entry that a header and its value make. One literal for them all: there are many.
 *
 * @param at Number of the version that it is.
 */
export function entryOf(
  { header, ref }: Pick<DecodedEntry, "header" | "ref">,
  value: string,
  valueBytes: number,
  at = header.a,
): StoredEntry {
  const { r: revision, c: created = revision, t: timeMs, s: source, o, n, p, x } = header;
  const entry: Writable<StoredEntry> = { value, valueBytes, revision, created, timeMs, source };
  if (o !== undefined) entry.sourceTimeMs = o;
  if (n !== undefined) entry.note = n;
  if (p) entry.past = p;
  if (ref) entry.ref = ref;
  if (at !== undefined) entry.at = at;
  if (x !== undefined) entry.expiresMs = x;
  return entry;
}

/** What the record of a deleted key says that lies at `number`. */
export function tombstoneOf({ header }: DecodedPast, number: number): Tombstone {
  const { r: revision, t: timeMs, s: source, n: note, p: past } = header;
  return {
    deleted: number,
    revision,
    timeMs,
    source,
    ...(note === undefined ? {} : { note }),
    ...(past ? { past } : {}),
  };
}

/** The record of a version, or of what is left of a deleted key, or undefined if it cannot be read. */
export function intactPast(record: unknown): DecodedPast | undefined {
  try {
    return decodePast(record);
  } catch {
    return undefined;
  }
}

/** Numbers of versions that an entry, or what is left of one, names: its past, and the one that says the same. */
export function numbersIn({ header: { p = [], a } }: DecodedEntry): readonly number[] {
  return a === undefined ? p : [...p, a];
}
