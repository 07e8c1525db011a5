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

/** So many that were overtaken may lie among those that wait, or as many as these; then they are taken out. */
const OVERTAKEN_MAX = 1000;

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
  /** In order of arrival. */
  #waiting: Handover[] = [];
  /** How many of them were overtaken. */
  #overtaken = 0;
  /** Where one may overtake another, the last one that waits: by scope and key. */
  readonly #last = new Map<string, Map<string, Handover>>();
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
    return this.#waiting.length - this.#overtaken + this.#inFlight;
  }

  /** Bytes of their messages. */
  get bytes(): number {
    return this.#bytesWaiting + this.#bytesInFlight;
  }

  /** Takes an update, counted as pending from now on. */
  add(update: Update): void {
    const handover = new Handover(update, this.#settled);
    const key = this.#keyOf(update);
    if (key !== undefined) this.#overtake(update.scope, key, handover);
    this.#waiting.push(handover);
    this.#bytesWaiting += update.bytes;
    update.counter.pending += 1;
    if (this.#isFlushDue || this.#inFlight > 0) return;
    this.#isFlushDue = true;
    // The updates of this very turn of the event loop go together.
    queueMicrotask(() => this.#flush());
  }

  /** The key of an update that may overtake others. */
  #keyOf({ scope, mutations }: Update): string | undefined {
    const { store } = this.#options;
    const [only] = mutations;
    if (!this.coalesce || mutations.length !== 1 || !("key" in only!)) return undefined;
    if (!store.hasScope(scope) || store.scopeOptions(scope).history > 0) return undefined;
    return only.key;
  }

  #overtake(scope: string, key: string, by: Handover): void {
    let last = this.#last.get(scope);
    if (!last) this.#last.set(scope, last = new Map());
    const overtaken = last.get(key)?.drop();
    last.set(key, by);
    if (!overtaken) return;
    this.#bytesWaiting -= overtaken.bytes;
    overtaken.counter.pending -= 1;
    overtaken.counter.coalesced += 1;
    this.#overtaken += 1;
    if (this.#overtaken < OVERTAKEN_MAX || this.#overtaken < this.#waiting.length / 2) return;
    this.#waiting = this.#waiting.filter(({ update }) => update !== undefined);
    this.#overtaken = 0;
  }

  #flush(): void {
    this.#isFlushDue = false;
    const batch = this.#waiting;
    this.#inFlight = batch.length - this.#overtaken;
    this.#bytesInFlight = this.#bytesWaiting;
    this.#waiting = [];
    this.#overtaken = 0;
    this.#last.clear();
    this.#bytesWaiting = 0;
    for (const handover of batch) {
      if (!handover.update) continue;
      const { mutations } = handover.update;
      this.#options.store.submit({ mutations, source: SOURCE }, handover);
    }
  }

  #settle(update: Update, thrown: unknown): void {
    this.#inFlight -= 1;
    this.#bytesInFlight -= update.bytes;
    update.counter.pending -= 1;
    if (thrown === undefined) update.counter.stored += 1;
    else this.#options.onFailed(update, thrown);
    if (this.#inFlight === 0 && this.#waiting.length > 0) this.#flush();
  }
}

/** An update that waits, and then for what becomes of it. */
class Handover implements Settler {
  /** Undefined once it was overtaken. */
  update: Update | undefined;
  readonly #settled: (update: Update, thrown?: unknown) => void;

  constructor(update: Update, settled: (update: Update, thrown?: unknown) => void) {
    this.update = update;
    this.#settled = settled;
  }

  /** Takes the update out, if it still waits: what was overtaken takes no memory. */
  drop(): Update | undefined {
    const { update } = this;
    this.update = undefined;
    return update;
  }

  resolve(): void {
    this.#settled(this.update!);
  }

  reject(reason: unknown): void {
    this.#settled(this.update!, reason);
  }
}
