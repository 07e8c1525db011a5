/**
 * What a message on the bus means before anybody reads its JSON: which scope it is for, and where the
 * bodies are (PROTOCOL section 3). Pure.
 *
 * @module
 */

import { SCOPE_BYTES_MAX } from "../limits.ts";
import { sameBytes } from "../same_bytes.ts";

/** A message recognized: its scope as sent, undefined for bare JSON, and one body for each update. */
export interface Envelope {
  readonly scope: string | undefined;
  readonly bodies: readonly Uint8Array[];
}

/** Why a message is none of the three forms. */
export type EnvelopeFault = "not_an_update" | "invalid_scope";

/** `{`: what a body begins with and no scope contains. */
const BRACE = 0x7b;

/** Scopes remembered. */
const LATELY_MAX = 64;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Recognizes the three forms of an update, in this order: two or more frames are a scope and bodies;
 * one frame is a scope immediately followed by a JSON object, or bare JSON.
 *
 * @returns The envelope, or the reason why it is none. Never throws.
 *
 * @example
 * ```ts
 * openEnvelope([utf8('org.plantd.Test{"key":"foo","value":"1"}')]);
 * // { scope: "org.plantd.Test", bodies: [utf8('{"key":"foo","value":"1"}')] }
 * ```
 */
export function openEnvelope(frames: readonly Uint8Array[]): Envelope | EnvelopeFault {
  const [first, ...rest] = frames;
  if (first === undefined) return "not_an_update";
  if (rest.length > 0) return withScope(first, rest);
  const brace = first.indexOf(BRACE);
  if (brace < 0) return "not_an_update";
  if (brace === 0) return { scope: undefined, bodies: [first] };
  return withScope(first.subarray(0, brace), [first.subarray(brace)]);
}

function withScope(scope: Uint8Array, bodies: readonly Uint8Array[]): Envelope | EnvelopeFault {
  try {
    return { scope: textOf(scope), bodies };
  } catch {
    return "invalid_scope";
  }
}

/** Scopes decoded lately: a bus carries many updates of few, and to decode one takes longer than to compare. */
const lately: { readonly bytes: Uint8Array; readonly text: string }[] = [];

/** @throws {TypeError} When `scope` is not UTF-8. */
function textOf(scope: Uint8Array): string {
  const at = (scope.length * 31 + (scope.at(-1) ?? 0)) % LATELY_MAX;
  const known = lately[at];
  if (known && sameBytes(known.bytes, scope)) return known.text;
  const text = decoder.decode(scope);
  // A copy: the bytes share their memory with the whole message.
  if (scope.length <= SCOPE_BYTES_MAX) lately[at] = { bytes: scope.slice(), text };
  return text;
}
