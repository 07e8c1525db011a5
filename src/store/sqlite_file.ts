/**
 * An SQLite database read page by page, without SQLite: for one that SQLite no longer reads. Pages that
 * are whole give their rows, whatever happened to the others.
 *
 * @module
 */

import { readRow, readTreePage, viewOf } from "./sqlite_page.ts";
import type { Column } from "./sqlite_page.ts";
import { isPageSize, readWal, type Wal } from "./sqlite_wal.ts";

/** Page size where the file no longer tells; SQLite's default, and so Deno KV's. */
const PAGE_BYTES = 4096;
/** Longest chain of pages behind a row: a record of 64 KiB in the smallest pages. */
const CHAIN_MAX = 140;
const MAGIC = new TextEncoder().encode("SQLite format 3\0");

/** A database file that is being read. */
export class SqliteFile implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #wal: Wal;
  readonly #pageBytes: number;
  /** Pages of the file, or of the log where that knows of more. */
  readonly pageCount: number;
  /** Pages that SQLite keeps for later, whose rows are old; undefined where the list is damaged. */
  readonly #free: ReadonlySet<number> | undefined;
  /** Pages in chains behind rows. */
  readonly #chained = new Set<number>();
  readonly #unexplained = new Set<number>();
  #badCells = 0;
  #isShort = false;

  /** @throws Whatever the file system says. */
  constructor(path: string) {
    this.#wal = readWal(readIfAny(`${path}-wal`));
    this.#file = Deno.openSync(path);
    const header = new Uint8Array(100);
    this.#readAt(0, header);
    const size = viewOf(header).getUint16(16) || PAGE_BYTES;
    this.#pageBytes = isPageSize(size) ? size : size === 1 ? 65_536 : PAGE_BYTES;
    const inFile = Math.ceil(this.#file.statSync().size / this.#pageBytes);
    this.pageCount = Math.max(inFile, this.#wal.pageCount ?? 0);
    this.#free = this.#freePages();
  }

  /**
   * Whether old rows may be among those read: it is not known which pages are in use, or what the log had of
   * some is lost.
   */
  get mayBeStale(): boolean {
    return this.#free === undefined || this.#wal.commitsCut > 0;
  }

  /** Whether every page is one that is known of; only then is a row that is not there known to be gone. */
  get isComplete(): boolean {
    return !this.mayBeStale && !this.#isShort && this.#badCells === 0 &&
      this.#unexplained.size === 0;
  }

  /** The columns of every row of every index page in use. */
  *rows(): Generator<Column[]> {
    for (let number = 1; number <= this.pageCount; number += 1) {
      if (this.#free?.has(number)) continue;
      const page = this.page(number);
      const tree = page && readTreePage(page, number === 1 ? 100 : 0);
      if (!tree) {
        this.#unexplained.add(number);
        continue;
      }
      this.#badCells += tree.badCells;
      for (const { local, bytes, overflow } of tree.cells) {
        const payload = overflow === 0 ? local : this.#chain(local, bytes, overflow);
        const row = payload && readRow(payload);
        if (row) yield row;
        else this.#badCells += 1;
      }
    }
    for (const number of this.#chained) this.#unexplained.delete(number);
  }

  /** The bytes of a page as the last commit left it; undefined where the file has none. */
  page(number: number): Uint8Array | undefined {
    const logged = this.#wal.pages.get(number);
    if (logged) return logged;
    const page = new Uint8Array(this.#pageBytes);
    return this.#readAt((number - 1) * this.#pageBytes, page) ? page : undefined;
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  #chain(local: Uint8Array, bytes: number, first: number): Uint8Array | undefined {
    const payload = new Uint8Array(bytes > CHAIN_MAX * this.#pageBytes ? 0 : bytes);
    if (payload.length === 0) return undefined;
    payload.set(local);
    let at = local.length;
    for (let number = first, links = 0; at < bytes; links += 1) {
      const page = number > 1 && links < CHAIN_MAX ? this.page(number) : undefined;
      if (!page) return undefined;
      this.#chained.add(number);
      const part = page.subarray(4, 4 + Math.min(bytes - at, page.length - 4));
      payload.set(part, at);
      at += part.length;
      number = viewOf(page).getUint32(0);
    }
    return payload;
  }

  /** The pages of the free list; undefined if it, or the file's header, is damaged. */
  #freePages(): Set<number> | undefined {
    const header = this.page(1);
    if (!header || MAGIC.some((byte, i) => header[i] !== byte)) return undefined;
    const view = viewOf(header);
    this.#isShort = view.getUint32(28) !== this.pageCount;
    const count = view.getUint32(36);
    const free = new Set<number>();
    for (let number = view.getUint32(32); number !== 0;) {
      const trunk = free.has(number) ? undefined : this.page(number);
      if (!trunk) return undefined;
      free.add(number);
      const list = viewOf(trunk);
      const leaves = list.getUint32(4);
      if (8 + 4 * leaves > trunk.length) return undefined;
      for (let i = 0; i < leaves; i += 1) free.add(list.getUint32(8 + 4 * i));
      number = list.getUint32(0);
    }
    return free.size === count ? free : undefined;
  }

  /** Fills `bytes` from `position` on; false at the end of the file. */
  #readAt(position: number, bytes: Uint8Array): boolean {
    this.#file.seekSync(position, Deno.SeekMode.Start);
    for (let filled = 0; filled < bytes.length;) {
      const read = this.#file.readSync(bytes.subarray(filled));
      if (read === null) return false;
      filled += read;
    }
    return true;
  }
}

/** The write-ahead log beside a database. */
export function walOf(path: string): Wal {
  return readWal(readIfAny(`${path}-wal`));
}

function readIfAny(path: string): Uint8Array {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Uint8Array();
    throw error;
  }
}
