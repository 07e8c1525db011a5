/**
 * Archives that are the same bytes on every machine: no owner, no time, entries in the order given.
 *
 * @module
 */

import type { Part } from "./parts.ts";

/** Everything in an archive comes in blocks of this many bytes (POSIX pax, "ustar Interchange Format"). */
const BLOCK_BYTES = 512;
/** Longest path that needs no prefix field. */
const PATH_BYTES_MAX = 100;

/**
 * A ustar archive of files; the directories they lie in come to be as they are unpacked.
 *
 * @throws {Error} When a path is too long for the format.
 */
export function tar(parts: readonly Part[]): Uint8Array {
  const blocks = parts.flatMap(({ path, mode, bytes }) => [
    header(path, mode, bytes.length),
    bytes,
    new Uint8Array(-bytes.length & (BLOCK_BYTES - 1)),
  ]);
  return concat([...blocks, new Uint8Array(2 * BLOCK_BYTES)]);
}

/** All of them, one behind the other. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function header(path: string, mode: number, size: number): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  const put = (offset: number, text: string) => block.set(new TextEncoder().encode(text), offset);
  if (new TextEncoder().encode(path).length > PATH_BYTES_MAX) {
    throw new Error(`${path}: a path of at most ${PATH_BYTES_MAX} bytes is needed`);
  }
  put(0, path);
  put(100, octal(mode, 7));
  put(108, octal(0, 7)); // owner
  put(116, octal(0, 7)); // group
  put(124, octal(size, 11));
  put(136, octal(0, 11)); // time
  put(148, " ".repeat(8)); // the checksum counts itself as blanks
  put(156, "0"); // a file
  put(257, "ustar\0" + "00");
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, `${octal(sum, 6)}\0 `);
  return block;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}
