/**
 * Opens a database whatever became of it. What is damage, and only that, is moved aside and replaced by a
 * new database of everything that is still whole and, for the rest, of the latest good backup; what was
 * lost is noted beside it, until somebody acknowledges it.
 *
 * @module
 */

import { latestGood } from "../backup/directory.ts";
import type { BackupHeader } from "../backup/format.ts";
import { openBackup } from "../backup/reader.ts";
import { type Clock, systemClock } from "../clock.ts";
import { messageOf, PlantdError } from "../errors.ts";
import { absolute, parentOf, shellWord } from "../paths.ts";
import { openDenoKv } from "./deno_kv.ts";
import { fillDenoKv } from "./deno_kv_fill.ts";
import * as layout from "./deno_kv_layout.ts";
import { openReadable, type ReadableOptions } from "./deno_kv_readable.ts";
import type { Loaded } from "./disk.ts";
import { lockDatabase } from "./lock.ts";
import { Notices } from "./notices.ts";
import { giveTo } from "./owner.ts";
import { mayBeOlder } from "./recovery_presents.ts";
import { metaOf, recoveredRecords } from "./recovery_records.ts";
import { LossReport, paragraph, type Recovered } from "./recovery_report.ts";
import {
  asideOf,
  fileTime,
  finishReplacing,
  removeDatabase,
  replaceDatabase,
  successorOf,
} from "./replace.ts";
import { withReserve } from "./reserve.ts";
import { type Salvage, salvage } from "./salvage.ts";
import { isEmpty, structureFaults } from "./sqlite_check.ts";

/** How to open a database, and what to do when it is damaged. */
export interface RecoveryOptions extends ReadableOptions {
  readonly onDamage: "start" | "refuse";
  /** Directory of backups, if there is one. */
  readonly backups?: string | undefined;
  readonly clock?: Clock;
  /** Told the size of a file whose structure takes long to prove, before that begins. */
  readonly onStructure?: (bytes: number) => void;
  /** Told the paragraph of a recovery. */
  readonly onRecovered?: (text: string, report: string) => void;
  /** Told why damaged records are left where they are. */
  readonly onNotRecovered?: (reason: string) => void;
}

/** An opened database, and what nobody has acknowledged yet. */
export interface Opened {
  readonly loaded: Loaded;
  readonly notices: Notices;
}

/**
 * Bytes of a file whose structure takes more than a second to prove: SQLite does that in one go, and says
 * nothing meanwhile. (280 MB a second in November 2026, on a machine shared with other work.)
 */
const SLOW_BYTES = 256 * 1024 * 1024;

/** What a file is called that Deno KV finds damaged where our own look at it did not. */
const DAMAGE = /malformed|not a database|no such table|no such column/;

/**
 * Opens the database at `options.path`, after a recovery if need be.
 *
 * @throws {PlantdError} `database_locked`, `database_unusable` for what is no damage: permissions, a full
 * disk, a newer format; `database_damaged` where the options say so.
 *
 * @example
 * ```ts
 * const { loaded, notices } = await openRecovering({ path: "state.db", onDamage: "start" });
 * ```
 */
export async function openRecovering(options: RecoveryOptions): Promise<Opened> {
  try {
    return await withReserve(options, () => openOnce(options));
  } catch (thrown) {
    const loaded = await openReadable(options, thrown);
    return { loaded, notices: await Notices.read(absolute(options.path)) };
  }
}

async function openOnce(options: RecoveryOptions): Promise<Opened> {
  const path = absolute(options.path);
  const faults = await faultsOf(path, options);
  if (faults.length > 0) await recover(path, faults, options);
  const loaded = await openDenoKv(options).catch(async (thrown) => {
    if (faults.length > 0 || !isDamage(path, thrown)) throw thrown;
    await recover(path, [messageOf(thrown)], options);
    return await openDenoKv(options);
  });
  return { loaded: await withoutDamage(path, loaded, options), notices: await Notices.read(path) };
}

/** Where records are damaged in a database that works otherwise, the same is done, if it can be. */
async function withoutDamage(
  path: string,
  loaded: Loaded,
  options: RecoveryOptions,
): Promise<Loaded> {
  if (loaded.damaged === 0) return loaded;
  await loaded.disk.close();
  try {
    const faults = [`${loaded.damaged} records are not as they were written`];
    await withReserve(options, () => recover(path, faults, options));
  } catch (thrown) {
    if (!(thrown instanceof PlantdError) || thrown.code === "database_damaged") throw thrown;
    // No room for a second database: the one there is works but for those records.
    options.onNotRecovered?.(thrown.message);
  }
  return await openDenoKv(options);
}

/** What is wrong with the file; also goes on with a replacement that was interrupted. */
async function faultsOf(
  path: string,
  { backups, clock = systemClock, onStructure = () => {} }: RecoveryOptions,
) {
  await Deno.mkdir(parentOf(path), { recursive: true, mode: 0o700 }).catch(() => {});
  using _lock = await lockDatabase(path);
  await finishReplacing(path, clock.now());
  if (!isEmpty(path)) {
    const { size } = await Deno.stat(path);
    if (size >= SLOW_BYTES) onStructure(size);
    return structureFaults(path);
  }
  // Nothing, where there are backups of something, or may be: it was here.
  const { good, fault } = await goodBackup(backups);
  const there = "there is none, or an empty file, and there";
  if (fault !== undefined) return [`${there} may be backups of one`];
  return good ? [`${there} are backups of one`] : [];
}

