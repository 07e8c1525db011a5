/**
 * How many requests there were and how long they took. prom-client makes texts of the labels of each to
 * find its numbers by, which takes 3 % of what a `set` does: so they are counted here, and it only prints
 * them.
 *
 * @module
 */

import type { Sample } from "./prom_client.ts";

/** What is known of the requests for one operation. */
interface OfOperation {
  readonly results: Map<string, number>;
  /** Those that took no longer than each bound, and longer than the one before; behind them all others. */
  readonly counts: number[];
  seconds: number;
}

/**
 * Counts requests by operation.
 *
 * @example
 * ```ts
 * const tally = new RequestTally([0.001, 0.01]);
 * tally.add("get", "ok", 0.002);
 * [...tally.results()]; // [{ labels: { operation: "get", result: "ok" }, count: 1 }]
 * ```
 */
export class RequestTally {
  readonly #bounds: readonly number[];
  readonly #operations = new Map<string, OfOperation>();

  /** @param bounds Seconds, the shortest first. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
  }

  /** A request was answered. */
  add(operation: string, result: string, seconds: number): void {
    let of = this.#operations.get(operation);
    if (!of) {
      of = { results: new Map(), counts: Array(this.#bounds.length + 1).fill(0), seconds: 0 };
      this.#operations.set(operation, of);
    }
    of.results.set(result, (of.results.get(result) ?? 0) + 1);
    let bucket = 0;
    while (seconds > this.#bounds[bucket]!) bucket += 1;
    of.counts[bucket]! += 1;
    of.seconds += seconds;
  }

  /** How many were answered how. */
  *results(): Iterable<{ labels: { operation: string; result: string }; count: number }> {
    for (const [operation, { results }] of this.#operations) {
      for (const [result, count] of results) yield { labels: { operation, result }, count };
    }
  }

  /** How long they took, as the samples of a histogram of that name. */
  *durations(name: string): Iterable<Sample> {
    for (const [operation, { counts, seconds }] of this.#operations) {
      let count = 0;
      for (const [i, le] of [...this.#bounds, "+Inf"].entries()) {
        count += counts[i]!;
        yield { metricName: `${name}_bucket`, labels: { le, operation }, value: count };
      }
      yield { metricName: `${name}_sum`, labels: { operation }, value: seconds };
      yield { metricName: `${name}_count`, labels: { operation }, value: count };
    }
  }
}
