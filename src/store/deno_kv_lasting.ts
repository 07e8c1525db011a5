/**
 * A disk that outlives its file: when the database is deleted while it is open, or its write-ahead log is
 * lost, writes fail, and a new database is written, of what is in memory and of the past as far as it can
 * still be read. Nobody has to start the service anew, and nothing that was acknowledged is lost.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import { messageOf, PlantdError } from "../errors.ts";
import { parentOf } from "../paths.ts";
import type { Version } from "../state/store.ts";
import { allRecords } from "./deno_kv_all.ts";
import { fillDenoKv } from "./deno_kv_fill.ts";
import { makeDirectory } from "./directory.ts";
import type { Disk, Loaded, Position } from "./disk.ts";
import type { Draft } from "./draft.ts";
import type { Written } from "./draft_types.ts";
import type { MemoryCopy } from "./memory_copy.ts";
import type { Mirror } from "./mirror.ts";
import { asideOf, fileTime, removeDatabase, replaceDatabase, successorOf } from "./replace.ts";

/** How often the file is looked at, in milliseconds: also nobody who only reads is told that all is well. */
const LOOK_MS = 1000;

/** The disk of one file. */
export interface FileDisk extends Disk {
  readonly kv: Deno.Kv;
  /** Why the log is lost; undefined while it is not. */
  logFault(): string | undefined;
  /** Ends what is done in the background, for good. */
  rest(): Promise<void>;
}

/** What to work with. */
export interface LastingOptions {
  readonly path: string;
  readonly mirror: Mirror;
  /** Opens what is at the path now. */
  readonly reopen: () => Promise<Loaded & { readonly disk: FileDisk }>;
  /** Told, in a sentence, that there is a new database. */
  readonly onRenewed: (text: string) => void;
  readonly clock?: Clock | undefined;
  /** Where the disk is that is handed over, while what is at the path cannot be opened. */
  readonly copy?: MemoryCopy;
  /** Told that it was opened. */
  readonly onRegained?: () => void;
}

/** See above. Another file in the place of the database is left there, and writes fail while it is. */
export class LastingDisk implements Disk {
  readonly #options: LastingOptions;
  readonly #clock: Clock;
  #inner: FileDisk;
  #writing: Promise<unknown> = Promise.resolve();
  #renewing: Promise<void> | undefined;
  /** Why there is no database at all at the moment. */
  #lack: string | undefined;
  #cancel: () => void = () => {};
  #isInnerClosed = false;
  /** What the inner one is of, while that is not the database itself. */
  #copy: MemoryCopy | undefined;
  #isClosed = false;

  constructor(inner: FileDisk, options: LastingOptions) {
    this.#inner = inner;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#copy = options.copy;
    this.#lack = options.copy && `${options.path} cannot be written: ${options.copy.reason}`;
    this.#lookLater();
  }

  get meta(): Position {
    return this.#inner.meta;
  }

  failure(): string | undefined {
    return this.#lack ?? this.#inner.failure();
  }

  write(draft: Draft): Promise<Written> {
    return this.#writes(() => this.#inner.write(draft));
  }

  probe(): Promise<void> {
    return this.#writes(() => this.#inner.probe());
  }

  keepRoom(): Promise<void> {
    return this.#inner.keepRoom();
  }

  makeRoom(): Promise<void> {
    return this.#inner.makeRoom();
  }

  versions(...of: Parameters<Disk["versions"]>): Promise<readonly Version[]> {
    return this.#inner.versions(...of);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    await this.#renewing;
    await this.#closeInner();
    await this.#copy?.[Symbol.asyncDispose]();
  }

  /** Into a file that has no name any more SQLite would go on writing without complaint. */
  #writes<T>(write: () => Promise<T>): Promise<T> {
    const failure = this.failure();
    if (failure !== undefined) {
      return Promise.reject(new PlantdError("storage_unavailable", failure));
    }
    const written = write();
    this.#writing = written.catch(() => {});
    return written;
  }

  #lookLater(): void {
    if (this.#isClosed) return;
    this.#cancel = this.#clock.after(LOOK_MS, () => {
      this.#renewing = this.#look().finally(() => this.#lookLater());
    });
  }

  async #look(): Promise<void> {
    const { path } = this.#options;
    const fault = this.#inner.logFault() ??
      (isGone(path) ? `the database ${path} was deleted` : undefined);
    try {
      if (fault !== undefined) await this.#renew(fault);
      // A new one that could not be opened.
      else if (this.#lack !== undefined) await this.#reopen();
    } catch (thrown) {
      // Full, or not to be written: it is tried again.
      this.#lack = messageOf(thrown);
    }
  }

  async #renew(fault: string): Promise<void> {
    const { path, onRenewed } = this.#options;
    this.#lack = `${fault}; it is being written anew`;
    // What was on its way ends first: it has found the file as it was, or fails.
    await this.#writing;
    await this.#inner.rest();
    const lost = await this.#write(path);
    const aside = await asideOf(path, `.bad-${fileTime(this.#clock.now())}`);
    // Before the old one is closed, so that SQLite sees that its files are others, and leaves these alone.
    await replaceDatabase(path, aside);
    await this.#reopen();
    const past = lost === undefined ? "" : `, but earlier versions of keys may be lost: ${lost}`;
    onRenewed(`${fault} while it was open; it was written anew from memory${past}.`);
  }

  /** Writes the new database beside the place; returns why some of the past could not be read. */
  async #write(path: string): Promise<string | undefined> {
    const { mirror } = this.#options;
    const building = `${path}.building`;
    await makeDirectory(parentOf(path));
    await removeDatabase(building);
    let lost: string | undefined;
    const source = { kv: this.#inner.kv, mirror, meta: this.#inner.meta };
    await fillDenoKv(building, allRecords(source, (thrown) => lost = messageOf(thrown)));
    await Deno.rename(building, successorOf(path));
    return lost;
  }

  async #reopen(): Promise<void> {
    const { epoch, revision } = this.#inner.meta;
    // A copy goes on serving meanwhile, and has a lock of its own.
    if (!this.#copy) await this.#closeInner();
    const { disk } = await this.#options.reopen();
    if (disk.meta.epoch !== epoch || disk.meta.revision !== revision) {
      await disk.close();
      throw new PlantdError("storage_unavailable", `${this.#options.path} is another database`);
    }
    await this.#closeInner();
    this.#inner = disk;
    this.#isInnerClosed = false;
    this.#lack = undefined;
    if (!this.#copy) return;
    await this.#copy[Symbol.asyncDispose]();
    this.#copy = undefined;
    this.#options.onRegained?.();
  }

  async #closeInner(): Promise<void> {
    if (this.#isInnerClosed) return;
    this.#isInnerClosed = true;
    await this.#inner.close();
  }
}

function isGone(path: string): boolean {
  try {
    Deno.statSync(path);
    return false;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}
