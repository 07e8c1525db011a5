/**
 * The default disk: Deno KV in one file, which fsyncs every commit. Only the
 * deno_kv files name Deno.Kv.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import { PlantdError } from "../errors.ts";
import { absolute, parentOf } from "../paths.ts";
import type { Version } from "../state/store.ts";
import { setDraft } from "./deno_kv_draft.ts";
import * as layout from "./deno_kv_layout.ts";
import { loadDenoKv, type LoadedKv } from "./deno_kv_load.ts";
import { PastLook, type PastReport } from "./deno_kv_past.ts";
import { garbageOf, largeValues, newRefs, writePieces } from "./deno_kv_pieces.ts";
import { probeDenoKv } from "./deno_kv_probe.ts";
import { type Note, noteIn, Purge } from "./deno_kv_purge.ts";
import { Unsettled } from "./deno_kv_unsettled.ts";
import { garbageAhead, pastRecords, readVersions, writeAhead } from "./deno_kv_versions.ts";
import { makeDirectory } from "./directory.ts";
import { type FileDisk, LastingDisk } from "./deno_kv_lasting.ts";
import type { Loaded, Position, VersionsOf } from "./disk.ts";
import type { Draft } from "./draft.ts";
import type { Written } from "./draft_types.ts";
import { type DatabaseLock, lockDatabase } from "./lock.ts";
import { isLarge } from "./draft_history.ts";
import { encodeRecord } from "./record.ts";
import { databaseUnusable as unusable, writtenByAnother } from "./refusals.ts";
import { Quota } from "./quota.ts";
import { Reserve } from "./reserve.ts";
import { WalWatch } from "./sqlite_wal_watch.ts";

/** How to open a database. */
export interface DenoKvOptions {
  /** Path of the file; made with mode 0600 if missing, its directory with 0700. */
  readonly path: string;
  /** Told when garbage could not be purged; it is tried again. */
  readonly onPurgeFailure?: (thrown: unknown) => void;
  /** Told, in a sentence, that the database was lost while it was open, and written anew. */
  readonly onRenewed?: (text: string) => void;
  /** Told the number of entries read so far, every second of a start that takes long. */
  readonly onProgress?: (entries: number) => void;
  /** Told, a while after the start, whether the past of all keys is whole. */
  readonly onPastRead?: (report: PastReport) => void;
  /** The store's. */
  readonly clock?: Clock;
  /** Set aside so that deletes find room on a full disk, in bytes. */
  readonly reserveBytes?: number;
  /** Keys that may be newer than their entries; see deno_kv_unsettled.ts. */
  readonly unsettledMax?: number;
}

/** Deno KV takes 1000 mutations in one atomic; a hundred are left for what a commit has beside its keys. */
const RECORDS_MAX = 900;
/** Bytes of the past in one commit: with all else that it has it stays below Deno KV's 819,200. */
const PAST_BYTES_MAX = 200_000;

/**
 * Opens the database at `path`, locks it and reads it whole.
 *
 * @throws {PlantdError} `database_locked`, `database_unusable`.
 *
 * @example
 * ```ts
 * const { disk, mirror } = await openDenoKv({ path: "state.db" });
 * ```
 */
export async function openDenoKv(options: DenoKvOptions): Promise<Loaded> {
  // Made absolute so that no path means something else to Deno.openKv (":memory:", a URL, "").
  const file = absolute(options.path);
  await makeDirectory(parentOf(file)).catch((error) => {
    throw unusable(parentOf(file), error);
  });
  const reserve = await Reserve.beside(file, options.reserveBytes);
  const reopen = () => openFile(file, reserve, options);
  const opened = await reopen().catch(async (error) => {
    // Opening needs space, too: on a full disk the reserve is what there is.
    if (error instanceof PlantdError || !(await reserve.release())) throw error;
    return await reopen();
  }).catch((error) => {
    throw unusable(file, error);
  });
  const { onRenewed = () => {}, clock } = options;
  const lasting = { path: file, mirror: opened.mirror, reopen, onRenewed, clock };
  return { ...opened, disk: new LastingDisk(opened.disk, lasting) };
}

/** Opens the database in `file` as it is: without looking after the file, and with the reserve it is given. */
export async function openFile(
  file: string,
  reserve: Reserve,
  options: DenoKvOptions,
): Promise<Loaded & { readonly disk: FileDisk }> {
  const { onPurgeFailure = () => {}, onProgress, onPastRead, clock = systemClock } = options;
  // Makes the file, too: SQLite would make it readable for all, and its journals take its mode.
  const lock = await lockDatabase(file);
  let kv: Deno.Kv | undefined;
  try {
    kv = await Deno.openKv(file);
    const loaded = await loadDenoKv(kv, file, clock, onProgress);
    const { mirror, garbage, damaged } = loaded;
    const unsettled = new Unsettled(kv, loaded.unsettled, options.unsettledMax);
    const purge = new Purge(kv, onPurgeFailure, clock);
    await reserve.start();
    const look = onPastRead && new PastLook(kv, clock, onPastRead);
    const disk = new DenoKv(kv, lock, file, { purge, look, reserve, unsettled }, loaded);
    purge.add(garbage);
    return { disk, mirror, damaged };
  } catch (error) {
    kv?.close();
    lock[Symbol.dispose]();
    throw error;
  }
}

/** What a disk has beside its database. */
interface Beside {
  readonly purge: Purge;
  readonly look: PastLook | undefined;
  readonly reserve: Reserve;
  readonly unsettled: Unsettled;
}

