/**
 * Records as they lie on disk: `<crc32 in 8 hex digits> <header as JSON>\n<body>`. Text, so that a
 * person with a hex editor can still read what a damaged database holds; with a checksum, because
 * SQLite does not notice a flipped bit in a value.
 *
 * @module
 */

import zlib from "node:zlib";
import type { Transaction } from "../state/store.ts";

/** Bytes of the checksum and the blank behind it. */
const CHECKSUM_BYTES = 9;
const NEWLINE = 0x0a;
const BLANK = 0x20;
const DIGITS = "0123456789abcdef";
/**
 * From so many bytes on zlib takes part. Below it is no faster, and a start that finds nothing larger does
 * not wait for Node's zlib to load, which takes 50 ms.
 */
const ZLIB_BYTES_MIN = 1024;
/** What a checksum begins with, inverted at its end. */
const CRC_START = -1;
/** No sum that is under way: those are whole numbers. */
const NOT_ASCII = 0.5;
/** The checksums of single bytes (RFC 1952, section 8). */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  return sum >>> 0;
});
/** The value of each byte as a hex digit, -1 for all others. */
const HEX_DIGITS = Int8Array.from(
  { length: 256 },
  (_, byte) => DIGITS.indexOf(String.fromCharCode(byte)),
);

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

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
 *
 * @example
 * ```ts
 * encodeRecord({ r: 12 }, '"oof"'); // bytes of 'a0b1c2d3 {"r":12}\n"oof"'
 * ```
 */
export function encodeRecord(header: unknown, body: string | Uint8Array = ""): Uint8Array {
  const head = `00000000 ${JSON.stringify(header)}\n`;
  const bytes = typeof body === "string"
    ? encoder.encode(head + body)
    : concat(encoder.encode(head), body);
  putChecksum(bytes);
  return bytes;
}

/**
 * Takes a record apart. The header's shape is as the checksum vouches for: the one it was written with.
 *
 * @throws {DamagedRecord}
 */
export function decodeRecord<Header>(bytes: unknown): Record<Header> {
  if (!(bytes instanceof Uint8Array) || bytes.length <= CHECKSUM_BYTES) {
    throw new DamagedRecord("a record is needed, found something else");
  }
  if (!hasItsChecksum(bytes)) throw new DamagedRecord("the checksum does not match");
  const end = bytes.indexOf(NEWLINE);
  if (end < 0) throw new DamagedRecord("the header has no end");
  const header = headerIn<Header>(() => decoder.decode(bytes.subarray(CHECKSUM_BYTES, end)));
  return { header, body: bytes.subarray(end + 1) };
}

/**
 * What {@link decodeRecord} does, for a record that was read as two texts, which takes half the time.
 *
 * @param head The first line, with its end.
 * @throws {DamagedRecord}
 *
 * @example
 * ```ts
 * decodeTexts('a0b1c2d3 {"r":12}\n', '"oof"'); // { header: { r: 12 }, bodyBytes: 5 }
 * ```
 */
export function decodeTexts<Header>(
  head: string,
  body: string,
): { readonly header: Header; readonly bodyBytes: number } {
  const sum = asciiCrc(asciiCrc(CRC_START, head, CHECKSUM_BYTES), body, 0);
  if (sum === NOT_ASCII) {
    const { header, body: bytes } = decodeRecord<Header>(encoder.encode(head + body));
    return { header, bodyBytes: bytes.length };
  }
  const digits = (~sum >>> 0).toString(16).padStart(CHECKSUM_BYTES - 1, "0");
  if (!head.endsWith("\n") || !head.startsWith(`${digits} `)) {
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

/** CRC-32 as gzip has it (RFC 1952, section 8). */
export function crc32(bytes: Uint8Array): number {
  if (bytes.length >= ZLIB_BYTES_MIN) return zlib.crc32(bytes);
  let sum = CRC_START;
  for (let i = 0; i < bytes.length; i += 1) {
    sum = CRC_TABLE[(sum ^ bytes[i]!) & 0xff]! ^ (sum >>> 8);
  }
  return ~sum >>> 0;
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

/** Digit by digit: there are many records, and a text would have to be made and encoded for each. */
function putChecksum(bytes: Uint8Array): void {
  let sum = crc32(bytes.subarray(CHECKSUM_BYTES));
  for (let i = CHECKSUM_BYTES - 2; i >= 0; i -= 1) {
    bytes[i] = DIGITS.charCodeAt(sum & 0xf);
    sum >>>= 4;
  }
}

function hasItsChecksum(bytes: Uint8Array): boolean {
  let sum = 0;
  for (let i = 0; i < CHECKSUM_BYTES - 1; i += 1) {
    const digit = HEX_DIGITS[bytes[i]!]!;
    if (digit < 0) return false;
    sum = sum * 16 + digit;
  }
  return bytes[CHECKSUM_BYTES - 1] === BLANK && sum === crc32(bytes.subarray(CHECKSUM_BYTES));
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
