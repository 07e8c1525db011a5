/**
 * The audit log: what was changed, by whom, when and from where, in a file of its own.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import { AUDIT_QUEUE_BYTES_MAX } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Change, Store } from "../state/store.ts";
import { PROGRAM, VERSION } from "../version.ts";
import { changeRecord, lostRecord, openedRecord } from "./record.ts";
import { RotatingFile, type RotatingFileStatus } from "./rotating_file.ts";

/** What is written where. */
export interface AuditSettings {
  readonly file: string;
  /** Size over which a file is put aside. */
  readonly fileBytes: number;
  /** How many of those are kept. */
  readonly keep: number;
  /** Whether updates from the bus are told, too. */
  readonly bus: boolean;
  /** Whether what was stored is told. */
  readonly values: boolean;
}

/** What an audit log works with. */
export interface AuditOptions {
  readonly settings: AuditSettings;
  readonly store: Pick<Store, "watch" | "status">;
  readonly log: Log;
  readonly clock?: Clock;
}

/** How an audit log is. */
export interface AuditStatus extends RotatingFileStatus {
  readonly file: string;
}

/** The source of changes that came over the bus. */
const BUS = "bus";

/**
 * Writes a record of each committed change until it is disposed of. The store is never held up: what the
 * disk does not take in time is counted, and said in the log and in the file.
 *
 * @example
 * ```ts
 * await using audit = AuditLog.start({ settings, store, log: logOf("audit") });
 * ```
 */
export class AuditLog implements AsyncDisposable {
  readonly #file: RotatingFile;
  readonly #store: AuditOptions["store"];
  readonly #clock: Clock;
  readonly #unwatch: () => void;
  #settings: AuditSettings;

  private constructor({ settings, store, log, clock = systemClock }: AuditOptions) {
    this.#settings = settings;
    this.#store = store;
    this.#clock = clock;
    const told = () => ({ file: this.#settings.file });
    this.#file = new RotatingFile({
      ...fileOf(settings),
      queueBytesMax: AUDIT_QUEUE_BYTES_MAX,
      clock,
      lostLine: (count) => lostRecord(clock.now(), count),
      onTrouble: (reason) =>
        log.error("the audit log is not written; it is tried again", { ...told(), reason }),
      onRecovered: (lost) => log.warn("the audit log is written again", { ...told(), lost }),
    });
    this.#opened();
    this.#unwatch = store.watch((changes) => this.#add(changes));
  }

  /** Returns at once; a file that cannot be written is tried again until it can. */
  static start(options: AuditOptions): AuditLog {
    return new AuditLog(options);
  }

  /** Whether records are written to which file, and how many were lost since the start. */
  status(): AuditStatus {
    return { file: this.#settings.file, ...this.#file.status() };
  }

  /** Other settings from the next change on; the file is opened anew, also where it is the same. */
  configure(settings: AuditSettings): void {
    this.#settings = settings;
    this.#file.configure(fileOf(settings));
    this.#opened();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#unwatch();
    await this.#file[Symbol.asyncDispose]();
  }

  #opened(): void {
    const program = `${PROGRAM} ${VERSION}`;
    this.#file.add(openedRecord(this.#clock.now(), { program, ...this.#store.status() }));
  }

  #add(changes: readonly Change[]): void {
    const { bus, values } = this.#settings;
    for (const change of changes) {
      if (change.source === BUS && !bus) continue;
      this.#file.add(changeRecord(change, values));
    }
  }
}

function fileOf({ file: path, fileBytes: fileBytesMax, keep }: AuditSettings) {
  return { path, fileBytesMax, keep };
}
