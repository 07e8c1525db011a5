/**
 * How the scopes have been changing, for people who look.
 *
 * @module
 */

import type { ScopeOverview } from "../http/ports.ts";
import type { Activity } from "../state/context.ts";
import type { StateReader, Store } from "../state/store.ts";

/**
 * When each scope last changed, and how often: watched since the start, and before that from its entries.
 *
 * @example
 * ```ts
 * const recency = new Recency(store);
 * recency.of("org.plantd.Test"); // { changedMs: 1795550400000, changes: 3 }
 * ```
 */
export class Recency {
  readonly #reader: StateReader;
  readonly #changedMs = new Map<string, number>();
  readonly #changes = new Map<string, number>();

  /** @param store Watched from now on. */
  constructor(store: Store) {
    this.#reader = store;
    store.watch((changes) => {
      for (const { scope, operation, timeMs } of changes) {
        if (operation === "delete-scope") {
          this.#changedMs.delete(scope);
          this.#changes.delete(scope);
        } else {
          this.#changedMs.set(scope, timeMs);
          this.#changes.set(scope, (this.#changes.get(scope) ?? 0) + 1);
        }
      }
    });
  }

  /** @throws {PlantdError} `scope_not_found`. */
  of(scope: string): Activity {
    const changedMs = this.#changedMs.get(scope) ??
      newest(this.#reader.view(scope).entries.values());
    // Looking through a large scope takes a while: once.
    if (changedMs !== undefined) this.#changedMs.set(scope, changedMs);
    return { changedMs, changes: this.#changes.get(scope) ?? 0 };
  }

  /** What each of `scopes` holds; those that do not exist are left out. */
  overview(scopes: readonly string[]): ScopeOverview[] {
    return scopes.filter((scope) => this.#reader.hasScope(scope)).map((scope) => {
      const { keys, revision } = this.#reader.scopeStats(scope)!;
      const { changedMs } = this.of(scope);
      return {
        scope,
        keys,
        revision,
        ...(changedMs === undefined ? {} : { changedMs }),
      };
    });
  }
}

function newest(entries: Iterable<{ readonly timeMs: number }>): number | undefined {
  let newestMs: number | undefined;
  for (const { timeMs } of entries) newestMs = Math.max(newestMs ?? timeMs, timeMs);
  return newestMs;
}
