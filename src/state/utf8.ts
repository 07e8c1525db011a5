/**
 * How many bytes a text takes on the wire and on disk.
 *
 * @module
 */

const encoder = new TextEncoder();

/** UTF-8 length of `text` in bytes. */
export function utf8Bytes(text: string): number {
  // Every UTF-16 code unit is at most three bytes, so short texts of ASCII need no encoding.
  return isAscii(text) ? text.length : encoder.encode(text).length;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}
