/**
 * The changes of the recent past, from which a watcher that missed some gets them. In memory: it begins
 * anew with each start of the service, and a watcher that was up to date then still is.
 *
 * @module
 */

import { PlantdError } from "../errors.ts";
import { CHANGE_LOG_BYTES_MAX, CHANGES_PAGE_BYTES_MAX } from "../limits.ts";
import { firstIndex } from "./sorted.ts";
import type { Change, StoreStatus } from "./store.ts";

/** A change, and where it stands among the changes of its scope with the same revision. */
export interface LoggedChange extends Change {
  /** From 0; a revision is complete with `count - 1`. */
  readonly index: number;
  readonly count: number;
}

/** What is asked for. */
export interface ChangesQuery {
  /** Only later revisions. */
  readonly since: number;
  /** Only changes of this scope. */
  readonly scope?: string;
  /** The history that `since` is of; the present one by default. */
  readonly epoch?: string;
  /** About so many; a revision is never cut. */
  readonly limit: number;
}

/** Changes in order of revision. */
export interface ChangesPage {
  readonly changes: readonly LoggedChange[];
  /** Everything up to this revision is told. */
  readonly revision: number;
  /** True when later ones follow; ask again with `since` the page's revision. */
  readonly more: boolean;
}

/** Bytes a change takes beside its texts, and what a character of them takes. */
const OVERHEAD_BYTES = 256;
const CHAR_BYTES = 2;

/**
 * Numbers the changes of one commit within their revision and scope.
 *
 * @param changes In order of revision, whole revisions.
 */
export function numbered(changes: readonly Change[]): LoggedChange[] {
  const logged: LoggedChange[] = [];
  for (let i = 0; i < changes.length;) {
    const { revision } = changes[i]!;
    let end = i + 1;
    while (changes[end]?.revision === revision) end += 1;
    // Most revisions are one change, and there are many.
    if (end === i + 1) logged.push({ ...changes[i]!, index: 0, count: 1 });
    else logged.push(...numberedWithin(changes.slice(i, end)));
    i = end;
  }
  return logged;
}

/** Numbers the changes of one revision within their scopes. */
function numberedWithin(changes: readonly Change[]): LoggedChange[] {
  const counts = new Map<string, number>();
  const indexed = changes.map((change) => {
    const index = counts.get(change.scope) ?? 0;
    counts.set(change.scope, index + 1);
    return { change, index };
  });
  return indexed.map(({ change, index }) => ({
    ...change,
    index,
    count: counts.get(change.scope)!,
  }));
}

/**
 * Remembers changes, the latest ones up to a number and a size.
 *
 * @example
 * ```ts
 * const log = new ChangeLog(store.status(), 100_000);
 * store.watch((changes) => log.add(numbered(changes)));
 * log.page({ since: 41, scope: "org.plantd.Test", limit: 1000 });
 * ```
 */
export class ChangeLog {
  readonly #epoch: string;
  readonly #countMax: number;
  readonly #bytesMax: number;
  readonly #changes: LoggedChange[] = [];
  /** Index of the first that is remembered. */
  #head = 0;
  #bytes = 0;
  /** Everything behind this revision is remembered. */
  #compacted: number;
  #revision: number;

  /**
   * @param start Where the store is now.
   * @param countMax Changes remembered at most; a commit is forgotten whole.
   */
  constructor(
    start: Pick<StoreStatus, "epoch" | "revision">,
    countMax: number,
    bytesMax: number = CHANGE_LOG_BYTES_MAX,
  ) {
    this.#epoch = start.epoch;
    this.#compacted = start.revision;
    this.#revision = start.revision;
    this.#countMax = countMax;
    this.#bytesMax = bytesMax;
  }

  /** Adds the changes of a commit, in order of revision. */
  add(changes: readonly LoggedChange[]): void {
    for (const change of changes) {
      this.#changes.push(change);
      this.#bytes += sizeOf(change);
      this.#revision = change.revision;
    }
    while (this.#isOver()) this.#forgetRevision();
    // What is forgotten piles up in front of the head; cut off now and then, not each time.
    if (this.#head > 1000 && this.#head > this.#changes.length / 2) {
      this.#changes.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /**
   * Changes after a revision.
   *
   * @throws {PlantdError} `compacted` when not all of them are remembered, or `since` is of another
   * history: load anew.
   */
  page({ since, scope, epoch = this.#epoch, limit }: ChangesQuery): ChangesPage {
    if (epoch !== this.#epoch || since > this.#revision) {
      throw new PlantdError(
        "compacted",
        `revision ${since} is of another history (epoch ${epoch}, now ${this.#epoch}); load anew`,
      );
    }
    if (since < this.#compacted) {
      throw new PlantdError(
        "compacted",
        `changes after revision ${since} are no longer all known, those after ${this.#compacted} are; ` +
          "load anew",
      );
    }
    const found: LoggedChange[] = [];
    let bytes = 0;
    // What is forgotten is older than that, too.
    const from = firstIndex(this.#changes, ({ revision }) => revision > since);
    for (let i = from; i < this.#changes.length; i += 1) {
      const change = this.#changes[i]!;
      if (scope !== undefined && change.scope !== scope) continue;
      const last = found.at(-1);
      const isFull = found.length >= limit || bytes >= CHANGES_PAGE_BYTES_MAX;
      if (last && isFull && change.revision !== last.revision) {
        return { changes: found, revision: last.revision, more: true };
      }
      found.push(change);
      bytes += sizeOf(change);
    }
    return { changes: found, revision: this.#revision, more: false };
  }

  #isOver(): boolean {
    const count = this.#changes.length - this.#head;
    return count > 0 && (count > this.#countMax || this.#bytes > this.#bytesMax);
  }

  #forgetRevision(): void {
    const { revision } = this.#changes[this.#head]!;
    this.#compacted = revision;
    while (this.#changes[this.#head]?.revision === revision) {
      this.#bytes -= sizeOf(this.#changes[this.#head]!);
      this.#head += 1;
    }
  }
}

function sizeOf({ scope, key = "", value = "", note = "", source }: Change): number {
  const chars = scope.length + key.length + value.length + note.length + source.length;
  return OVERHEAD_BYTES + chars * CHAR_BYTES;
}
