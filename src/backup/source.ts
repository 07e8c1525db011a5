/**
 * The contents of a store as they are at one moment, for a backup that takes its time.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { Entry, StateReader } from "../state/store.ts";
import type { BackupHeader, BackupRecord } from "./format.ts";
import { compareNames, inOrder } from "./order.ts";

/** A scope at one moment. */
interface FrozenScope {
  readonly name: string;
  readonly revision: number;
  readonly keys: readonly string[];
  readonly entries: readonly Entry[];
}

/** Records before others get their turn: writing them takes longer than the turn. */
const RECORDS_PER_TURN = 1000;

/** All of a store at one moment. */
export class StoreSnapshot {
  readonly header: BackupHeader;
  readonly #scopes: readonly FrozenScope[];

  constructor(header: BackupHeader, scopes: readonly FrozenScope[]) {
    this.header = header;
    this.#scopes = scopes;
  }

  /** Records in order, from number `from` on. */
  *from(from: number): Generator<BackupRecord> {
    let skip = from;
    for (const { name, revision, keys, entries } of this.#scopes) {
      if (skip > keys.length) {
        skip -= keys.length + 1;
        continue;
      }
      if (skip === 0) yield { kind: "scope", scope: name, revision };
      for (let i = Math.max(skip - 1, 0); i < keys.length; i += 1) {
        yield { kind: "entry", scope: name, key: keys[i]!, entry: entries[i]! };
      }
      skip = 0;
    }
  }

  /** All records, letting others work in between. */
  async *records(): AsyncGenerator<BackupRecord> {
    let count = 0;
    for (const record of this.from(0)) {
      yield record;
      count += 1;
      if (count % RECORDS_PER_TURN === 0) await new Promise((turn) => setTimeout(turn, 0));
    }
  }

  /** Number of records. */
  get size(): number {
    return this.#scopes.reduce((sum, { keys }) => sum + 1 + keys.length, 0);
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
    const scopes = this.#store.scopes().toSorted(compareNames).map((name): FrozenScope => {
      const { revision, keys: sorted, entries } = this.#store.view(name);
      const keys = inOrder(sorted);
      return { name, revision, keys, entries: keys.map((key) => entries.get(key)!) };
    });
    return new StoreSnapshot(header, scopes);
  }
}
