/**
 * Keys that are newer than their entries on disk. What such a key is now was written once, as the version
 * that it will be when it is the past; its entry follows when so many others are newer that a start would
 * take long. Most are replaced before that: so a key that changes often costs one record a change.
 *
 * Each commit lists what it leaves unsettled (`u`), with the revision of each: whoever reads the database
 * takes the version where that is later than the entry's. A key without an entry was deleted.
 *
 * @module
 */

import { utf8Bytes } from "../state/utf8.ts";
import * as layout from "./deno_kv_layout.ts";
import { type Listed, listRecord, type UnsettledList } from "./deno_kv_newer.ts";
import type { Draft } from "./draft.ts";
import { living, type StoredEntry } from "./mirror.ts";
import { writtenByAnother } from "./refusals.ts";

/** Versions listed before entries are settled: a start reads each of them by its number. */
const LISTED_MAX = 4096;
/** How many more there are, as a part of that, before commits of their own settle them. */
const EXCESS = 1 / 16;
/** Entries that a commit settles beside all else that it has, and bytes of their keys and records. */
const BESIDE_MAX = { entries: 80, keyBytes: 8_000, bytes: 60_000 } as const;
/** The same of a commit that does nothing else; with one more entry it stays within Deno KV's limits. */
const ALONE_MAX = { entries: 400, keyBytes: 70_000, bytes: 600_000 } as const;
/** Lists deleted with them, or without. */
const LISTS_MAX = { beside: 10, alone: 900 } as const;
/** Bytes of one list; Deno KV takes 65,536 for the whole record. */
const LIST_BYTES_MAX = 50_000;
/** What a version takes in a list beside its key; rounded up. */
const LISTED_BYTES = 60;

/**
 * The lists of a database that is open, the oldest first.
 *
 * @example
 * ```ts
 * await unsettled.prepare(draft, { key: META_KEY, versionstamp });
 * const written = unsettled.write(atomic, draft);
 * await atomic.commit();
 * unsettled.committed(written);
 * ```
 */
export class Unsettled {
  readonly #kv: Deno.Kv;
  readonly #lists: UnsettledList[];
  readonly #listedMax: number;
  #count: number;
  #nextPlace: number;

  /** @param lists As they are on disk. */
  constructor(kv: Deno.Kv, lists: readonly UnsettledList[], listedMax = LISTED_MAX) {
    this.#kv = kv;
    this.#listedMax = listedMax;
    this.#lists = [...lists];
    this.#count = countOf(lists);
    this.#nextPlace = lists.reduce((next, { at }) => Math.max(next, placeOf(at) + 1), 0);
  }

