/**
 * Has entries deleted when their time is over: a change like any other.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { CHANGE_KEYS_MAX } from "../limits.ts";
import type { Mutation, Transaction } from "../state/store.ts";
import { EXPIRY_STEP_MS, type Place } from "./expiry.ts";
import type { Mirror, Scope, StoredEntry } from "./mirror.ts";

/** Source of the changes. */
const SOURCE = "ttl";

/** Pause before what could not be deleted is tried again, in milliseconds. */
const RETRY_MS = 1000;

/** What an expirer works with. */
export interface ExpirerOptions {
  readonly mirror: Mirror;
  readonly clock: Clock;
  readonly commit: (transaction: Transaction) => Promise<unknown>;
}

/**
 * Looks, as long as there are entries that will expire, for those that are due.
 *
 * @example
 * ```ts
 * using expirer = new Expirer({ mirror, clock, commit });
 * expirer.isOver(entry); // false
 * ```
 */
export class Expirer implements Disposable {
  readonly #mirror: Mirror;
  readonly #clock: Clock;
  readonly #commit: (transaction: Transaction) => Promise<unknown>;
  #cancel: (() => void) | undefined;
  #closed = false;

  constructor({ mirror, clock, commit }: ExpirerOptions) {
    this.#mirror = mirror;
    this.#clock = clock;
    this.#commit = commit;
    this.wake();
  }

  /** Whether the time of `entry` is over, be it deleted on disk or not yet. */
  isOver({ deadlineMs }: StoredEntry): boolean {
    return deadlineMs !== undefined && deadlineMs <= this.#clock.monotonic();
  }

  /** There may be more entries that will expire than before. */
  wake(): void {
    if (this.#cancel || this.#closed || this.#mirror.expiringCount === 0) return;
    this.#cancel = this.#clock.after(EXPIRY_STEP_MS, () => {
      this.#cancel = undefined;
      this.#expire(this.#mirror.takeDue(this.#clock.monotonic()));
      this.wake();
    });
  }

  /** Deletes what is over of the keys that `transaction` is about, so that it finds them so. */
  before({ mutations }: Transaction): void {
    if (this.#mirror.expiringCount === 0) return;
    const expired: Mutation[] = [];
    for (const mutation of mutations) {
      if (!("key" in mutation) || mutation.kind === "expire") continue;
      const { scope, key } = mutation;
      const entry = this.#mirror.scope(scope)?.entries.get(key);
      if (entry && this.isOver(entry)) expired.push(expiry(scope, key, entry));
    }
    // What fails is found again when it is due.
    if (expired.length > 0) this.#commit({ mutations: expired, source: SOURCE }).catch(() => {});
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#cancel?.();
  }

  #expire(places: readonly Place<Scope>[]): void {
    for (let i = 0; i < places.length; i += CHANGE_KEYS_MAX) {
      const some = places.slice(i, i + CHANGE_KEYS_MAX);
      const mutations = some.flatMap(({ scope, key }) => {
        const entry = scope.entries.get(key);
        return entry ? [expiry(scope.name, key, entry)] : [];
      });
      this.#commit({ mutations, source: SOURCE }).catch(() => this.#retry(some));
    }
  }

  #retry(places: readonly Place<Scope>[]): void {
    // Nothing of it may have changed, else it would have been removed here, too.
    const still = places.filter(({ scope, key }) => {
      const entry = scope.entries.get(key);
      return entry && this.isOver(entry) && this.#mirror.scope(scope.name) === scope;
    });
    this.#mirror.putDue(this.#clock.monotonic() + RETRY_MS, still);
    this.wake();
  }
}

function expiry(scope: string, key: string, { revision }: StoredEntry): Mutation {
  return { kind: "expire", scope, key, revision };
}
