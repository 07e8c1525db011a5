/**
 * What became of the updates of a scope, in numbers that always add up.
 *
 * @module
 */

/** What became of updates; received = stored + coalesced + pending + all rejected. */
export interface UpdateCounts {
  readonly received: number;
  readonly stored: number;
  /** Overtaken by a later update of the same key before they were on disk. */
  readonly coalesced: number;
  readonly pending: number;
  /** By reason; a reason is one of the wire codes, or what is wrong with the message itself. */
  readonly rejected: Readonly<Record<string, number>>;
}

/**
 * Counts updates.
 *
 * @example
 * ```ts
 * const counter = new Counter();
 * counter.received += 1;
 * counter.reject("overflow");
 * counter.snapshot(); // { received: 1, stored: 0, coalesced: 0, pending: 0, rejected: { overflow: 1 } }
 * ```
 */
export class Counter {
  received = 0;
  stored = 0;
  coalesced = 0;
  pending = 0;
  readonly rejected = new Map<string, number>();

  reject(reason: string): void {
    this.rejected.set(reason, (this.rejected.get(reason) ?? 0) + 1);
  }

  /** Gives one received update over to `other`, and returns it. */
  moveTo(other: Counter): Counter {
    this.received -= 1;
    other.received += 1;
    return other;
  }

  add(other: Counter): void {
    this.received += other.received;
    this.stored += other.stored;
    this.coalesced += other.coalesced;
    this.pending += other.pending;
    for (const [reason, count] of other.rejected) {
      this.rejected.set(reason, (this.rejected.get(reason) ?? 0) + count);
    }
  }

  snapshot(): UpdateCounts {
    const { received, stored, coalesced, pending } = this;
    return { received, stored, coalesced, pending, rejected: Object.fromEntries(this.rejected) };
  }
}
