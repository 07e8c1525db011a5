/**
 * Scopes as they were at one moment, for callers that fetch them page by page while others write.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { PlantdError } from "../errors.ts";
import { LOAD_BYTES_MAX, SNAPSHOT_MS, SNAPSHOTS_MAX } from "../limits.ts";
import { NAME_CHAR_BYTES_MAX, pageOf } from "./sorted.ts";
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
    const view = this.#view(scope, query.revision);
    const { revision, entries, keys } = view;
    const { names, more } = pageOf(keys, query, (key) => bytesOf(key, entries), LOAD_BYTES_MAX);
    if (more && !this.#kept.has(nameOf(scope, revision))) this.#keep(scope, view);
    return { revision, entries: names.map((key) => [key, entries.get(key)!]), more };
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

  #keep(scope: string, view: ScopeView): void {
    const forgetAtMs = this.#clock.monotonic() + SNAPSHOT_MS;
    const snapshot = { ...view, entries: new Map(view.entries), forgetAtMs };
    this.#kept.set(nameOf(scope, view.revision), snapshot);
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

/** Bytes that UTF-8 makes of a character of a value, which is JSON already. */
const VALUE_CHAR_BYTES_MAX = 3;

function bytesOf(key: string, entries: ScopeView["entries"]): number {
  return key.length * NAME_CHAR_BYTES_MAX + entries.get(key)!.value.length * VALUE_CHAR_BYTES_MAX;
}
