/**
 * Updates that wait for the store. While those that were handed over are on their way to the disk, the
 * next gather, and of several for one key the last may overtake the others.
 *
 * @module
 */

import type { Mutation, Settler, Store } from "./store.ts";
import type { Counter } from "./update_counts.ts";

/** An update to be stored. */
export interface Update {
  readonly scope: string;
  readonly mutations: readonly Mutation[];
  /** Size of the message it came with. */
  readonly bytes: number;
  /** Where it is counted. */
  readonly counter: Counter;
}

/** What a backlog works with. */
export interface BacklogOptions {
  readonly store: Pick<Store, "submit" | "hasScope" | "scopeOptions">;
  /** Whether in scopes without history an update overtakes earlier ones of the same key. */
  readonly coalesce: boolean;
  /** Told of an update that was not stored; it is no longer pending then. */
  readonly onFailed: (update: Update, thrown: unknown) => void;
}

/** The source of entries written from the bus. */
const SOURCE = "bus";

/**
 * Hands updates to a store.
 *
 * @example
 * ```ts
 * const backlog = new Backlog({ store, coalesce: true, onFailed: (update, thrown) => console.warn(thrown) });
 * backlog.add({ scope, mutations, bytes: 42, counter });
 * backlog.size; // 1
 * ```
 */
export class Backlog {
  readonly #options: BacklogOptions;
  /** Whether in scopes without history an update overtakes earlier ones of the same key. */
  coalesce: boolean;
  /** By scope and key where one may overtake another, else by themselves. */
  #waiting = new Map<string | Update, Update>();
  #inFlight = 0;
  #bytesInFlight = 0;
  #bytesWaiting = 0;
  #isFlushDue = false;
  /** One for all, because there are many updates. */
  readonly #settled = (update: Update, thrown?: unknown) => this.#settle(update, thrown);

  constructor(options: BacklogOptions) {
    this.#options = options;
    this.coalesce = options.coalesce;
  }

  /** Updates not on disk yet. */
  get size(): number {
    return this.#waiting.size + this.#inFlight;
  }

  /** Bytes of their messages. */
  get bytes(): number {
    return this.#bytesWaiting + this.#bytesInFlight;
  }

  /** Takes an update, counted as pending from now on. */
  add(update: Update): void {
    const name = this.#nameOf(update);
    const overtaken = this.#waiting.get(name);
    if (overtaken) {
      this.#waiting.delete(name);
      this.#bytesWaiting -= overtaken.bytes;
      overtaken.counter.pending -= 1;
      overtaken.counter.coalesced += 1;
    }
    this.#waiting.set(name, update);
    this.#bytesWaiting += update.bytes;
    update.counter.pending += 1;
    if (this.#isFlushDue || this.#inFlight > 0) return;
    this.#isFlushDue = true;
    // The updates of this very turn of the event loop go together.
    queueMicrotask(() => this.#flush());
  }

  #nameOf(update: Update): string | Update {
    const { store } = this.#options;
    const { scope, mutations } = update;
    const [only] = mutations;
    if (!this.coalesce || mutations.length !== 1 || !("key" in only!)) return update;
    if (!store.hasScope(scope) || store.scopeOptions(scope).history > 0) return update;
    return `${scope}/${only.key}`;
  }

  #flush(): void {
    this.#isFlushDue = false;
    const batch = this.#waiting;
    this.#waiting = new Map();
    this.#inFlight = batch.size;
    this.#bytesInFlight = this.#bytesWaiting;
    this.#bytesWaiting = 0;
    for (const update of batch.values()) {
      const { mutations } = update;
      this.#options.store.submit(
        { mutations, source: SOURCE },
        new Handover(update, this.#settled),
      );
    }
  }

  #settle(update: Update, thrown: unknown): void {
    this.#inFlight -= 1;
    this.#bytesInFlight -= update.bytes;
    update.counter.pending -= 1;
    if (thrown === undefined) update.counter.stored += 1;
    else this.#options.onFailed(update, thrown);
    if (this.#inFlight === 0 && this.#waiting.size > 0) this.#flush();
  }
}

/** Waits for what becomes of one update. */
class Handover implements Settler {
  readonly #update: Update;
  readonly #settled: (update: Update, thrown?: unknown) => void;

  constructor(update: Update, settled: (update: Update, thrown?: unknown) => void) {
    this.#update = update;
    this.#settled = settled;
  }

  resolve(): void {
    this.#settled(this.#update);
  }

  reject(reason: unknown): void {
    this.#settled(this.#update, reason);
  }
}
