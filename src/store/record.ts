/**
 * Records as they lie on disk: `<crc32 in 8 hex digits>:<header as JSON>\n<body>`, the checksum over the key
 * that the record lies under and all behind the colon; or with a blank in place of the colon, where the
 * key is not part of it: what builds before format 3 wrote, and records that name their key themselves.
 * Text, so that a person with a hex editor can still read what a damaged database holds; with a checksum,
 * because SQLite does not notice a flipped bit in a value.
 *
 * @module
 */

import zlib from "node:zlib";
import { pooledUtf8 } from "../byte_pool.ts";
import type { Transaction } from "../state/store.ts";

/** Bytes of the checksum and the sign behind it. */
const CHECKSUM_BYTES = 9;
const NEWLINE = 0x0a;
const BLANK = 0x20;
const COLON = 0x3a;
const DIGITS = "0123456789abcdef";
/**
 * From so many bytes on zlib takes part. Below it is little faster, and a start that finds nothing larger
 * does not wait for Node's zlib to load, which takes 50 ms.
 */
const ZLIB_BYTES_MIN = 1024;
/** No sum that is under way: those are whole numbers. */
const NOT_ASCII = 0.5;
/** The checksums of single bytes (RFC 1952, section 8). */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  return sum >>> 0;
});
/** The same of a byte with one, two and three zero bytes behind it: four bytes are summed up at once. */
const CRC_TABLE_1 = withZeroBehind(CRC_TABLE);
const CRC_TABLE_2 = withZeroBehind(CRC_TABLE_1);
const CRC_TABLE_3 = withZeroBehind(CRC_TABLE_2);
/** The value of each byte as a hex digit, -1 for all others. */
const HEX_DIGITS = Int8Array.from(
  { length: 256 },
  (_, byte) => DIGITS.indexOf(String.fromCharCode(byte)),
);

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** The parts of a key. */
type KeyParts = readonly (string | number)[];

/** A record taken apart. */
export interface Record<Header> {
  readonly header: Header;
  readonly body: Uint8Array;
}

/** Thrown for bytes that are not a record or whose checksum is not theirs. */
export class DamagedRecord extends Error {
  override readonly name = "DamagedRecord";
}

/**
 * Bytes of a record.
 *
 * @param header Anything JSON.stringify takes.
 * @param body UTF-8 text or bytes.
 * @param at The key it is going to lie under, where a record that lies under another one must not be read.
 *
 * @example
 * ```ts
 * encodeRecord({ r: 12 }, '"oof"', ["e", 1, "foo"]); // bytes of 'a0b1c2d3:{"r":12}\n"oof"'
 * ```
 */
export function encodeRecord(
  header: unknown,
  body: string | Uint8Array = "",
  at?: KeyParts,
): Uint8Array {
  const head = `00000000${at ? ":" : " "}${JSON.stringify(header)}\n`;
  const before = at ? keySum(at) : 0;
  if (typeof body === "string") return checked(pooledUtf8(head + body), before);
  return checked(concat(encoder.encode(head), body), before);
}

/**
 * Takes a record apart. The header's shape is as the checksum vouches for: the one it was written with.
 *
 * @param at The key that it lies under; must be given where it was given to {@link encodeRecord}.
 * @throws {DamagedRecord}
 */
export function decodeRecord<Header>(bytes: unknown, at?: KeyParts): Record<Header> {
  if (!(bytes instanceof Uint8Array) || bytes.length <= CHECKSUM_BYTES) {
    throw new DamagedRecord("a record is needed, found something else");
  }
  if (!hasItsChecksum(bytes, at)) throw new DamagedRecord("the checksum does not match");
  const end = bytes.indexOf(NEWLINE);
  if (end < 0) throw new DamagedRecord("the header has no end");
  const header = headerIn<Header>(() => decoder.decode(bytes.subarray(CHECKSUM_BYTES, end)));
  return { header, body: bytes.subarray(end + 1) };
}

/**
 * What {@link decodeRecord} does, for a record that was read as two texts, which takes half the time.
 *
 * @param at The key that it lies under.
 * @param head The first line, with its end.
 * @throws {DamagedRecord}
 *
 * @example
 * ```ts
 * decodeTexts(["e", 1, "foo"], 'a0b1c2d3:{"r":12}\n', '"oof"'); // { header: { r: 12 }, bodyBytes: 5 }
 * ```
 */
