/**
 * Scopes as they were at one moment, for callers that fetch them page by page while others write.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { PlantdError } from "../errors.ts";
import { LOAD_BYTES_MAX, SNAPSHOT_MS, SNAPSHOTS_MAX } from "../limits.ts";
import type { Entry, ListQuery, ScopeView, StateReader } from "./store.ts";

/** What to load. */
export interface LoadQuery extends ListQuery {
  /** The snapshot that an earlier page was of; the present otherwise. */
  readonly revision?: number;
}

/** One page of a scope. */
export interface LoadPage {
  /** Revision of the scope's last change: the name of the snapshot. */
  readonly revision: number;
  readonly entries: readonly (readonly [key: string, entry: Entry])[];
  /** True when more follow in the same snapshot. */
  readonly more: boolean;
}

interface Snapshot extends ScopeView {
  /** Sorted. */
  readonly keys: readonly string[];
  readonly forgetAtMs: number;
}

/**
 * Keeps the snapshots that are being paged through, for a minute and a few of them; a scope that nobody
 * has changed since needs none.
 *
 * @example
 * ```ts
 * const first = snapshots.page("org.plantd.Test", { limit: 1000 });
 * const second = snapshots.page("org.plantd.Test", { limit: 1000, after, revision: first.revision });
 * ```
 */
export class Snapshots {
  readonly #store: StateReader;
  readonly #clock: Clock;
  readonly #kept = new Map<string, Snapshot>();

  constructor(store: StateReader, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /**
   * A page of `scope`.
   *
   * @throws {PlantdError} `scope_not_found`; `revision_conflict` when the scope has changed since and the
   * snapshot is no longer there.
   */
  page(scope: string, query: LoadQuery): LoadPage {
    const { entries, revision } = this.#view(scope, query.revision);
    const kept = this.#kept.get(nameOf(scope, revision));
    const keys = kept?.keys ?? sortedKeys(entries);
    const page = pageOf({ entries, revision }, keys, query);
    if (page.more && !kept) this.#keep(scope, { revision, entries: new Map(entries), keys });
    return page;
  }

  #view(scope: string, revision: number | undefined): ScopeView {
    this.#forgetOld();
    if (revision !== undefined) {
      const kept = this.#kept.get(nameOf(scope, revision));
      if (kept) return kept;
    }
    const present = this.#store.view(scope);
    if (revision === undefined || revision === present.revision) return present;
    throw new PlantdError(
      "revision_conflict",
      `scope "${scope}" has changed since revision ${revision}, of which no snapshot is kept; load anew`,
      { data: { revision: present.revision } },
    );
  }

  #keep(scope: string, snapshot: ScopeView & { keys: readonly string[] }): void {
    const forgetAtMs = this.#clock.monotonic() + SNAPSHOT_MS;
    this.#kept.set(nameOf(scope, snapshot.revision), { ...snapshot, forgetAtMs });
    if (this.#kept.size > SNAPSHOTS_MAX) this.#kept.delete(this.#kept.keys().next().value!);
  }

  #forgetOld(): void {
    const nowMs = this.#clock.monotonic();
    for (const [name, { forgetAtMs }] of this.#kept) {
      if (forgetAtMs <= nowMs) this.#kept.delete(name);
    }
  }
}

function nameOf(scope: string, revision: number): string {
  return `${revision}/${scope}`;
}

function sortedKeys(entries: ScopeView["entries"]): string[] {
  return [...entries.keys()].sort();
}

/** Bytes that JSON and UTF-8 make of a character of a key, and of a value that is JSON already. */
const KEY_CHAR_BYTES_MAX = 6;
const VALUE_CHAR_BYTES_MAX = 3;

function pageOf(
  { entries, revision }: ScopeView,
  keys: readonly string[],
  { prefix = "", after, limit }: LoadQuery,
): LoadPage {
  const page: [string, Entry][] = [];
  let bytes = 0;
  for (const key of keys) {
    if (!key.startsWith(prefix) || (after !== undefined && key <= after)) continue;
    if (page.length === limit || bytes >= LOAD_BYTES_MAX) {
      return { revision, entries: page, more: true };
    }
    const entry = entries.get(key)!;
    bytes += key.length * KEY_CHAR_BYTES_MAX + entry.value.length * VALUE_CHAR_BYTES_MAX;
    page.push([key, entry]);
  }
  return { revision, entries: page, more: false };
}
