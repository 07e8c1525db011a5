/**
 * Backups that the service makes of its own accord: one each interval, into a directory, of which the last
 * few are kept.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { within } from "../paths.ts";
import { BACKUP_SUFFIX, backupsIn, type FoundBackup, unfinishedIn } from "./directory.ts";
import type { BackupSource } from "./source.ts";
import { BackupWriter } from "./writer.ts";

/** What to do. */
export interface AutomaticOptions {
  readonly source: BackupSource;
  /** Made with mode 0700 if missing. */
  readonly directory: string;
  readonly everyMs: number;
  /** Backups of ours that are kept, 1 or more. */
  readonly keep: number;
  readonly log: Log;
  readonly clock?: Clock;
}

/** How it is going. */
export interface AutomaticStatus {
  readonly directory: string;
  /** Wall clock of the last good one, milliseconds since 1970. */
  readonly lastMs: number | undefined;
  /** Why the last one failed; undefined if it did not. */
  readonly failure: string | undefined;
}

/** What names of ours begin with; others in the directory are nobody's business. */
const PREFIX = "auto-";
/** Pause before a backup that failed is tried again, in milliseconds. */
const RETRY_MS = 60_000;
/** Longest timer that JavaScript knows, in milliseconds. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/**
 * Makes backups until it is disposed of. A disk that is full stops nothing but the backups, and is said
 * in the log and in {@link AutomaticBackups.status}.
 *
 * @example
 * ```ts
 * await using backups = AutomaticBackups.start({ source, directory, everyMs: 3_600_000, keep: 24, log });
 * ```
 */
export class AutomaticBackups implements AsyncDisposable {
  readonly #options: AutomaticOptions;
  readonly #clock: Clock;
  readonly #abort = new AbortController();
  #cancel: () => void = () => {};
  #running: Promise<void> = Promise.resolve();
  #lastMs: number | undefined;
  #failure: string | undefined;

  private constructor(options: AutomaticOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** The first one is made when the latest in the directory is old enough, or of another history. */
  static start(options: AutomaticOptions): AutomaticBackups {
    const backups = new AutomaticBackups(options);
    backups.#running = backups.#begin();
    return backups;
  }

  status(): AutomaticStatus {
    const { directory } = this.#options;
    return { directory, lastMs: this.#lastMs, failure: this.#failure };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    this.#cancel();
    await this.#running;
  }

  async #begin(): Promise<void> {
    const { directory, everyMs, source } = this.#options;
    try {
      await this.#removeUnfinished();
      const latest = (await backupsIn(directory)).find(({ header }) =>
        header.epoch === source.epoch
      );
      this.#lastMs = latest?.header.timeMs;
      const dueMs = latest ? latest.header.timeMs + everyMs - this.#clock.now() : 0;
      // A clock that was set back must not keep backups from being made.
      this.#after(Math.min(dueMs, everyMs));
    } catch (thrown) {
      this.#failed(thrown);
    }
  }

  /** What a process left that was killed, or whose power was cut, while it made a backup. */
  async #removeUnfinished(): Promise<void> {
    const { directory } = this.#options;
    for (const path of await unfinishedIn(directory, PREFIX)) await Deno.remove(path);
  }

  #after(ms: number): void {
    if (this.#abort.signal.aborted) return;
    this.#cancel = this.#clock.after(Math.min(Math.max(ms, 0), TIMER_MS_MAX), () => {
      this.#running = ms > TIMER_MS_MAX ? this.#begin() : this.#make();
    });
  }

  async #make(): Promise<void> {
    const { directory, everyMs, log } = this.#options;
    const startMs = this.#clock.monotonic();
    try {
      await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
      const { path, revision, entries } = await this.#write(directory);
      const tookMs = Math.round(this.#clock.monotonic() - startMs);
      log.info("backup made", { path, revision, entries, tookMs });
      this.#failure = undefined;
      await this.#prune(path);
      this.#after(everyMs);
    } catch (thrown) {
      if (!this.#abort.signal.aborted) this.#failed(thrown);
    }
  }

  async #write(directory: string) {
    const { source } = this.#options;
    const snapshot = source.take();
    const time = new Date(snapshot.header.timeMs).toISOString().replaceAll(":", "");
    const path = within(directory, `${PREFIX}${time}${BACKUP_SUFFIX}`);
    await using writer = await BackupWriter.create(path, snapshot.header);
    for await (const records of snapshot.from(0)) {
      this.#abort.signal.throwIfAborted();
      for (const record of records) await writer.write(record);
    }
    const summary = await writer.finish();
    this.#lastMs = summary.timeMs;
    return { path, ...summary };
  }

  /** Removes the oldest beyond those that are kept: of other histories first, and never `made`. */
  async #prune(made: string): Promise<void> {
    const { directory, keep, source } = this.#options;
    const others = (await backupsIn(directory)).filter(({ path }) =>
      path !== made && path.startsWith(within(directory, PREFIX))
    );
    const isPresent = ({ header }: FoundBackup) => header.epoch === source.epoch;
    const ours = [...others.filter(isPresent), ...others.filter((found) => !isPresent(found))];
    for (const { path } of ours.slice(keep - 1)) await Deno.remove(path);
  }

  #failed(thrown: unknown): void {
    const { directory, everyMs, log } = this.#options;
    this.#failure = messageOf(thrown);
    log.error("no backup was made", { directory, reason: this.#failure });
    this.#after(Math.min(everyMs, RETRY_MS));
  }
}
