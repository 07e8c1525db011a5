/**
 * The lines of the audit log: JSON objects, one a line, whose members are documented in the README.
 *
 * @module
 */

import { JsonText, stringify } from "../state/json.ts";
import { isoTime } from "../state/replies.ts";
import type { Change } from "../state/store.ts";

/**
 * A change: who did what to what, when, from where, and why.
 *
 * @param values Whether what was stored is told, too.
 *
 * @example
 * ```ts
 * changeRecord(change, false);
 * // {"time":"..","revision":42,"operation":"set","scope":"a","key":"k","source":"mdp:00ab.."}
 * ```
 */
export function changeRecord(change: Change, values: boolean): string {
  const { timeMs, revision, operation, scope, key, source, note, value } = change;
  return stringify({
    time: isoTime(timeMs),
    revision,
    operation,
    scope,
    key,
    source,
    note,
    expires: isoTime(change.expiresMs),
    value: values && value !== undefined ? new JsonText(value) : undefined,
  });
}

/** The log was begun, or gone on with: changes since the one before belong to this history. */
export function openedRecord(
  timeMs: number,
  { program, epoch, revision }: {
    readonly program: string;
    readonly epoch: string;
    readonly revision: number;
  },
): string {
  return stringify({ time: isoTime(timeMs), event: "opened", program, epoch, revision });
}

/** So many records are missing here: the disk did not take them in time. */
export function lostRecord(timeMs: number, count: number): string {
  return stringify({ time: isoTime(timeMs), event: "lost", count });
}
