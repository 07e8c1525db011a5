/**
 * Changes as they go over the wire: on the feed, and in the reply of `changes` (PROTOCOL section 4).
 *
 * @module
 */

import { pooledUtf8 } from "../byte_pool.ts";
import type { LoggedChange } from "./change_log.ts";
import { JsonText, stringify } from "./json.ts";
import { isoTime } from "./replies.ts";

/** Topic of heartbeats; no scope is empty, so no change has it. */
export const HEARTBEAT_TOPIC = "/";

/** The members of a change. Those of one scope and revision are numbered where there are several. */
export function changeMembers(change: LoggedChange): Readonly<Record<string, unknown>> {
  const { revision, previous, scope, key, operation, value, timeMs, source, note } = change;
  return {
    revision,
    previous,
    scope,
    key,
    operation,
    value: value === undefined ? undefined : new JsonText(value),
    time: isoTime(timeMs),
    source,
    source_time: isoTime(change.sourceTimeMs),
    expires: isoTime(change.expiresMs),
    note,
    ...(change.count > 1 ? { index: change.index, count: change.count } : {}),
  };
}

/** The two frames of a change on the feed. */
export function changeMessage(epoch: string, change: LoggedChange): Uint8Array[] {
  const topic = `${change.scope}/${change.key ?? ""}`;
  return [pooledUtf8(topic), pooledUtf8(stringify({ epoch, ...changeMembers(change) }))];
}

/** The two frames of a heartbeat on the feed. */
export function heartbeatMessage(
  { epoch, revision }: { readonly epoch: string; readonly revision: number },
): Uint8Array[] {
  return [pooledUtf8(HEARTBEAT_TOPIC), pooledUtf8(stringify({ epoch, revision }))];
}
