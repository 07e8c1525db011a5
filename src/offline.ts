/**
 * What is done with a database while no service has it: checking, backing up, restoring, recovering.
 *
 * @module
 */

import type { BackupRecord } from "./backup/format.ts";
import { compareNames } from "./backup/order.ts";
import { openBackup, verifyBackup } from "./backup/reader.ts";
import { PlantdError } from "./errors.ts";
import { absolute } from "./paths.ts";
import { encodeRecords } from "./store/deno_kv_encode.ts";
import { fillDenoKv } from "./store/deno_kv_fill.ts";
import { streamDenoKv } from "./store/deno_kv_stream.ts";
import { lockDatabase } from "./store/lock.ts";
import {
  asideOf,
  fileTime,
  finishReplacing,
  removeDatabase,
  replaceDatabase,
  successorOf,
} from "./store/replace.ts";
import { isEmpty, structureFaults } from "./store/sqlite_check.ts";

export { type CheckCounts, checkDenoKv } from "./store/deno_kv_check.ts";
export { streamDenoKv } from "./store/deno_kv_stream.ts";
export { holderOf } from "./store/lock.ts";
export { recover, repairInto } from "./store/recovery.ts";

/** Part of a restore that goes into proving the backup first: 7 s of 24 for a million keys. */
const VERIFYING_PART = 0.3;

/** What to restore. */
export interface RestoreOptions {
  readonly database: string;
  readonly backup: string;
  /** Only this scope; everything else stays as it is. */
  readonly scope?: string | undefined;
  readonly dryRun: boolean;
  /** Told now and then which part is done, from 0 to 1. */
  readonly onProgress?: (part: number) => void;
}

/** What was restored, or would be. */
export interface Restored {
  readonly scopes: number;
  readonly entries: number;
  /** Where the database before it is now; undefined where there was none, or nothing was done. */
  readonly aside: string | undefined;
}

/**
 * Puts what a backup holds in the place of a database, as a new history: with an epoch of its own, and
 * revisions behind those of the backup and of the database before it. That one is moved aside.
 *
 * @throws {PlantdError} `backup_invalid`, `file_unusable`, `database_locked`, `scope_not_found`,
 * `database_damaged` when a single scope is to be put into a database that is not whole.
 *
 * @example
 * ```ts
 * await restore({ database: "state.db", backup: "state.backup", dryRun: false });
 * ```
 */
export async function restore(options: RestoreOptions): Promise<Restored> {
  const path = absolute(options.database);
  // Before anything is touched: half a backup is none.
  const { onProgress = () => {} } = options;
  const verifying = options.dryRun ? 1 : VERIFYING_PART;
  const summary = await verifyBackup(options.backup, (part) => onProgress(part * verifying));
  const counts = options.scope === undefined ? summary : await countScope(options, options.scope);
  if (options.dryRun) {
    return { scopes: counts.scopes, entries: counts.entries, aside: undefined };
  }
  {
    using _lock = await lockDatabase(path);
    await finishReplacing(path, Date.now());
  }
  const building = `${path}.building`;
  const hadAny = !isEmpty(path);
  await build(path, building, hadAny, summary.revision, options);
  using _lock = await lockDatabase(path);
  const aside = await asideOf(path, `.before-restore-${fileTime(Date.now())}`);
  await Deno.rename(building, successorOf(path));
  await replaceDatabase(path, aside);
  return { scopes: counts.scopes, entries: counts.entries, aside: hadAny ? aside : undefined };
}

async function build(
  path: string,
  building: string,
  hadAny: boolean,
  backupRevision: number,
  { backup: backupPath, scope, onProgress = () => {} }: RestoreOptions,
): Promise<void> {
  using backup = await openBackup(backupPath);
  const { progress } = backup;
  const told = telling(backup.records, () => {
    const read = progress.bytes / progress.bytesTotal;
    onProgress(VERIFYING_PART + (1 - VERIFYING_PART) * read);
  });
  const epoch = crypto.randomUUID();
  if (!hadAny || (scope === undefined && await isDamaged(path))) {
    using _lock = await lockDatabase(path);
    await removeDatabase(building);
    const records = scope === undefined ? told : only(told, scope);
    await fillDenoKv(building, encodeRecords(records, { epoch, revision: backupRevision }));
    return;
  }
  using present = await streamDenoKv(path);
  // What a restore that was killed has left; of one that is at work the lock would be held.
  await removeDatabase(building);
  const revision = Math.max(backupRevision, present.revision);
  const records = scope === undefined ? told : withScope(present.records, told, scope);
  await fillDenoKv(building, encodeRecords(records, { epoch, revision }));
}

/** A database that is replaced as a whole need not be readable. */
async function isDamaged(path: string): Promise<boolean> {
  using _lock = await lockDatabase(path);
  return structureFaults(path).length > 0;
}

async function countScope({ backup: path }: RestoreOptions, scope: string) {
  using backup = await openBackup(path);
  let [scopes, entries] = [0, 0];
  for await (const record of only(backup.records, scope)) {
    if (record.kind === "scope") scopes += 1;
    else if (record.kind === "entry") entries += 1;
  }
  if (scopes > 0) return { scopes, entries };
  throw new PlantdError("scope_not_found", `the backup ${path} has no scope "${scope}"`);
}

async function* telling<T>(items: AsyncIterable<T>, call: () => void): AsyncGenerator<T> {
  for await (const item of items) {
    call();
    yield item;
  }
}

async function* only(
  records: AsyncIterable<BackupRecord>,
  scope: string,
): AsyncGenerator<BackupRecord> {
  for await (const record of records) if (record.scope === scope) yield record;
}

/** `present` with `scope` as it is in a backup, in order. */
async function* withScope(
  present: AsyncIterable<BackupRecord>,
  backup: AsyncIterable<BackupRecord>,
  scope: string,
): AsyncGenerator<BackupRecord> {
  let isDone = false;
  for await (const record of present) {
    if (!isDone && compareNames(record.scope, scope) >= 0) {
      isDone = true;
      yield* only(backup, scope);
    }
    if (record.scope !== scope) yield record;
  }
  if (!isDone) yield* only(backup, scope);
}
