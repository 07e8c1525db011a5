/**
 * How long the disk takes to make a write durable. Deno KV syncs within its commit and does not say how
 * long that took; so a write of our own is timed, on the same file system, and called what it is.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import { noteOf } from "./lock.ts";

/** Pause between two probes, in milliseconds: whoever asks more often wears out no flash memory. */
const PAUSE_MS = 10_000;

/**
 * Times an fdatasync(2) of the lock file beside a database, whose few bytes are written as they are:
 * without a write there would be nothing to sync. Commits are not held up, because nobody waits for it.
 *
 * @example
 * ```ts
 * const probe = new SyncProbe("state.db", (tookMs) => metrics.synced(tookMs));
 * probe.run(); // returns at once
 * ```
 */
export class SyncProbe {
  readonly #path: string;
  readonly #onSync: (tookMs: number) => void;
  readonly #clock: Clock;
  #running: Promise<void> | undefined;
  #dueMs = -Infinity;

  /** @param onSync Told of each probe that succeeded, how many milliseconds it took. */
  constructor(path: string, onSync: (tookMs: number) => void, clock: Clock = systemClock) {
    this.#path = path;
    this.#onSync = onSync;
    this.#clock = clock;
  }

  /**
   * Begins a probe, unless there was one a moment ago or one is under way, and resolves when there is
   * none under way any more. Never rejects: where nothing can be written, the store says so.
   */
  run(): Promise<void> {
    if (this.#running) return this.#running;
    if (this.#clock.monotonic() < this.#dueMs) return Promise.resolve();
    this.#dueMs = this.#clock.monotonic() + PAUSE_MS;
    this.#running = this.#probe().catch(() => {}).finally(() => this.#running = undefined);
    return this.#running;
  }

  async #probe(): Promise<void> {
    using file = await Deno.open(await noteOf(this.#path), { read: true, write: true });
    // As a process id is: whatever else is there, no more than this is read.
    const bytes = new Uint8Array(64);
    const length = await file.read(bytes);
    if (length === null) return;
    await file.seek(0, Deno.SeekMode.Start);
    const sinceMs = this.#clock.monotonic();
    await file.write(bytes.subarray(0, length));
    await file.syncData();
    this.#onSync(this.#clock.monotonic() - sinceMs);
  }
}
