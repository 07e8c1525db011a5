/**
 * The entries of a Deno KV database, read from its table as texts. A start reads them all; through Deno KV,
 * which makes an array of bytes of each, it takes longer and leaves more garbage. And versions by their
 * numbers, of which Deno KV gives ten at once, in seven times the time.
 *
 * @module
 */

import { DatabaseSync, type StatementSync } from "node:sqlite";
import { bitsOf, BYTES, DOUBLE, doubleOf } from "./deno_kv_rows.ts";

/** An entry as it lies on disk: the bits of its scope's number, its key, and the two parts of its record. */
export type EntryRow = readonly [
  scope: string,
  key: string,
  /** First line, with its end; empty if it is none. */
  head: string,
  body: string,
];

/** Entries that are in memory at once. */
const PAGE = 1000;

/**
 * A key is `02 65 00` for `e`, `21` and the eight bytes of the scope's number, `02` and the text, `00`. What
 * is no UTF-8 comes with other characters, which the checksum notices; what is no bytes at all, empty.
 */
const PAGE_OF = `
  select hex(substr(k, 5, 8)), cast(substr(k, 14, length(k) - 14) as text),
    iif(v_encoding = ${BYTES}, cast(substr(v, 1, instr(v, x'0a')) as text), ''),
    cast(substr(v, instr(v, x'0a') + 1) as text)
  from kv where k > ? and k <= ? order by k`;
/** The last key of the page behind a key. */
const END_OF = `
  select k from kv where k > ? and k < x'026501' order by k limit 1 offset ${PAGE - 1}`;
/** Below and above the keys of all entries. */
const [FIRST, LAST] = [Uint8Array.of(2, 0x65, 0), Uint8Array.of(2, 0x65, 1)];

/** The types of Deno 2.9.6 lack it. */
type Statement = StatementSync & { setReturnArrays(isOn: boolean): void };

/**
 * The entries of all scopes in the database at `path`, in pages. It is not written to meanwhile.
 *
 * @example
 * ```ts
 * for (const page of entryPages("state.db")) for (const [scope, key] of page) console.log(scope, key);
 * ```
 */
export function* entryPages(path: string): Generator<readonly EntryRow[]> {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const page = database.prepare(PAGE_OF) as Statement;
    page.setReturnArrays(true);
    const ends = database.prepare(END_OF);
    for (let start: Uint8Array | undefined = FIRST; start;) {
      const end = ends.get(start)?.k as Uint8Array | undefined;
      yield page.all(start, end ?? LAST) as unknown as EntryRow[];
      start = end;
    }
  } finally {
    database.close();
  }
}

/**
 * The records of the versions of those numbers, in the same order; undefined where there is none.
 *
 * @example
 * ```ts
 * versionRecords("state.db", [2, 4]); // [Uint8Array(120), undefined]
 * ```
 */
export function versionRecords(
  path: string,
  numbers: readonly number[],
): (Uint8Array | undefined)[] {
  if (numbers.length === 0) return [];
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const record = database.prepare(`select v from kv where k = ? and v_encoding = ${BYTES}`);
    // One for all: a key is not needed any more when its record is there.
    const key = Uint8Array.of(2, "h".charCodeAt(0), 0, DOUBLE, ...new Uint8Array(8));
    const bits = new DataView(key.buffer, 4);
    return numbers.map((number) => {
      bits.setBigUint64(0, bitsOf(number));
      return record.get(key)?.v as Uint8Array | undefined;
    });
  } finally {
    database.close();
  }
}

/** First parts of the keys of what a backup has: deleted keys, entries, versions and scopes. */
const BACKED_UP = ["d", "e", "h", "s"];

/** About how many records a backup of the database at `path` has. */
export function countBackedUp(path: string): number {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const count = database.prepare("select count(*) as count from kv where k > ? and k < ?");
    let sum = 0;
    for (const part of BACKED_UP) {
      const letter = part.charCodeAt(0);
      const row = count.get(Uint8Array.of(2, letter, 0), Uint8Array.of(2, letter, 1));
      sum += row!.count as number;
    }
    return sum;
  } finally {
    database.close();
  }
}

/** The number of a scope whose bits are `hex`. */
export function scopeIdOf(hex: string): number {
  return doubleOf(BigInt(`0x${hex || 0}`));
}
