/**
 * What may be the name of a scope and of a key (PROTOCOL section 2, limits).
 *
 * @module
 */

import { PlantdError } from "../errors.ts";
import { KEY_BYTES_MAX, SCOPE_BYTES_MAX } from "../limits.ts";
import { kindOf } from "./json.ts";
import { utf8Bytes } from "./utf8.ts";

/**
 * Control characters and white space make names that nobody can see or type; comma, quotes, `{` and
 * `/` are what envelopes, topics and JSON around a scope are recognized by.
 */
// deno-lint-ignore no-control-regex
const SCOPE_FORBIDDEN = /[\u0000-\u001f\u007f-\u009f\s,'"`{/]/u;

/**
 * `name` as a scope name: 1 to {@link SCOPE_BYTES_MAX} bytes of UTF-8 without control characters, white
 * space, comma, quotes, `{` or `/`.
 *
 * @throws {PlantdError} `invalid_request` that names the field `service`.
 *
 * @example
 * ```ts
 * scopeName("org.plantd.Jupyter"); // "org.plantd.Jupyter"
 * ```
 */
export function scopeName(name: unknown): string {
  if (typeof name !== "string") {
    throw invalid("service", `a scope name is needed, found ${kindOf(name)}`);
  }
  if (name === "") throw invalid("service", "a scope name is needed, found an empty string");
  const size = utf8Bytes(name);
  if (size > SCOPE_BYTES_MAX) {
    throw invalid("service", `a scope name has at most ${SCOPE_BYTES_MAX} bytes, found ${size}`);
  }
  if (SCOPE_FORBIDDEN.test(name)) {
    throw invalid(
      "service",
      "a scope name has no control characters, white space, comma, quotes, { or /",
    );
  }
  if (!name.isWellFormed()) {
    throw invalid("service", "a scope name is well-formed Unicode, found half a pair");
  }
  return name;
}

/**
 * `name` as a key: 1 to {@link KEY_BYTES_MAX} bytes of UTF-8, any text without NUL.
 *
 * @throws {PlantdError} `invalid_request` that names the field `key`, or `key_too_large`.
 */
export function keyName(name: unknown): string {
  if (typeof name !== "string") throw invalid("key", `a string is needed, found ${kindOf(name)}`);
  if (name === "") throw invalid("key", "a key is needed, found an empty string");
  const size = utf8Bytes(name);
  if (size > KEY_BYTES_MAX) {
    throw new PlantdError(
      "key_too_large",
      `field "key": a key has at most ${KEY_BYTES_MAX} bytes, found ${size}`,
      { data: { bytes: size, bytesMax: KEY_BYTES_MAX } },
    );
  }
  if (name.includes("\0")) throw invalid("key", "a key has no NUL character");
  if (!name.isWellFormed()) throw invalid("key", "a key is well-formed Unicode, found half a pair");
  return name;
}

/** An `invalid_request` that names `field`. */
export function invalid(field: string, sentence: string): PlantdError {
  return new PlantdError("invalid_request", `field "${field}": ${sentence}`, { data: { field } });
}