/** The latest good backup, or why nobody can tell whether there is one: that is no reason not to start. */
async function goodBackup(
  directory: string | undefined,
  accept?: (header: BackupHeader) => boolean,
) {
  if (directory === undefined) return {};
  try {
    return { good: await latestGood(directory, accept) };
  } catch (thrown) {
    if (thrown instanceof PlantdError) return { fault: thrown.message };
    throw thrown;
  }
}

function isDamage(path: string, thrown: unknown): boolean {
  if (!(thrown instanceof PlantdError) || thrown.code !== "database_unusable") return false;
  // A newer format, a lock and a directory that may not be written have no cause beneath.
  if (thrown.cause === undefined) return false;
  if (DAMAGE.test(thrown.message)) return true;
  try {
    const { lost, isComplete } = salvage(path);
    return lost.size > 0 || !isComplete;
  } catch {
    return false;
  }
}

/**
 * Recovers the database at `path`, which no service may have open.
 *
 * @param faults Why, in words.
 * @returns The paragraph.
 */
export async function recover(
  path: string,
  faults: readonly string[],
  options: RecoveryOptions,
): Promise<string> {
  if (options.onDamage === "refuse") throw refusal(path, faults, options.backups);
  const { clock = systemClock } = options;
  using _lock = await lockDatabase(path);
  const nowMs = clock.now();
  const aside = await asideOf(path, `.bad-${fileTime(nowMs)}`);
  const hadAny = !isEmpty(path);
  try {
    const report = `${aside}.txt`;
    const building = buildingOf(path);
    await removeDatabase(building);
    const from = hadAny ? aside : undefined;
    const text = await build(path, report, faults, from, options, building);
    await giveTo(report, path);
    // Before the replacement: after a crash in between it would be too late.
    const notices = await Notices.read(path);
    await notices.add({ time: new Date(nowMs).toISOString(), text, report });
    await Deno.rename(buildingOf(path), successorOf(path));
    await replaceDatabase(path, aside);
    options.onRecovered?.(text, report);
    return text;
  } catch (error) {
    if (error instanceof PlantdError) throw error;
    throw new PlantdError(
      "database_unusable",
      `the database ${path} is damaged and cannot be recovered: ${messageOf(error)}`,
      { hint: "see to room and permissions, and start again", data: { path }, cause: error },
    );
  }
}

/**
 * Makes a new database at `output` of what is whole in the one at `path`, which stays as it is, and of
 * backups; and a report at `output` with `.txt`.
 *
 * @returns The paragraph.
 * @throws {PlantdError} `file_unusable` when there is something at `output`, `database_locked`.
 */
export async function repairInto(
  path: string,
  output: string,
  faults: readonly string[],
  backups: string | undefined,
): Promise<string> {
  using _lock = await lockDatabase(path);
  return await build(path, `${output}.txt`, faults, path, { backups }, output);
}

/** Makes the new database, and the report. */
async function build(
  path: string,
  reportPath: string,
  faults: readonly string[],
  aside: string | undefined,
  { backups }: Pick<RecoveryOptions, "backups">,
  output: string,
): Promise<string> {
  const salvaged = aside === undefined ? NOTHING : salvage(path);
  const { epoch, format = 0 } = metaOf(salvaged) ?? {};
  if (format > layout.FORMAT) {
    throw new PlantdError(
      "database_unusable",
      `the database ${path} has the newer format ${format}`,
      {
        hint: "use the newer version of the program that wrote it",
      },
    );
  }
  // Another history has other revisions.
  const isSame = (header: BackupHeader) => epoch === undefined || header.epoch === epoch;
  const { good, fault: backupsFault } = await goodBackup(backups, isSame);
  using report = new LossReport(reportPath);
  using backup = good && await openBackup(good.path);
  await fillDenoKv(
    output,
    recoveredRecords(salvaged, backup, crypto.randomUUID(), (loss) => report.add(loss)),
  );
  const recovered: Recovered = {
    path,
    faults,
    aside: aside === path ? undefined : aside,
    whole: salvaged.records.size,
    backup: good && { path: good.path, ...good.summary },
    backupsFault,
    isComplete: salvaged.isComplete,
    mayBeStale: salvaged.mayBeStale || (salvaged !== NOTHING && mayBeOlder(salvaged)),
  };
  const text = paragraph(recovered, report.counts);
  report.finish(text);
  return text;
}

const NOTHING: Salvage = {
  records: new Map(),
  lost: new Map(),
  isComplete: false,
  mayBeStale: false,
};

/** Where the new database lies while it is made. */
function buildingOf(path: string): string {
  return `${path}.building`;
}

function refusal(path: string, faults: readonly string[], backups: string | undefined) {
  // Whoever runs it is in another directory.
  const from = backups === undefined ? "" : ` --backups=${shellWord(absolute(backups))}`;
  return new PlantdError(
    "database_damaged",
    `the database ${path} is damaged (${faults.join("; ")}), and database.on-damage is refuse`,
    { hint: `run: plantd-state recover --db=${shellWord(path)}${from}`, data: { path } },
  );
}
