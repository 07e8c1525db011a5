/**
 * How much of a commit a transaction takes, so that those which share one stay within what the database
 * takes at once.
 *
 * @module
 */

import { PlantdError } from "../errors.ts";
import {
  CHANGE_KEY_BYTES_MAX,
  CHANGE_KEYS_MAX,
  CHANGE_VALUE_BYTES_MAX,
  REQUEST_ID_BYTES_MAX,
} from "../limits.ts";
import { utf8Bytes } from "../state/utf8.ts";
import type { Transaction } from "../state/store.ts";

/** Amounts of a commit; of a transaction, upper bounds of what it adds to one. */
export interface CommitSize {
  /** Records written or deleted. */
  readonly records: number;
  /** Bytes of the records' keys. */
  readonly keyBytes: number;
  /** Bytes of keys and values. */
  readonly bytes: number;
}

/** Checksum and header of one entry's record, without its source, in bytes; rounded up. */
const ENTRY_OVERHEAD_BYTES = 256;
/** What Deno KV adds to a key: its other parts (a letter, a scope's id) and ends; rounded up. */
const KEY_OVERHEAD_BYTES = 16;
/** Records of a key that is written: its own, its last version's, and what is left when it is deleted. */
const RECORDS_PER_KEY = 3;
/** Keys of the last two, which have numbers for names. */
const PAST_KEY_BYTES = 2 * 16;

/**
 * Upper bound of what `transaction` adds to a commit.
 *
 * @example
 * ```ts
 * sizeOf({ mutations: [{ kind: "delete", scope: "a", key: "k" }], source: "bus" });
 * // { records: 4, keyBytes: 66, bytes: 581 }
 * ```
 */
export function sizeOf({ mutations, source, note = "", requestId }: Transaction): CommitSize {
  // JSON writes a character of a note with up to six bytes.
  const noteBytes = note.length * 6;
  let records = 0;
  let keyBytes = 0;
  let bytes = 0;
  if (requestId !== undefined) {
    // Its own record, and two that are forgotten for it.
    records += 3;
    keyBytes += 3 * (REQUEST_ID_BYTES_MAX + KEY_OVERHEAD_BYTES);
    bytes += ENTRY_OVERHEAD_BYTES;
  }
  for (const mutation of mutations) {
    // What is left of a deleted key says the same.
    bytes += 2 * (ENTRY_OVERHEAD_BYTES + source.length + noteBytes);
    records += "key" in mutation ? RECORDS_PER_KEY : 1;
    keyBytes += PAST_KEY_BYTES;
    if (mutation.kind === "keep-only") {
      records += CHANGE_KEYS_MAX * RECORDS_PER_KEY;
      keyBytes += CHANGE_KEY_BYTES_MAX;
    }
    if ("key" in mutation) keyBytes += utf8Bytes(mutation.key) + KEY_OVERHEAD_BYTES;
    if ("value" in mutation) bytes += mutation.value.bytes;
  }
  let scopes = 0;
  for (const scope of scopesOf(mutations)) {
    scopes += 1;
    keyBytes += utf8Bytes(scope) + KEY_OVERHEAD_BYTES;
  }
  return { records: records + scopes, keyBytes, bytes: bytes + keyBytes };
}

/** The refusal of a change that no commit could hold. */
export function tooLarge({ mutations }: Transaction): PlantdError | undefined {
  if (mutations.length <= 1) return undefined;
  const touched = mutations.filter(({ kind }) => kind !== "expect-scope" && kind !== "keep-only");
  const sentence = touched.length > CHANGE_KEYS_MAX
    ? `touches at most ${CHANGE_KEYS_MAX} keys, found ${touched.length}`
    : nameBytes(mutations) > CHANGE_KEY_BYTES_MAX
    ? `has at most ${CHANGE_KEY_BYTES_MAX} bytes of keys, found ${nameBytes(mutations)}`
    : valueBytes(mutations) > CHANGE_VALUE_BYTES_MAX
    ? `has at most ${CHANGE_VALUE_BYTES_MAX} bytes of values, found ${valueBytes(mutations)}`
    : undefined;
  return sentence === undefined
    ? undefined
    : new PlantdError("invalid_request", `one change ${sentence}`);
}

/** Bytes of the keys and scope names in `mutations`, each scope counted once. */
function nameBytes(mutations: Transaction["mutations"]): number {
  let bytes = 0;
  for (const mutation of mutations) if ("key" in mutation) bytes += utf8Bytes(mutation.key);
  for (const scope of scopesOf(mutations)) bytes += utf8Bytes(scope);
  return bytes;
}

/** Bytes of the values in `mutations`. */
function valueBytes(mutations: Transaction["mutations"]): number {
  let bytes = 0;
  for (const mutation of mutations) {
    if ("value" in mutation) bytes += mutation.value.bytes;
  }
  return bytes;
}

function scopesOf(mutations: Transaction["mutations"]): Iterable<string> {
  // Most have one.
  if (mutations.length === 1) return [mutations[0]!.scope];
  return new Set(mutations.map(({ scope }) => scope));
}
