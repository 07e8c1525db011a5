/**
 * A disk that tells how each write went; everything else goes to the disk behind it.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import type { Disk, Loaded } from "./disk.ts";

/** What one write to the disk was. */
export interface CommitReport {
  /** Until it was on disk, or failed. */
  readonly tookMs: number;
  /** Transactions that shared it; those that changed nothing do not count. */
  readonly transactions: number;
  readonly ok: boolean;
}

/**
 * `loaded`, with its disk timed.
 *
 * @example
 * ```ts
 * new DurableStore(timed(await openDenoKv({ path }), (commit) => metrics.committed(commit)));
 * ```
 */
export function timed(
  { disk, ...loaded }: Loaded,
  onCommit: (commit: CommitReport) => void,
  clock: Clock = systemClock,
): Loaded {
  const timedDisk: Disk = {
    get meta() {
      return disk.meta;
    },
    failure: () => disk.failure(),
    async write(draft) {
      const sinceMs = clock.monotonic();
      // Every transaction that changes something is a revision.
      const transactions = draft.revision - disk.meta.revision;
      let ok = false;
      try {
        const written = await disk.write(draft);
        ok = true;
        return written;
      } finally {
        onCommit({ tookMs: clock.monotonic() - sinceMs, transactions, ok });
      }
    },
    probe: () => disk.probe(),
    keepRoom: () => disk.keepRoom(),
    makeRoom: () => disk.makeRoom(),
    versions: (...of) => disk.versions(...of),
    close: () => disk.close(),
  };
  return { ...loaded, disk: timedDisk };
}
