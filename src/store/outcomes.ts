/**
 * What the transactions of one commit come to.
 *
 * @module
 */

import type { Take, Waiting } from "./commit_queue.ts";
import type { CommitSize } from "./commit_size.ts";
import type { Draft } from "./draft.ts";
import type { Applied } from "./draft_types.ts";

/**
 * What transactions may share one commit. Deno KV takes 1000 records, 81,920 bytes of keys, and 819,200
 * bytes in which it counts keys twice; some of each is left for records of the disk's own.
 */
const COMMIT_MAX: CommitSize = { records: 900, keyBytes: 70_000, bytes: 600_000 };

/** What one transaction came to; a refusal holds only if the commit does, it may rest on it. */
export interface Outcome {
  readonly waiting: Waiting;
  readonly applied?: Applied;
  readonly refusal?: unknown;
}

/** Applies transactions to `draft` until it is full or none waits. */
export function fill(draft: Draft, take: Take): Outcome[] {
  const outcomes: Outcome[] = [];
  let bytes = 0;
  let keyBytes = 0;
  for (;;) {
    const waiting = take(({ size }) =>
      outcomes.length === 0 ||
      (bytes + draft.history.bytes + size.bytes <= COMMIT_MAX.bytes &&
        keyBytes + size.keyBytes <= COMMIT_MAX.keyBytes &&
        draft.recordsTouched + size.records <= COMMIT_MAX.records)
    );
    if (!waiting) return outcomes;
    bytes += waiting.size.bytes;
    keyBytes += waiting.size.keyBytes;
    outcomes.push(applied(draft, waiting));
  }
}

/** Applies one transaction to `draft`. */
export function applied(draft: Draft, waiting: Waiting): Outcome {
  try {
    return { waiting, applied: draft.apply(waiting.transaction) };
  } catch (refusal) {
    return { waiting, refusal };
  }
}

/** Whether a transaction only takes away. */
export function isFreeing({ waiting: { transaction: { mutations } } }: Outcome): boolean {
  return mutations.every(({ kind }) => FREEING.includes(kind));
}

const FREEING: readonly string[] = ["delete", "delete-scope", "expire", "expect-scope"];

/** Tells the callers what their transactions came to, once that is on disk. */
export function answerAll(outcomes: readonly Outcome[]): void {
  for (const { waiting, applied, refusal } of outcomes) {
    if (applied) waiting.settler.resolve({ revision: applied.revision, timeMs: applied.timeMs });
    else waiting.settler.reject(refusal);
  }
}

/** Tells the callers that the commit failed. */
export function rejectAll(outcomes: readonly Outcome[], error: unknown): void {
  for (const { waiting } of outcomes) waiting.settler.reject(error);
}
