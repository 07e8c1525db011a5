/**
 * Which entries expire when. In buckets of time, so that adding, removing and finding what is due cost
 * the same however many there are.
 *
 * @module
 */

/** How late an entry may expire, in milliseconds. */
export const EXPIRY_STEP_MS = 250;

/** An entry's place. */
export interface Place<Scope> {
  readonly scope: Scope;
  readonly key: string;
}

/**
 * Entries by the time at which they expire, on a clock that never goes back.
 *
 * @example
 * ```ts
 * const expiry = new Expiry<Scope>();
 * expiry.add(1200, { scope, key: "k" });
 * expiry.take(1200); // []
 * expiry.take(1250); // [{ scope, key: "k" }]
 * ```
 */
export class Expiry<Scope extends { readonly id: number }> {
  readonly #buckets = new Map<number, Map<string, Place<Scope>>>();
  /** Number of the last bucket that was taken. */
  #taken = -1;
  #size = 0;

  /** Entries that will expire. */
  get size(): number {
    return this.#size;
  }

  /** `place` expires at `deadlineMs`. */
  add(deadlineMs: number, place: Place<Scope>): void {
    const number = this.#bucketOf(deadlineMs);
    let bucket = this.#buckets.get(number);
    if (!bucket) this.#buckets.set(number, bucket = new Map());
    this.#size -= bucket.size;
    bucket.set(nameOf(place), place);
    this.#size += bucket.size;
  }

  /** `place`, added with the same deadline and not taken yet, does not expire. */
  remove(deadlineMs: number, place: Place<Scope>): void {
    const number = this.#bucketOf(deadlineMs);
    const bucket = this.#buckets.get(number);
    if (!bucket?.delete(nameOf(place))) return;
    this.#size -= 1;
    if (bucket.size === 0) this.#buckets.delete(number);
  }

  /** Removes and returns what is due. */
  take(nowMs: number): Place<Scope>[] {
    const due: Place<Scope>[] = [];
    const last = Math.floor(nowMs / EXPIRY_STEP_MS);
    while (this.#taken < last) {
      if (this.#buckets.size === 0) {
        this.#taken = last;
        break;
      }
      this.#taken += 1;
      const bucket = this.#buckets.get(this.#taken);
      if (!bucket) continue;
      due.push(...bucket.values());
      this.#size -= bucket.size;
      this.#buckets.delete(this.#taken);
    }
    return due;
  }

  /** What is overdue already goes with what is due next. */
  #bucketOf(deadlineMs: number): number {
    return Math.max(Math.ceil(deadlineMs / EXPIRY_STEP_MS), this.#taken + 1);
  }
}

function nameOf({ scope, key }: Place<{ readonly id: number }>): string {
  return `${scope.id}/${key}`;
}
