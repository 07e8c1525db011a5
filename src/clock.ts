/**
 * Time, as something that can be handed in. The program uses {@link systemClock}; tests use a clock
 * that stands still until they move it.
 *
 * @module
 */

/** What the loops need to know of time. */
export interface Clock {
  /** Wall clock, milliseconds since 1970; goes into entries and may jump. */
  now(): number;
  /** Milliseconds from an arbitrary start; never goes back, used for every deadline. */
  monotonic(): number;
  /** Calls `callback` once after `ms`; the returned function cancels it. */
  after(ms: number, callback: () => void): () => void;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, callback) {
    const id = setTimeout(callback, ms);
    return () => clearTimeout(id);
  },
};
