/**
 * What records say, as the store has it in memory.
 *
 * @module
 */

import type { DecodedEntry, DecodedPast } from "./deno_kv_layout.ts";
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
