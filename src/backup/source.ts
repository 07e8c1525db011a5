/**
 * The contents of a store as they are at one moment, for a backup that takes its time.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { PlantdError } from "../errors.ts";
import type { Entry, StateReader, Version } from "../state/store.ts";
import type { BackupHeader, BackupRecord, ScopeRecord } from "./format.ts";
import { compareNames, inOrder } from "./order.ts";

/** A scope at one moment. */
interface FrozenScope {
  readonly record: ScopeRecord;
  readonly keys: readonly string[];
  /** By the numbers of the keys; of a deleted one the revision of its deletion. */
  readonly lasts: readonly (Entry | number)[];
}

/** Keys whose pasts are asked for at once. */
const KEYS_PER_TURN = 64;

/** All of a store at one moment. */
export class StoreSnapshot {
  readonly header: BackupHeader;
  readonly #store: StateReader;
  readonly #scopes: readonly FrozenScope[];

  constructor(header: BackupHeader, store: StateReader, scopes: readonly FrozenScope[]) {
    this.header = header;
    this.#store = store;
    this.#scopes = scopes;
  }

  /** Number of groups of records, see {@link StoreSnapshot.from}. */
  get size(): number {
    return this.#scopes.reduce((sum, { keys }) => sum + 1 + keys.length, 0);
  }

  /**
   * The records in order, those of a scope, and those of a key, as a group, from the group of number `from`
   * on. What a key was is read as it is kept now: what the store has dropped since is not among it.
   */
  async *from(from: number): AsyncGenerator<readonly BackupRecord[]> {
    let skip = from;
    for (const { record, keys, lasts } of this.#scopes) {
      if (skip > keys.length) {
        skip -= keys.length + 1;
        continue;
      }
      if (skip === 0) yield [record];
      for (let i = Math.max(skip - 1, 0); i < keys.length; i += KEYS_PER_TURN) {
        const some = keys.slice(i, i + KEYS_PER_TURN);
        yield* await Promise.all(
          some.map((key, j) => this.#recordsOf(record.scope, key, lasts[i + j]!)),
        );
      }
      skip = 0;
    }
  }

  async #recordsOf(
    scope: string,
    key: string,
    last: Entry | number,
  ): Promise<readonly BackupRecord[]> {
    const isDeleted = typeof last === "number";
    const versions = await this.#store.history(scope, key).catch((thrown): Version[] => {
      // Deleted since, and its past with it.
      if (thrown instanceof PlantdError && thrown.code === "scope_not_found") return [];
      throw thrown;
    });
    const past = versions
      .filter(({ revision }) => isDeleted ? revision <= last : revision < last.revision)
      .map((version): BackupRecord => ({ kind: "version", scope, key, version }));
    return isDeleted ? past : [{ kind: "entry", scope, key, entry: last }, ...past];
  }
}

/**
 * Takes snapshots of a store: of every key a reference to its entry, which never changes; 16 bytes and a
 * tenth of a microsecond each.
 *
 * @example
 * ```ts
 * const snapshot = new BackupSource(store, systemClock, VERSION).take();
 * ```
 */
export class BackupSource {
  readonly #store: StateReader;
  readonly #clock: Clock;
  readonly #program: string;

  constructor(store: StateReader, clock: Clock, program: string) {
    this.#store = store;
    this.#clock = clock;
    this.#program = program;
  }

  get epoch(): string {
    return this.#store.epoch;
  }

  /** Of the last change. */
  get revision(): number {
    return this.#store.status().revision;
  }

  /** The store as it is now. */
  take(): StoreSnapshot {
    const { epoch, revision } = this.#store.status();
    const header = { epoch, revision, timeMs: this.#clock.now(), program: this.#program };
    const names = new Set([...this.#store.scopes(), ...this.#store.configuredScopes()]);
    const scopes = [...names].sort(compareNames).map((name) => this.#freeze(name));
    return new StoreSnapshot(header, this.#store, scopes);
  }

  #freeze(scope: string): FrozenScope {
    const settings = this.#store.scopeSettings(scope);
    const options = settings ? { settings } : {};
    if (!this.#store.hasScope(scope)) {
      const record: ScopeRecord = { kind: "scope", scope, revision: undefined, ...options };
      return { record, keys: [], lasts: [] };
    }
    const { revision, keys: sorted, entries, deleted } = this.#store.view(scope);
    const keys = deleted.size === 0
      ? inOrder(sorted)
      : [...sorted, ...deleted.keys()].sort(compareNames);
    const lasts = keys.map((key) => entries.get(key) ?? deleted.get(key)!.revision);
    return { record: { kind: "scope", scope, revision, ...options }, keys, lasts };
  }
}
