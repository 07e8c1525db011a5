/**
 * Group commit: while one commit runs, the transactions that arrive gather for the next. No timer: a
 * lone writer never waits, and the busier the store, the more share one fsync.
 *
 * @module
 */

import type { Committed, Settler, Transaction } from "../state/store.ts";
import { type CommitSize, sizeOf } from "./commit_size.ts";

/** A transaction that waits, and the caller that waits for it. */
export interface Waiting {
  readonly transaction: Transaction;
  /** Upper bound of what it adds to a commit. */
  readonly size: CommitSize;
  readonly settler: Settler;
}

/**
 * Hands over the next transaction if there is one and `fits` agrees to it; a transaction that is
 * refused comes first in the next commit.
 */
export type Take = (fits: (next: Waiting) => boolean) => Waiting | undefined;

/**
 * Collects transactions and has them written, one commit at a time.
 *
 * @example
 * ```ts
 * const queue = new CommitQueue(async (take) => {
 *   for (let next; (next = take(() => true));) next.settler.resolve(await write(next.transaction));
 * });
 * await queue.push({ mutations: [{ kind: "create-scope", scope: "a" }], source: "bus" });
 * ```
 */
export class CommitQueue {
  readonly #write: (take: Take) => Promise<void>;
  readonly #waiting: Waiting[] = [];
  /** Index of the first that nobody has taken. */
  #head = 0;
  #taken = 0;
  #running: Promise<void> | undefined;

  /**
   * @param write Takes at least one transaction and as many as make one commit, commits, and settles
   * each that it took. It does not throw.
   */
  constructor(write: (take: Take) => Promise<void>) {
    this.#write = write;
  }

  /** Transactions not yet answered. */
  get pending(): number {
    return this.#waiting.length - this.#head + this.#taken;
  }

  /** Queues `transaction`; resolves when it is on disk. */
  push(transaction: Transaction): Promise<Committed> {
    const { promise, ...settler } = Promise.withResolvers<Committed>();
    this.submit(transaction, settler);
    return promise;
  }

  /** Queues `transaction`; `settler` is told when it is on disk. */
  submit(transaction: Transaction, settler: Settler): void {
    this.#waiting.push({ transaction, size: sizeOf(transaction), settler });
    this.#running ??= this.#run();
  }

  /** Has `task` done unless a commit is under way; what comes meanwhile waits for it. It does not throw. */
  between(task: () => Promise<void>): void {
    this.#running ??= task().then(() => this.#run());
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #run(): Promise<void> {
    // The callers of this very turn of the event loop belong to the first commit already.
    await Promise.resolve();
    while (this.#head < this.#waiting.length) {
      await this.#write((fits) => this.#take(fits));
      this.#taken = 0;
      // Under a load that never lets up, what was answered must not pile up in front of the head.
      this.#waiting.splice(0, this.#head);
      this.#head = 0;
    }
    this.#running = undefined;
  }

  #take(fits: (next: Waiting) => boolean): Waiting | undefined {
    const next = this.#waiting[this.#head];
    if (!next || !fits(next)) return undefined;
    this.#head += 1;
    this.#taken += 1;
    return next;
  }
}