export function decodeTexts<Header>(
  at: KeyParts,
  head: string,
  body: string,
): { readonly header: Header; readonly bodyBytes: number } {
  const sign = head.charCodeAt(CHECKSUM_BYTES - 1) === COLON ? ":" : " ";
  const before = sign === ":" ? keySum(at) : 0;
  const sum = asciiCrc(asciiCrc(~before, head, CHECKSUM_BYTES), body, 0);
  if (sum === NOT_ASCII) {
    const { header, body: bytes } = decodeRecord<Header>(encoder.encode(head + body), at);
    return { header, bodyBytes: bytes.length };
  }
  const digits = (~sum >>> 0).toString(16).padStart(CHECKSUM_BYTES - 1, "0");
  if (!head.endsWith("\n") || !head.startsWith(digits + sign)) {
    throw new DamagedRecord("the checksum does not match");
  }
  return { header: headerIn<Header>(() => head.slice(CHECKSUM_BYTES)), bodyBytes: body.length };
}

function headerIn<Header>(text: () => string): Header {
  try {
    return JSON.parse(text()) as Header;
  } catch {
    throw new DamagedRecord("the header is not JSON");
  }
}

/** A short text that two different transactions hardly share. */
export function digestOf({ mutations, note = "" }: Transaction): string {
  const texts = mutations.map((mutation) => {
    const { value, keys, ...rest } = mutation as {
      value?: { text: string };
      keys?: ReadonlySet<string>;
    };
    return JSON.stringify([rest, value?.text, keys && [...keys]]);
  });
  const bytes = encoder.encode(`${note}\n${texts.join("\n")}`);
  return `${crc32(bytes).toString(16)}.${bytes.length}`;
}

/**
 * CRC-32 as gzip has it (RFC 1952, section 8).
 *
 * @param before That of what comes before `bytes`.
 */
export function crc32(bytes: Uint8Array, before = 0): number {
  if (bytes.length >= ZLIB_BYTES_MIN) return zlib.crc32(bytes, before);
  let sum = ~before;
  let i = 0;
  for (; i + 4 <= bytes.length; i += 4) {
    sum ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    sum = CRC_TABLE_3[sum & 0xff]! ^ CRC_TABLE_2[(sum >>> 8) & 0xff]! ^
      CRC_TABLE_1[(sum >>> 16) & 0xff]! ^ CRC_TABLE[sum >>> 24]!;
  }
  for (; i < bytes.length; i += 1) sum = CRC_TABLE[(sum ^ bytes[i]!) & 0xff]! ^ (sum >>> 8);
  return ~sum >>> 0;
}

/** Checksums of what `table` has those of, with a zero byte more behind it. */
function withZeroBehind(table: Uint32Array): Uint32Array {
  return table.map((sum) => CRC_TABLE[sum & 0xff]! ^ (sum >>> 8));
}

/** `sum` over what follows, too, or {@link NOT_ASCII}. */
function asciiCrc(sum: number, text: string, from: number): number {
  if (sum === NOT_ASCII) return NOT_ASCII;
  let seen = 0;
  for (let i = from; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    seen |= code;
    sum = CRC_TABLE[(sum ^ code) & 0xff]! ^ (sum >>> 8);
  }
  return seen < 0x80 ? sum : NOT_ASCII;
}

/** The checksum of a key, its parts one after another; without encoding it: there are many. */
function keySum(key: KeyParts): number {
  let sum = -1;
  for (const part of key) {
    const text = typeof part === "string" ? part : String(part);
    for (let i = 0; i < text.length; i += 1) {
      const unit = text.charCodeAt(i);
      sum = CRC_TABLE[(sum ^ unit) & 0xff]! ^ (sum >>> 8);
      if (unit > 0xff) sum = CRC_TABLE[(sum ^ (unit >>> 8)) & 0xff]! ^ (sum >>> 8);
    }
    // A part's end, which no key of ours has in it.
    sum = CRC_TABLE[sum & 0xff]! ^ (sum >>> 8);
  }
  return ~sum >>> 0;
}

/** `bytes` of a record, with their checksum put in. */
function checked(bytes: Uint8Array, before: number): Uint8Array {
  putChecksum(bytes, crc32(bytes.subarray(CHECKSUM_BYTES), before));
  return bytes;
}

/** Digit by digit: there are many records, and a text would have to be made and encoded for each. */
function putChecksum(bytes: Uint8Array, sum: number): void {
  for (let i = CHECKSUM_BYTES - 2; i >= 0; i -= 1) {
    bytes[i] = DIGITS.charCodeAt(sum & 0xf);
    sum >>>= 4;
  }
}

function hasItsChecksum(bytes: Uint8Array, at: KeyParts | undefined): boolean {
  let sum = 0;
  for (let i = 0; i < CHECKSUM_BYTES - 1; i += 1) {
    const digit = HEX_DIGITS[bytes[i]!]!;
    if (digit < 0) return false;
    sum = sum * 16 + digit;
  }
  const sign = bytes[CHECKSUM_BYTES - 1];
  if (sign !== BLANK && !(sign === COLON && at)) return false;
  const before = sign === COLON ? keySum(at!) : 0;
  return sum === crc32(bytes.subarray(CHECKSUM_BYTES), before);
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
