/**
 * Deletes, in the background, what nothing refers to any more.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import * as layout from "./deno_kv_layout.ts";
import { isLarge, NOTE_NUMBERS_MAX } from "./draft_history.ts";
import type { ValueRef } from "./mirror.ts";
import { encodeRecord } from "./record.ts";

/** Entries looked at in one go; few, so that writers hardly wait. */
const BATCH = 250;
/** Records deleted in one commit; Deno KV takes 1000. */
const RECORDS_MAX = 990;
/** Bytes of keys deleted in one commit; with one more key it stays below Deno KV's 81,920. */
const KEY_BYTES_MAX = 60_000;

/** Pause before what could not be purged is tried again, in milliseconds. */
const RETRY_MS = 10_000;

/** A note of garbage, by its id. */
export type Note = readonly [id: string, layout.Garbage];

/** Has `atomic` note `garbage`, if there is any, in as many notes as it takes; with what was noted. */
export function noteIn(atomic: Deno.AtomicOperation, garbage: layout.Garbage): Note[] {
  const { versions = [], ...rest } = garbage;
  const parts: layout.Garbage[] = [];
  if (Object.values(rest).some(({ length }) => length > 0)) parts.push(rest);
  for (let i = 0; i < versions.length; i += NOTE_NUMBERS_MAX) {
    const some = versions.slice(i, i + NOTE_NUMBERS_MAX);
    parts.push({ scopeIds: [], refs: [], versions: some });
  }
  return parts.map((part) => {
    const id = crypto.randomUUID();
    atomic.set(layout.garbageKey(id), encodeRecord(part));
    return [id, part];
  });
}

/**
 * Purges one thing after another, until it is closed; what it has not come to, the next start does.
 *
 * @example
 * ```ts
 * const purge = new Purge(kv, (thrown) => console.warn(thrown));
 * purge.add([[note, { scopeIds: [3], refs: [] }]]);
 * await purge.close();
 * ```
 */
export class Purge {
  readonly #kv: Deno.Kv;
  readonly #onFailure: (thrown: unknown) => void;
  readonly #clock: Clock;
  /** What failed, to be tried again. */
  #failed: Note[] = [];
  #hasFailed = false;
  #cancel: (() => void) | undefined;
  #running: Promise<void> = Promise.resolve();
  #closed = false;

  /** @param onFailure Told when something could not be purged, once until it could. */
  constructor(kv: Deno.Kv, onFailure: (thrown: unknown) => void, clock: Clock = systemClock) {
    this.#kv = kv;
    this.#onFailure = onFailure;
    this.#clock = clock;
  }

  /** Deletes what `notes` speak of, then the notes. */
  add(notes: Iterable<Note>): void {
    for (const note of notes) {
      this.#running = this.#running
        .then(() => this.#purge(note))
        .catch((thrown) => this.#again(note, thrown));
    }
  }

  /** Later: a disk that is full now may have room then. */
  #again(note: Note, thrown: unknown): void {
    if (this.#closed) return;
    this.#failed.push(note);
    if (!this.#hasFailed) this.#onFailure(thrown);
    this.#hasFailed = true;
    this.#cancel ??= this.#clock.after(RETRY_MS, () => {
      this.#cancel = undefined;
      const notes = this.#failed;
      this.#failed = [];
      this.add(notes);
    });
  }

  /** Resolves when nothing is being deleted any more. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel?.();
    await this.#running;
  }

  async #purge([id, garbage]: Note): Promise<void> {
    const { scopeIds, refs, versions = [], ahead = [], deleted = [] } = garbage;
    // A commit that seemed to fail and did not has deleted the note: then nothing here is garbage.
    if ((await this.#kv.get(layout.garbageKey(id))).value === null) return;
    for (const ref of refs) await this.#delete(layout.pieceKeys(ref));
    await this.#purgeVersions(versions);
    // Their values in pieces are those of entries, or noted themselves.
    await this.#delete(ahead.map((number) => layout.versionKey(number)));
    await this.#delete(deleted.map((number) => layout.deletedKey(number)));
    for (const scopeId of scopeIds) await this.#purgeEntries(scopeId);
    if (scopeIds.length > 0) await this.#purgeDeleted(new Set(scopeIds));
    if (this.#closed) return;
    await this.#delete([layout.garbageKey(id)]);
    this.#hasFailed = false;
  }

  async #purgeVersions(numbers: readonly number[]): Promise<void> {
    const keys: layout.Key[] = [];
    for (const number of numbers) {
      const at = layout.versionKey(number);
      if (isLarge(number)) keys.push(...piecesOf(pastOf((await this.#kv.get(at)).value)));
      keys.push(at);
    }
    await this.#delete(keys);
  }

  async #purgeEntries(scopeId: number): Promise<void> {
    for (;;) {
      const keys: layout.Key[] = [];
      const list = this.#kv.list({ prefix: layout.entriesOf(scopeId) }, { limit: BATCH });
      for await (const { key, value } of list) {
        if (this.#closed) return;
        keys.push(key as layout.Key);
        const entry = intact(() => layout.decodeEntry(key, value));
        await this.#delete(piecesOf(entry));
        await this.#purgeVersions(entry?.header.p ?? []);
      }
      if (keys.length === 0 || this.#closed) return;
      await this.#delete(keys);
    }
  }

  /** What is left of deleted keys of scopes that are gone. */
  async #purgeDeleted(scopeIds: ReadonlySet<number>): Promise<void> {
    for await (const { key, value } of this.#kv.list({ prefix: layout.DELETED })) {
      if (this.#closed) return;
      const past = pastOf(value);
      if (!past || !scopeIds.has(past.header.scope)) continue;
      await this.#purgeVersions(past.header.p ?? []);
      await this.#delete([key as layout.Key]);
    }
  }

  async #delete(keys: readonly layout.Key[]): Promise<void> {
    if (keys.length === 0) return;
    let atomic = this.#kv.atomic();
    let [records, keyBytes] = [0, 0];
    for (const key of keys) {
      if (this.#closed) return;
      atomic.delete(key);
      records += 1;
      keyBytes += layout.keyBytes(key);
      if (records < RECORDS_MAX && keyBytes < KEY_BYTES_MAX) continue;
      await atomic.commit();
      atomic = this.#kv.atomic();
      [records, keyBytes] = [0, 0];
    }
    await atomic.commit();
  }
}

function pastOf(record: unknown): layout.DecodedPast | undefined {
  return intact(() => layout.decodePast(record));
}

/** Where the pieces of a value are, if it has any. */
function piecesOf(of: { readonly ref: ValueRef | undefined } | undefined): layout.Key[] {
  return of?.ref ? layout.pieceKeys(of.ref) : [];
}

/** What `read` returns, or undefined if the record cannot be read. */
function intact<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
