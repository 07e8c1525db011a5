/**
 * Bytes of short texts that share larger chunks of memory, as those of Node's `Buffer` do: an array with
 * memory of its own takes ten times as long to make, and as long again to be collected.
 *
 * @module
 */

/** Bytes made at once. They stay as long as a text is kept that lies in them. */
const CHUNK_BYTES = 32 * 1024;
/** A longer text gets memory of its own, which leaves no chunk mostly unused. */
const TEXT_LENGTH_MAX = 4 * 1024;
/** What UTF-8 takes for a unit of UTF-16, at most. */
const BYTES_PER_UNIT = 3;

const encoder = new TextEncoder();
let free = new Uint8Array(0);

/**
 * UTF-8 of `text`. Nobody else has these bytes, but others share their `buffer`.
 *
 * @example
 * ```ts
 * pooledUtf8("10 °C"); // 6 bytes
 * ```
 */
export function pooledUtf8(text: string): Uint8Array<ArrayBuffer> {
  if (text.length > TEXT_LENGTH_MAX) return encoder.encode(text);
  if (free.length < BYTES_PER_UNIT * text.length) free = new Uint8Array(CHUNK_BYTES);
  const { written } = encoder.encodeInto(text, free);
  const bytes = free.subarray(0, written);
  free = free.subarray(written);
  return bytes;
}
