/**
 * Names and addresses as bytes: service names are printable text, peer addresses are not text at
 * all.
 *
 * @module
 */

import { SERVICE_NAME_BYTES_MAX } from "../limits.ts";

const encoder = new TextEncoder();
// `ignoreBOM`: a leading U+FEFF is part of the name, it must not vanish.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}]/u;

/** UTF-8 bytes of `text`. */
export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}

/**
 * The service name in `frame` (RFC 7: a printable string), or undefined when it is none: empty, too
 * long, not UTF-8, or with control characters.
 *
 * @example
 * ```ts
 * decodeServiceName(new TextEncoder().encode("org.plantd.State")); // "org.plantd.State"
 * decodeServiceName(Uint8Array.of(0)); // undefined
 * ```
 */
export function decodeServiceName(frame: Uint8Array): string | undefined {
  const { length } = frame;
  if (length === 0 || length > SERVICE_NAME_BYTES_MAX) return undefined;
  for (let i = 0; i < length; i += 1) {
    const byte = frame[i]!;
    if (byte < 0x20 || byte === 0x7f) return undefined;
    if (byte > 0x7f) return decodeUnicode(frame);
  }
  return latin1(frame);
}

/** True when `name` can be the name of a service. */
export function isServiceName(name: string): boolean {
  // A lone surrogate would come back as another name.
  return name.isWellFormed() && decodeServiceName(encodeText(name)) === name;
}

/**
 * A peer's address as a string, one character for each byte: the cheapest key for a Map. It is not
 * text and is never shown.
 */
export function latin1(bytes: Uint8Array): string {
  // libzmq's own addresses have five bytes; `apply` takes a tenth of a microsecond longer.
  return bytes.length === 5
    ? String.fromCharCode(bytes[0]!, bytes[1]!, bytes[2]!, bytes[3]!, bytes[4]!)
    : String.fromCharCode.apply(null, bytes as unknown as number[]);
}

function decodeUnicode(frame: Uint8Array): string | undefined {
  try {
    const name = decoder.decode(frame);
    return UNPRINTABLE.test(name) ? undefined : name;
  } catch {
    return undefined;
  }
}
