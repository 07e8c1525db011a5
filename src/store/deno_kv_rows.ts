/**
 * The rows of a Deno KV database as they lie in the file, for when Deno KV cannot be asked.
 *
 * @module
 */

import type { Key } from "./deno_kv_layout.ts";
import { decodeRecord } from "./record.ts";
import type { Column } from "./sqlite_page.ts";
import { viewOf } from "./sqlite_page.ts";

/** A row whose key can be read. */
export interface Row {
  readonly key: Key;
  /** The record; undefined where it is damaged, or where the row is that of an index. */
  readonly record: Uint8Array | undefined;
  /** Grows with every commit. */
  readonly version: number;
  /** Whether the row is that of the table, not of the index over all of its keys. */
  readonly isRecord: boolean;
}

/** Types of the parts of a key. */
const STRING = 2;
export const DOUBLE = 0x21;
/** Ends a text in a key; with {@link ESCAPE} behind it, it would be part of the text. */
const END = 0;
const ESCAPE = 0xff;
/** Bits of a double: its sign, and all of them. */
const SIGN = 1n << 63n;
const ALL = (1n << 64n) - 1n;
/** Encoding of values that are bytes; all of ours are. */
export const BYTES = 3;
/** Columns of the table and of the index. */
const TABLE_COLUMNS = 6;
const INDEX_COLUMNS = 2;

const decoder = new TextDecoder("utf-8", { fatal: true });
const turned = new DataView(new ArrayBuffer(8));

/** What the columns of a row say; undefined if it is none of ours. */
export function rowOf(columns: readonly Column[]): Row | undefined {
  if (columns.length === INDEX_COLUMNS) {
    const key = keyOf(columns[1]);
    return key && { key, record: undefined, version: 0, isRecord: false };
  }
  if (columns.length !== TABLE_COLUMNS) return undefined;
  const [name, value, encoding, version] = columns;
  const key = keyOf(name);
  if (!key) return undefined;
  const record = encoding === BYTES && value instanceof Uint8Array && isIntact(key, value)
    ? value
    : undefined;
  return { key, record, version: typeof version === "number" ? version : 0, isRecord: true };
}

function isIntact(key: Key, record: Uint8Array): boolean {
  try {
    decodeRecord(record, key);
    return true;
  } catch {
    return false;
  }
}

/** The parts of an encoded key; undefined if it is not one of texts and numbers. */
function keyOf(bytes: Column | undefined): Key | undefined {
  if (!(bytes instanceof Uint8Array) || bytes.length === 0) return undefined;
  const key: (string | number)[] = [];
  for (let at = 0; at < bytes.length;) {
    const part = bytes[at] === STRING
      ? textAt(bytes, at + 1)
      : bytes[at] === DOUBLE
      ? numberAt(bytes, at + 1)
      : undefined;
    if (!part) return undefined;
    key.push(part.value);
    at = part.end;
  }
  return key;
}

function textAt(bytes: Uint8Array, start: number): { value: string; end: number } | undefined {
  const end = bytes.indexOf(END, start);
  // Keys of ours have no NUL, which would be escaped.
  if (end < 0 || bytes[end + 1] === ESCAPE) return undefined;
  try {
    return { value: decoder.decode(bytes.subarray(start, end)), end: end + 1 };
  } catch {
    return undefined;
  }
}

/** A double whose bits were turned so that bytes sort as numbers do. */
function numberAt(bytes: Uint8Array, start: number): { value: number; end: number } | undefined {
  const end = start + 8;
  if (end > bytes.length) return undefined;
  return { value: doubleOf(viewOf(bytes).getBigUint64(start)), end };
}

/** The bits of `number`, turned. */
export function bitsOf(number: number): bigint {
  turned.setFloat64(0, number);
  const bits = turned.getBigUint64(0);
  return bits >> 63n === 0n ? bits ^ SIGN : bits ^ ALL;
}

/** The number whose bits were turned. */
export function doubleOf(bits: bigint): number {
  const isPositive = bits >> 63n === 1n;
  turned.setBigUint64(0, isPositive ? bits ^ SIGN : bits ^ ALL);
  return turned.getFloat64(0);
}