  /**
   * Settles, before `draft` is committed, what is too much for a commit with something else in it. Not for one
   * that lists nothing itself: to delete takes no space.
   *
   * @param last What holds as long as nobody else has written: entries are written over.
   * @throws {PlantdError} `storage_unavailable` when it does not.
   */
  async prepare(draft: Draft, last: Deno.AtomicCheck): Promise<void> {
    if (this.#count <= this.#listedMax * (1 + EXCESS) || listsOf(draft).length === 0) return;
    const excess = this.#excess();
    await this.#writeEntries(excess.flatMap(({ versions }) => presentOf(versions, draft)), last);
    // After the entries: a list that is there too long does no harm.
    await this.#deleteLists(excess, last);
    this.#forget(excess);
  }

  /** Numbers of what keys are, in scopes that `draft` deletes, where their entries do not name it. */
  dropped(draft: Draft): readonly number[] {
    const dropped = new Set(draft.droppedScopes().map(({ id }) => id));
    if (dropped.size === 0) return [];
    const versions = this.#lists.flatMap((list) => list.versions)
      .filter(({ scopeId }) => dropped.has(scopeId));
    return [...new Set(presentOf(versions, draft).map(({ entry }) => entry.at!))];
  }

  /** Has `atomic`, which commits `draft`, list what that leaves unsettled, and settle what is listed too long. */
  write(atomic: Deno.AtomicOperation, draft: Draft): Relisted {
    const lists = listsOf(draft);
    const count = lists.reduce((sum, { length }) => sum + length, 0);
    // In other commits there may be no room.
    const hasRoom = count === draft.keyWrites().length && draft.droppedScopes().length === 0;
    const settled = hasRoom ? this.#settleBeside(atomic, draft) : [];
    // To write over a record costs less than a new one and the end of an old one.
    const places = settled.map(({ at }) => at);
    const added = lists.map((versions) => ({ at: places.shift() ?? this.#newPlace(), versions }));
    for (const list of added) atomic.set(...listRecord(list));
    for (const at of places) atomic.delete(at);
    return { added, settled };
  }

  /** What {@link write} did is on disk. */
  committed({ added, settled }: Relisted): void {
    this.#forget(settled);
    this.#lists.push(...added);
    this.#count += countOf(added);
  }

  /** Has `atomic` settle as many of the oldest lists as it can; what becomes of their records is the caller's. */
  #settleBeside(atomic: Deno.AtomicOperation, draft: Draft): UnsettledList[] {
    const room = new Room(BESIDE_MAX);
    const settled: UnsettledList[] = [];
    for (const list of this.#excess().slice(0, LISTS_MAX.beside)) {
      const present = presentOf(list.versions, draft)
        // What the draft itself writes or deletes is listed anew, or needs to be no more.
        .filter(({ scopeId, key }) => !draft.changes(scopeId, key));
      const entries = present.length > BESIDE_MAX.entries ? undefined : present.map(recordOf);
      if (!entries || !room.takes(entries)) break;
      for (const [at, record] of entries) atomic.set(at, record);
      settled.push(list);
    }
    return settled;
  }

  #newPlace(): layout.Key {
    this.#nextPlace += 1;
    return layout.unsettledKey(this.#nextPlace - 1);
  }

  /** The oldest lists that are too many. */
  #excess(): UnsettledList[] {
    let [lists, count] = [0, this.#count];
    while (count > this.#listedMax) {
      count -= this.#lists[lists]!.versions.length;
      lists += 1;
    }
    return this.#lists.slice(0, lists);
  }

  /** The first `lists` are gone. */
  #forget(lists: readonly UnsettledList[]): void {
    this.#lists.splice(0, lists.length);
    this.#count -= countOf(lists);
  }

  async #writeEntries(present: readonly Present[], last: Deno.AtomicCheck): Promise<void> {
    if (present.length === 0) return;
    let [atomic, room] = [this.#kv.atomic(), new Room(ALONE_MAX)];
    for (const [at, record] of present.map(recordOf)) {
      if (!room.takes([[at, record]])) {
        await commitAfter(last, atomic);
        [atomic, room] = [this.#kv.atomic(), new Room(ALONE_MAX)];
        room.takes([[at, record]]);
      }
      atomic.set(at, record);
    }
    await commitAfter(last, atomic);
  }

  async #deleteLists(lists: readonly UnsettledList[], last: Deno.AtomicCheck): Promise<void> {
    for (let i = 0; i < lists.length; i += LISTS_MAX.alone) {
      const atomic = this.#kv.atomic();
      for (const { at } of lists.slice(i, i + LISTS_MAX.alone)) atomic.delete(at);
      await commitAfter(last, atomic);
    }
  }
}

/** What a commit does to the lists. */
export interface Relisted {
  readonly added: readonly UnsettledList[];
  /** The first ones, which are there no more. */
  readonly settled: readonly UnsettledList[];
}

/** A key that is newer than its entry, as of the last commit. */
interface Present {
  readonly scopeId: number;
  readonly key: string;
  readonly entry: StoredEntry;
}

type EntryRecord = readonly [at: layout.Key, record: Uint8Array];

async function commitAfter(last: Deno.AtomicCheck, atomic: Deno.AtomicOperation): Promise<void> {
  if (!(await atomic.check(last).commit()).ok) throw writtenByAnother();
}

/** Those of `versions` that are still what their keys are. */
function presentOf(versions: readonly Listed[], draft: Draft): Present[] {
  const present: Present[] = [];
  for (const { number, scopeId, key } of versions) {
    const entry = draft.committed(scopeId, key);
    if (entry?.at === number) present.push({ scopeId, key, entry });
  }
  return present;
}

function recordOf({ scopeId, key, entry }: Present): EntryRecord {
  const at = layout.entryKey(scopeId, key);
  return [at, layout.encodeEntry(at, entry, undefined)];
}

/** What `draft` writes as versions alone, in as many lists as it takes. */
function listsOf(draft: Draft): Listed[][] {
  const lists: Listed[][] = [];
  let bytes = Infinity;
  for (const { scopeId, key, last } of draft.keyWrites()) {
    const entry = living(last);
    if (entry?.at === undefined) continue;
    bytes += LISTED_BYTES + utf8Bytes(key);
    if (bytes > LIST_BYTES_MAX) {
      lists.push([]);
      bytes = LISTED_BYTES + utf8Bytes(key);
    }
    lists.at(-1)!.push({ number: entry.at, revision: entry.revision, scopeId, key });
  }
  return lists;
}

function placeOf(at: layout.Key): number {
  return at[1] as number;
}

function countOf(lists: readonly UnsettledList[]): number {
  return lists.reduce((sum, { versions }) => sum + versions.length, 0);
}

/** What still goes into a commit. */
class Room {
  #entries: number;
  #keyBytes: number;
  #bytes: number;

  constructor({ entries, keyBytes, bytes }: {
    readonly entries: number;
    readonly keyBytes: number;
    readonly bytes: number;
  }) {
    this.#entries = entries;
    this.#keyBytes = keyBytes;
    this.#bytes = bytes;
  }

  /** Takes room for all of `entries`; false if there is not enough. */
  takes(entries: readonly EntryRecord[]): boolean {
    const keyBytes = entries.reduce((sum, [at]) => sum + layout.keyBytes(at), 0);
    // Deno KV counts keys twice.
    const bytes = entries.reduce((sum, [, record]) => sum + record.length, 2 * keyBytes);
    this.#entries -= entries.length;
    this.#keyBytes -= keyBytes;
    this.#bytes -= bytes;
    return this.#entries >= 0 && this.#keyBytes >= 0 && this.#bytes >= 0;
  }
}
