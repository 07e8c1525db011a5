/**
 * Finds out, while commits fail, that they would succeed again: nobody may write for hours.
 *
 * @module
 */

import type { Clock } from "../clock.ts";

/** How often it is tried, in milliseconds: often enough for whoever looks at health. */
const PROBE_MS = 2000;

/**
 * Has something tried again and again while there is a reason to; does nothing otherwise.
 *
 * @example
 * ```ts
 * using probe = new Probe(clock, () => queue.between(() => tryToWrite()));
 * probe.follow(true); // Commits fail.
 * ```
 */
export class Probe implements Disposable {
  readonly #clock: Clock;
  readonly #attempt: () => void;
  #cancel: (() => void) | undefined;
  #isClosed = false;

  constructor(clock: Clock, attempt: () => void) {
    this.#clock = clock;
    this.#attempt = attempt;
  }

  /** Whether commits fail now. */
  follow(isFailing: boolean): void {
    if (!isFailing) this.#stop();
    else if (!this.#isClosed) {
      this.#cancel ??= this.#clock.after(PROBE_MS, () => {
        this.#cancel = undefined;
        this.#attempt();
        this.follow(true);
      });
    }
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#stop();
  }

  #stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
