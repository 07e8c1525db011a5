/**
 * Replies of operations as HTTP answers: the same JSON, with a status that says how it went.
 *
 * @module
 */

import type { WireCode } from "../errors.ts";

/** The status of each failure. */
export const STATUS_OF: Readonly<Record<WireCode, number>> = {
  invalid_json: 400,
  invalid_request: 400,
  unknown_operation: 501,
  scope_exists: 409,
  scope_not_found: 404,
  key_not_found: 404,
  key_too_large: 400,
  value_too_large: 413,
  revision_conflict: 412,
  compacted: 410,
  quota_exceeded: 507,
  storage_full: 507,
  storage_unavailable: 503,
  unauthorized: 403,
  internal: 500,
};

const FAILURE = new TextEncoder().encode('{"success":false');
const decoder = new TextDecoder();

/**
 * The reply of an operation as an answer.
 *
 * @param tagged Whether the reply is of one entry, whose revision is the ETag.
 *
 * @example
 * ```ts
 * answerOf(utf8('{"success":false,"error":"..","code":"key_not_found"}')).status; // 404
 * ```
 */
export function answerOf(reply: Uint8Array, tagged = false): Response {
  const headers = new Headers({ "content-type": "application/json", "cache-control": "no-store" });
  if (FAILURE.every((byte, i) => reply[i] === byte)) {
    const { code } = JSON.parse(decoder.decode(reply)) as { code: WireCode };
    return new Response(new Uint8Array(reply), { status: STATUS_OF[code] ?? 500, headers });
  }
  if (tagged) {
    const { data } = JSON.parse(decoder.decode(reply)) as { data: { revision: number } };
    headers.set("etag", etagOf(data.revision));
    // A browser may keep it, and asks each time whether it is still so.
    headers.set("cache-control", "no-cache");
  }
  return new Response(new Uint8Array(reply), { headers });
}

/** A failure of HTTP's own, in the form of the operations' failures. */
export function refusal(status: number, code: WireCode, error: string): Response {
  return new Response(JSON.stringify({ success: false, error, code }), {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  });
}

/** A revision as an entity tag (RFC 9110 section 8.8.3). */
export function etagOf(revision: number): string {
  return `"${revision}"`;
}

/** The revision of one entity tag; undefined for anything else. */
export function revisionOf(tag: string): number | undefined {
  const digits = /^"(\d{1,15})"$/.exec(tag.trim())?.[1];
  return digits === undefined ? undefined : Number(digits);
}
