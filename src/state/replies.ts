/**
 * What a caller gets back: one JSON object for each JSON frame it sent (PROTOCOL section 2).
 *
 * @module
 */

import { pooledUtf8 } from "../byte_pool.ts";
import { messageOf, type PlantdError, wireCodeOf } from "../errors.ts";
import { JsonText, stringify } from "./json.ts";
import type { Entry, Version } from "./store.ts";

/** `members` as the bytes of a JSON object: the reply of `get` and `set`. */
export function flat(members: Readonly<Record<string, unknown>>): Uint8Array {
  return pooledUtf8(stringify(members));
}

/** `{"success":true,"data":...}`: the reply of everything else. */
export function success(data: Readonly<Record<string, unknown>>): Uint8Array {
  return flat({ success: true, data });
}

/**
 * `{"success":false,"error":"sentence","code":"..."}`.
 *
 * A revision_conflict tells the present `revision`, too. What is not of the wire contract is a fault of
 * ours: the caller learns that it happened, not how.
 */
export function failure(thrown: unknown): Uint8Array {
  const code = wireCodeOf(thrown);
  const error = code === "internal" ? "the service failed; its log says why" : messageOf(thrown);
  const conflict = code === "revision_conflict" ? (thrown as PlantdError).data : {};
  return flat({ success: false, error, code, ...conflict });
}

/** Milliseconds since 1970 as ISO 8601 in UTC; undefined, which a reply leaves out, stays so. */
export function isoTime(ms: number | undefined): string | undefined {
  if (ms === undefined || ms === lastTime.ms) return ms === undefined ? undefined : lastTime.text;
  lastTime = { ms, text: new Date(ms).toISOString() };
  return lastTime.text;
}

/** The changes of one commit have one time. */
let lastTime = { ms: 0, text: "1970-01-01T00:00:00.000Z" };

/** An entry as the members of a reply. */
export function entryMembers(
  key: string,
  entry: Pick<Entry, "value" | "revision" | "timeMs" | "sourceTimeMs" | "expiresMs">,
): Readonly<Record<string, unknown>> {
  return {
    key,
    value: new JsonText(entry.value),
    revision: entry.revision,
    time: isoTime(entry.timeMs),
    source_time: isoTime(entry.sourceTimeMs),
    expires: isoTime(entry.expiresMs),
  };
}

/** One of the values that a key has had, or that it was deleted, as members of a reply. */
export function versionMembers(version: Version): Readonly<Record<string, unknown>> {
  const { revision, value, timeMs, source, sourceTimeMs, note } = version;
  return {
    revision,
    operation: value === undefined ? "delete" : "set",
    value: value === undefined ? undefined : new JsonText(value),
    time: isoTime(timeMs),
    source,
    source_time: isoTime(sourceTimeMs),
    note,
  };
}

/** What else is known of an entry, for those who ask. */
export function entryDetails({ created, source, note }: Entry): Readonly<Record<string, unknown>> {
  return { created, source, note };
}
