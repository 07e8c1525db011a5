/**
 * Looks through the past of all keys, in the background after a start: a start does not wait for what nobody
 * may ask for, but whoever asks next year shall not be the first to find that a disk has forgotten it.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { intactPast } from "./deno_kv_decoded.ts";
import { VERSIONS } from "./deno_kv_layout.ts";

/** Versions read at once: commits wait for that, a millisecond or two. */
const BATCH = 200;
/** Pause between them, in milliseconds, so that requests hardly notice. */
const PAUSE_MS = 20;

/** What was found. */
export interface PastReport {
  readonly versions: number;
  /** Those that are not as they were written: histories are without them. */
  readonly damaged: number;
}

/**
 * One look through all versions.
 *
 * @example
 * ```ts
 * const look = new PastLook(kv, systemClock, ({ damaged }) => console.log(damaged));
 * await look.close();
 * ```
 */
export class PastLook {
  readonly #kv: Deno.Kv;
  readonly #clock: Clock;
  readonly #done: Promise<void>;
  #cancel: () => void = () => {};
  #isClosed = false;

  /** @param onDone Told in the end; not when it was closed before, or the database could not be read. */
  constructor(kv: Deno.Kv, clock: Clock, onDone: (report: PastReport) => void) {
    this.#kv = kv;
    this.#clock = clock;
    this.#done = this.#look().then((report) => report && onDone(report), () => {});
  }

  /** Ends it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    await this.#done;
  }

  async #look(): Promise<PastReport | undefined> {
    let [versions, damaged] = [0, 0];
    await this.#pause();
    for await (const { value } of this.#kv.list({ prefix: VERSIONS }, { batchSize: BATCH })) {
      if (this.#isClosed) return undefined;
      versions += 1;
      damaged += Number(!intactPast(value));
      if (versions % BATCH === 0) await this.#pause();
    }
    return this.#isClosed ? undefined : { versions, damaged };
  }

  #pause(): Promise<void> {
    return new Promise((done) => {
      const cancel = this.#clock.after(PAUSE_MS, done);
      this.#cancel = () => {
        cancel();
        done();
      };
    });
  }
}