class DenoKv implements FileDisk {
  readonly #kv: Deno.Kv;
  readonly #lock: DatabaseLock;
  readonly #log: WalWatch;
  readonly #quota: Quota;
  readonly #purge: Purge;
  readonly #look: PastLook | undefined;
  readonly #reserve: Reserve;
  #meta: layout.Meta;
  /** Version of the meta record; a commit that finds another one there is refused. */
  #metaVersion: string | null;
  readonly #unsettled: Unsettled;

  constructor(
    kv: Deno.Kv,
    lock: DatabaseLock,
    file: string,
    { purge, look, reserve, unsettled }: Beside,
    { meta, metaVersion }: LoadedKv,
  ) {
    this.#kv = kv;
    this.#lock = lock;
    this.#log = new WalWatch(file);
    this.#quota = new Quota(file);
    this.#purge = purge;
    this.#look = look;
    this.#reserve = reserve;
    this.#meta = meta;
    this.#metaVersion = metaVersion;
    this.#unsettled = unsettled;
  }

  get meta(): Position {
    return this.#meta;
  }

  get kv(): Deno.Kv {
    return this.#kv;
  }

  failure(): string | undefined {
    return this.#lock.broken() ?? this.#log.broken();
  }

  logFault(): string | undefined {
    return this.#lock.broken() === undefined ? this.#log.broken() : undefined;
  }

  async write(draft: Draft): Promise<Written> {
    /** What is written before the commit, and garbage unless that comes. */
    const ahead: Note[] = [];
    try {
      await this.#unsettled.prepare(draft, this.#last());
      const refs = await this.#writePieces(draft, ahead);
      await this.#commit(draft, refs, ahead);
      return refs;
    } catch (error) {
      // No version to come gets the number of one that is being purged.
      this.#meta = { ...this.#meta, nextVersion: draft.history.nextVersion };
      this.#purge.add(ahead);
      throw await this.#quota.explain(error);
    }
  }

  async probe(): Promise<void> {
    await probeDenoKv(this.#kv).catch(async (error) => {
      throw await this.#quota.explain(error);
    });
  }

  keepRoom(): Promise<void> {
    return this.#reserve.hold();
  }

  async makeRoom(): Promise<void> {
    await this.#reserve.release();
  }

  versions(numbers: readonly number[], of: VersionsOf): Promise<readonly Version[]> {
    return readVersions(this.#kv, numbers, of);
  }

  async rest(): Promise<void> {
    await this.#look?.close();
    await this.#purge.close();
  }

  async close(): Promise<void> {
    await this.rest();
    this.#kv.close();
    this.#lock[Symbol.dispose]();
  }

  /** What holds as long as nobody else has written. */
  #last(): Deno.AtomicCheck {
    return { key: layout.META_KEY, versionstamp: this.#metaVersion };
  }

  async #commit(draft: Draft, refs: Written, ahead: Note[]): Promise<void> {
    const { revision, nextScopeId, history: { nextVersion } } = draft;
    const meta = { ...this.#meta, format: layout.FORMAT, revision, nextScopeId, nextVersion };
    const atomic = this.#kv.atomic()
      .check(this.#last())
      .set(layout.META_KEY, encodeRecord(meta));
    setDraft(atomic, draft, refs);
    const relisted = this.#unsettled.write(atomic, draft);
    const garbage = await this.#writePast(atomic, draft, refs, ahead);
    for (const [id] of ahead) atomic.delete(layout.garbageKey(id));
    const notes = noteIn(atomic, garbage);
    const result = await atomic.commit();
    if (!result.ok) throw writtenByAnother();
    this.#metaVersion = result.versionstamp;
    this.#meta = meta;
    this.#unsettled.committed(relisted);
    this.#purge.add(notes);
  }

  /**
   * Writes the past that `draft` makes: in `atomic` if there is room, else in commits before it, which is
   * noted in `ahead`.
   *
   * @returns What is to be purged, because there was no room to delete it at once.
   */
  async #writePast(
    atomic: Deno.AtomicOperation,
    draft: Draft,
    refs: Written,
    ahead: Note[],
  ): Promise<layout.Garbage> {
    let records = [...pastRecords(draft, refs)];
    let room = RECORDS_MAX - draft.recordsTouched;
    const bytes = records.reduce((sum, { record }) => sum + record.length, 0);
    if (room < 0 || bytes > PAST_BYTES_MAX) {
      const early = records.filter(({ isReused }) => !isReused);
      const first = this.#kv.atomic();
      ahead.push(...noteIn(first, garbageAhead(early)));
      await writeAhead(this.#kv, early, first);
      room += early.length;
      records = records.filter(({ isReused }) => isReused);
    }
    for (const { at, record } of records) atomic.set(at, record);
    const versions: number[] = [];
    for (const number of draft.history.drops) {
      if (isLarge(number) || room <= 0) versions.push(number);
      else atomic.delete(layout.versionKey(number));
      room -= 1;
    }
    const deleted: number[] = [];
    for (const number of draft.tombstoneDrops()) {
      if (room <= 0) deleted.push(number);
      else atomic.delete(layout.deletedKey(number));
      room -= 1;
    }
    const scopeIds = draft.droppedScopes().map(({ id }) => id);
    const presents = this.#unsettled.dropped(draft);
    return { scopeIds, refs: draft.history.orphans, versions, presents, deleted };
  }

  /** Writes large values piece by piece; they are garbage, noted in `ahead`, until a commit refers to them. */
  async #writePieces(draft: Draft, ahead: Note[]): Promise<Written> {
    const large = largeValues(draft);
    const refs = newRefs(large);
    if (large.size === 0) return refs;
    const first = this.#kv.atomic();
    ahead.push(...noteIn(first, garbageOf(refs)));
    await writePieces(this.#kv, large, refs, first);
    return refs;
  }
}
