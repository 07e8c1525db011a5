/**
 * What a commit in the making does with keys, each within its scope.
 *
 * @module
 */

import { DELETED_KEYS_MAX } from "../limits.ts";
import type { Change, Mutation } from "../state/store.ts";
import { type DraftHistory, INLINE_BYTES_MIN, type Succession } from "./draft_history.ts";
import type { DraftScope, DraftStart, Stamp, Undo } from "./draft_types.ts";
import { type Last, living, type StoredEntry, type Writable } from "./mirror.ts";
import { boundDeletions, boundScope, expectKey } from "./refusals.ts";

/** A mutation of one kind. */
type Of<Kind extends Mutation["kind"]> = Extract<Mutation, { kind: Kind }>;

/** What of a deletion matters within its scope. */
type Deletion = Pick<Of<"delete">, "scope" | "key" | "ifRevision">;

/** Deleted keys forgotten for each new one: two, so that too many become fewer. */
const FORGOTTEN_PER_DELETION = 2;

/** What JSON writes with more bytes than UTF-8: a record with such a key in it may be long. */
// deno-lint-ignore no-control-regex
const NEEDS_ESCAPES = /[\u0000-\u001f"\\]/;

/** Writes keys into the scopes of one draft. */
export class DraftKeys {
  readonly #start: Pick<DraftStart, "timeMs" | "monotonicMs">;
  readonly #history: DraftHistory;
  readonly #undo: Undo;
  #recordsTouched = 0;

  /** @param undo Gets what takes each step back. */
  constructor(
    start: Pick<DraftStart, "timeMs" | "monotonicMs">,
    history: DraftHistory,
    undo: Undo,
  ) {
    this.#start = start;
    this.#history = history;
    this.#undo = undo;
  }

  /** Upper bound of the keys' records that the commit will write or delete. */
  get recordsTouched(): number {
    return this.#recordsTouched;
  }

  /** @throws {PlantdError} `quota_exceeded`. */
  set(draft: DraftScope, mutation: Of<"set">, stamp: Stamp): Change {
    const { scope, key, value: { text: value, bytes: valueBytes }, sourceTimeMs } = mutation;
    const { revision, timeMs, source, note } = stamp;
    const before = living(draft.last(key));
    const ttlMs = mutation.ttlMs ?? draft.options.ttlMs;
    const isSmall = valueBytes <= INLINE_BYTES_MIN && !NEEDS_ESCAPES.test(key);
    const { past, at } = this.#succeed(draft, key, stamp, isSmall);
    const created = before?.created ?? revision;
    const { keys, bytes } = draft;
    // Put together piece by piece: there are many, and spreading costs more than all else.
    const entry: Writable<StoredEntry> = { value, valueBytes, revision, created, timeMs, source };
    if (sourceTimeMs !== undefined) entry.sourceTimeMs = sourceTimeMs;
    if (note !== undefined) entry.note = note;
    if (past) entry.past = past;
    if (at !== undefined) entry.at = at;
    if (ttlMs !== 0) {
      entry.expiresMs = timeMs + ttlMs;
      entry.deadlineMs = this.#start.monotonicMs + ttlMs;
    }
    this.#put(draft, key, entry);
    boundScope(draft, { keys, bytes });
    const previous = draft.touch(revision, this.#undo);
    const operation = "set";
    const change: Writable<Change> = {
      revision,
      previous,
      timeMs,
      source,
      scope,
      operation,
      key,
      value,
    };
    if (sourceTimeMs !== undefined) change.sourceTimeMs = sourceTimeMs;
    if (note !== undefined) change.note = note;
    if (entry.expiresMs !== undefined) change.expiresMs = entry.expiresMs;
    return change;
  }

  /** Nothing when there is no such key. */
  delete(draft: DraftScope, mutation: Deletion, stamp: Stamp): Change[] {
    const { scope, key } = mutation;
    const before = living(draft.last(key));
    expectKey(mutation, before);
    if (!before) return [];
    const { past } = this.#succeed(draft, key, stamp, false);
    if (draft.options.history === 0) {
      this.#put(draft, key, undefined);
      if (draft.mark(this.#undo)) this.#recordsTouched += 1;
    } else {
      const deleted = this.#history.newNumber(false);
      this.#put(draft, key, { deleted, ...stamp, ...(past ? { past } : {}) });
      this.#forgetOld(draft);
    }
    const previous = draft.touch(stamp.revision, this.#undo);
    return [{ ...stamp, previous, scope, operation: "delete", key }];
  }

  /** Nothing when the entry is another one by now. */
  expire(draft: DraftScope, { scope, key, revision }: Of<"expire">, stamp: Stamp): Change[] {
    const entry = living(draft.last(key));
    return entry?.revision === revision ? this.delete(draft, { scope, key }, stamp) : [];
  }

  /** @throws {PlantdError} `invalid_request` when there are too many others. */
  keepOnly(draft: DraftScope, { scope, keys }: Of<"keep-only">, stamp: Stamp): Change[] {
    const present = [...new Set([...draft.scope.entries.keys(), ...draft.puts.keys()])];
    const others = present.filter((key) => !keys.has(key) && living(draft.last(key)));
    boundDeletions(scope, others);
    return others.flatMap((key) => this.delete(draft, { scope, key }, stamp));
  }

  /** What was the last of `key` becomes its past. */
  #succeed(
    draft: DraftScope,
    key: string,
    { revision }: Stamp,
    isSmall: boolean,
  ): Succession {
    const { scope: { id: scopeId }, options: { history: kept } } = draft;
    const last = draft.last(key);
    return this.#history.succeed({ scopeId, key, last, revision, kept, isSmall, undo: this.#undo });
  }

  /** Forgets the oldest of the deleted keys where there are too many, or where they are too old. */
  #forgetOld(draft: DraftScope): void {
    const { scope: { deleted }, options: { historyMs }, forgotten, puts } = draft;
    draft.deleted += 1;
    this.#undo.push(() => draft.deleted -= 1);
    let tooMany = deleted.size - forgotten.size + draft.deleted - DELETED_KEYS_MAX;
    let count = 0;
    for (const [key, tombstone] of deleted) {
      if (puts.has(key) || forgotten.has(key)) continue;
      const isOld = historyMs > 0 && tombstone.timeMs < this.#start.timeMs - historyMs;
      if ((tooMany <= 0 && !isOld) || count === FORGOTTEN_PER_DELETION) return;
      forgotten.add(key);
      this.#undo.push(() => forgotten.delete(key));
      this.#history.forget(tombstone, this.#undo);
      tooMany -= 1;
      count += 1;
    }
  }

  #put(draft: DraftScope, key: string, last: Last | undefined): void {
    // The key's record, and that of what is left of it when it is deleted.
    this.#recordsTouched += last && !living(last) ? 2 : 1;
    draft.put(key, last, this.#undo);
  }
}
