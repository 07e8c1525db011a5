/**
 * Looks after the database: opens it whatever became of it, makes backups of it, and knows what was lost
 * until somebody acknowledges it.
 *
 * @module
 */

import util from "node:util";
import { AutomaticBackups } from "./backup/automatic.ts";
import { BackupPages } from "./backup/pages.ts";
import { BackupSource } from "./backup/source.ts";
import { systemClock } from "./clock.ts";
import { parseDuration } from "./config/duration.ts";
import type { StateConfig } from "./config/schema.ts";
import { messageOf } from "./errors.ts";
import { backupCheck, damageCheck } from "./http/checks.ts";
import type { Check } from "./http/health.ts";
import { logOf } from "./log.ts";
import type { Maintenance } from "./state/context.ts";
import type { Store } from "./state/store.ts";
import { DiskSpace } from "./store/disk_space.ts";
import { DurableStore, type StoreOptions } from "./store/durable_store.ts";
import type { Notices } from "./store/notices.ts";
import { openRecovering } from "./store/recovery.ts";
import { timed } from "./store/timed_disk.ts";
import { VERSION } from "./version.ts";

/** The open database and all that protects it; disposes of the backups, then of the store. */
export class Upkeep implements AsyncDisposable {
  readonly #parts = new AsyncDisposableStack();
  readonly #store: DurableStore;
  readonly #busCreate: boolean;
  readonly #notices: Notices;
  readonly #source: BackupSource;
  #backup: StateConfig["backup"] | undefined;
  #backups: AutomaticBackups | undefined;
  readonly #pages: BackupPages;
  readonly #space: DiskSpace;

  private constructor(store: DurableStore, notices: Notices, config: StateConfig) {
    const { backup, bus, database } = config;
    this.#store = this.#parts.use(store);
    this.#space = this.#parts.use(new DiskSpace(database.path));
    this.#busCreate = bus.createScopes;
    this.#notices = notices;
    this.#source = new BackupSource(store, systemClock, VERSION);
    this.#pages = new BackupPages(this.#source, systemClock);
    this.#startBackups(backup);
  }

  /** The open database. */
  get store(): Store {
    return this.#store;
  }

  /** Other defaults of scopes, and another schedule of backups. */
  async configure({ backup, scopes }: Pick<StateConfig, "backup" | "scopes">): Promise<void> {
    this.#store.configure({ ...scopes, busCreate: this.#busCreate });
    if (util.isDeepStrictEqual(backup, this.#backup)) return;
    await this.#backups?.[Symbol.asyncDispose]();
    this.#startBackups(backup);
  }

  #startBackups(backup: StateConfig["backup"]): void {
    this.#backup = backup;
    this.#backups = backup.directory === undefined ? undefined : AutomaticBackups.start({
      source: this.#source,
      directory: backup.directory,
      everyMs: parseDuration(backup.every)!,
      keep: backup.keep,
      log: logOf("backup"),
    });
  }

  /**
   * Opens the database, after a recovery if need be.
   *
   * @param onCommit Told of each commit.
   * @param onSubmit As a store has it.
   * @throws {PlantdError} `database_locked`, `database_unusable`, `database_damaged`.
   */
  static async open(
    config: StateConfig,
    onCommit: Parameters<typeof timed>[1],
    onSubmit?: StoreOptions["onSubmit"],
  ): Promise<Upkeep> {
    const { path, onDamage } = config.database;
    const log = logOf("store");
    const startMs = performance.now();
    const note = (text: string) => {
      log.error(text);
      // What cannot be noted is in the log.
      opening.then(({ notices }) => addOnce(notices, text, path))
        .catch((thrown) => log.error("no notice was made", { reason: messageOf(thrown) }));
    };
    const opening = openRecovering({
      path,
      onDamage,
      backups: config.backup.directory,
      onStructure: (bytes) => log.info("proving the structure of the database", { path, bytes }),
      onProgress: (entries) => log.info("reading the database", { path, entries }),
      onPurgeFailure: (thrown) =>
        log.warn("garbage was not purged; it is tried again", {
          reason: messageOf(thrown),
        }),
      onRenewed: note,
      onPastRead: ({ versions, damaged }) =>
        damaged === 0
          ? log.info("earlier versions verified", { path, versions })
          : note(damagedPast(path, damaged)),
      onUnwritable: (reason) =>
        log.error("the database cannot be written; reads are served from a copy in memory", {
          path,
          reason,
        }),
      onRegained: () => log.info("the database can be written again", { path }),
      onRecovered: (text, report) => log.error(text, { report }),
      onNotRecovered: (reason) =>
        log.error("damaged records are not served and stay where they are", { reason }),
    });
    const { loaded, notices } = await opening;
    const store = new DurableStore(timed(loaded, onCommit), {
      onFailure: (reason) =>
        reason === undefined
          ? log.info("writes are stored again")
          : log.error("writes fail; reads are served", { reason }),
      ...(onSubmit === undefined ? {} : { onSubmit }),
      requestMs: config.limits.requestIdMs,
      scopes: { ...config.scopes, busCreate: config.bus.createScopes },
    });
    const { scopes, keys, revision, epoch, damaged } = store.status();
    const tookMs = Math.round(performance.now() - startMs);
    log.info("database read and verified", { path, scopes, keys, revision, epoch, tookMs });
    if (damaged > 0) log.error("damaged records are not served", { damaged });
    return new Upkeep(store, notices, config);
  }

  /** What the operations may ask for. */
  get maintenance(): Maintenance {
    return {
      backup: (place) =>
        place === undefined ? this.#pages.first() : this.#pages.page(place.snapshot, place),
      acknowledge: async () => {
        const acknowledged = await this.#notices.acknowledge();
        for (const { text } of acknowledged) logOf("store").info("acknowledged", { text });
        return acknowledged.map((notice) => ({ ...notice }));
      },
    };
  }

  /** What there is to say to whoever asks how the service is; nothing while all is well. */
  checks(): readonly Check[] {
    const backups = this.#backups?.status();
    return [
      ...(this.#notices.all.length === 0 ? [] : [damageCheck(this.#notices.all)]),
      ...(backups === undefined ? [] : [backupCheck(backups)]),
    ];
  }

  /** Members of the data of a `health` reply. */
  report(): Readonly<Record<string, unknown>> {
    const backups = this.#backups?.status();
    const { databaseBytes, walBytes, freeBytes } = this.#space.read();
    return {
      disk: { database_bytes: databaseBytes, wal_bytes: walBytes, free_bytes: freeBytes },
      damage: this.#notices.all.length === 0 ? undefined : this.#notices.all,
      backups: backups && {
        directory: backups.directory,
        last: backups.lastMs === undefined ? null : new Date(backups.lastMs).toISOString(),
        failure: backups.failure,
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#backups?.[Symbol.asyncDispose]();
    await this.#parts.disposeAsync();
  }
}

async function addOnce(notices: Notices, text: string, report: string): Promise<void> {
  // Each start finds the same until somebody has done something about it.
  if (notices.all.some((notice) => notice.text === text)) return;
  await notices.add({ time: new Date(systemClock.now()).toISOString(), text, report });
}

function damagedPast(path: string, damaged: number): string {
  return `${damaged} earlier versions of keys in the database ${path} are not as they were written; ` +
    "the histories are without them, and plantd-state check names them.";
}
