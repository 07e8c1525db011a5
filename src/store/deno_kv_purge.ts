/**
 * Deletes, in the background, what nothing refers to any more.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import { intactPast, numbersIn } from "./deno_kv_decoded.ts";
import * as layout from "./deno_kv_layout.ts";
import { isLarge, NOTE_NUMBERS_MAX } from "./draft_history.ts";
import type { ValueRef } from "./mirror.ts";
import { encodeRecord } from "./record.ts";

/** Notes that are dealt with together: what is left of deleted keys is looked through once for all. */
const NOTES_MAX = 1000;
/** Records deleted in one commit, of the 1000 that Deno KV takes: few, so that writers hardly wait. */
const RECORDS_MAX = 400;
/** Bytes of keys deleted in one commit; with one more key it stays below Deno KV's 81,920. */
const KEY_BYTES_MAX = 60_000;

/** Records fetched by one call of list; the most Deno KV takes. */
const LIST_BATCH = 1000;
/** Pause before what could not be purged is tried again, in milliseconds. */
const RETRY_MS = 10_000;

/** A note of garbage, by its id. */
export type Note = readonly [id: string, layout.Garbage];

/** Has `atomic` note `garbage`, if there is any, in as many notes as it takes; with what was noted. */
export function noteIn(atomic: Deno.AtomicOperation, garbage: layout.Garbage): Note[] {
  const { versions = [], presents = [], ...rest } = garbage;
  const parts: layout.Garbage[] = [];
  if (Object.values(rest).some(({ length }) => length > 0)) parts.push(rest);
  for (const some of noteParts(versions)) parts.push({ scopeIds: [], refs: [], versions: some });
  for (const some of noteParts(presents)) parts.push({ scopeIds: [], refs: [], presents: some });
  return parts.map((part) => {
    const id = crypto.randomUUID();
    atomic.set(layout.garbageKey(id), encodeRecord(part));
    return [id, part];
  });
}

/** `numbers` in as many parts as it takes notes. */
export function* noteParts(numbers: readonly number[]): Generator<readonly number[]> {
  for (let i = 0; i < numbers.length; i += NOTE_NUMBERS_MAX) {
    yield numbers.slice(i, i + NOTE_NUMBERS_MAX);
  }
}

/**
 * Purges what was noted, until it is closed; what it has not come to, the next start does.
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
  #waiting: Note[] = [];
  /** What failed, to be tried again, each alone. */
  #failed: Note[] = [];
  #isRetryDue = false;
  #hasFailed = false;
  #cancel: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #closed = false;

  /** @param onFailure Told when something could not be purged, once until it could. */
  constructor(kv: Deno.Kv, onFailure: (thrown: unknown) => void, clock: Clock = systemClock) {
    this.#kv = kv;
    this.#onFailure = onFailure;
    this.#clock = clock;
  }

  /** Deletes what `notes` speak of, then the notes. */
  add(notes: Iterable<Note>): void {
    this.#waiting.push(...notes);
    this.#running ??= this.#run();
  }

  /** Resolves when nothing is being deleted any more. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    // What is added in this very turn belongs to the first round already.
    await Promise.resolve();
    for (let notes; !this.#closed && (notes = this.#next()).length > 0;) {
      try {
        await this.#purge(notes);
        this.#hasFailed = false;
      } catch (thrown) {
        this.#again(notes, thrown);
      }
    }
    this.#running = undefined;
  }

  #next(): Note[] {
    if (this.#isRetryDue && this.#failed.length > 0) return this.#failed.splice(0, 1);
    this.#isRetryDue = false;
    return this.#waiting.splice(0, NOTES_MAX);
  }

  /** Later: a disk that is full now may have room then. */
  #again(notes: readonly Note[], thrown: unknown): void {
    if (this.#closed) return;
    this.#failed.push(...notes);
    if (!this.#hasFailed) this.#onFailure(thrown);
    this.#hasFailed = true;
    this.#isRetryDue = false;
    this.#cancel ??= this.#clock.after(RETRY_MS, () => {
      this.#cancel = undefined;
      this.#isRetryDue = true;
      this.#running ??= this.#run();
    });
  }

  async #purge(all: readonly Note[]): Promise<void> {
    const notes = await this.#present(all);
    const deletion = new Deletion(this.#kv, () => this.#closed);
    const scopeIds = new Set<number>();
    for (const [, garbage] of notes) {
      for (const ref of garbage.refs) await deletion.add(layout.pieceKeys(ref));
      await this.#versions(deletion, garbage.versions);
      await this.#presents(deletion, garbage.presents);
      // Their values in pieces are those of entries, or noted themselves.
      await deletion.add((garbage.ahead ?? []).map((number) => layout.versionKey(number)));
      await deletion.add((garbage.deleted ?? []).map((number) => layout.deletedKey(number)));
      for (const id of garbage.scopeIds) scopeIds.add(id);
    }
    for (const id of scopeIds) await this.#entries(deletion, id);
    if (scopeIds.size > 0) await this.#deleted(deletion, scopeIds);
    // They are deleted in order: a note after all that it speaks of.
    await deletion.add(notes.map(([id]) => layout.garbageKey(id)));
    await deletion.flush();
  }

  /** A commit that seemed to fail and did not has deleted its note: then nothing there is garbage. */
  async #present(notes: readonly Note[]): Promise<Note[]> {
    const present: Note[] = [];
    for (const note of notes) {
      if ((await this.#kv.get(layout.garbageKey(note[0]))).value !== null) present.push(note);
    }
    return present;
  }

  async #versions(deletion: Deletion, numbers: readonly number[] = []): Promise<void> {
    for (const number of numbers) {
      const at = layout.versionKey(number);
      if (isLarge(number)) await deletion.add(piecesOf(intactPast((await this.#kv.get(at)).value)));
      await deletion.add([at]);
    }
  }

  async #presents(deletion: Deletion, numbers: readonly number[] = []): Promise<void> {
    for (const number of numbers) {
      // Where it is gone what it names went before it.
      const past = intactPast((await this.#kv.get(layout.versionKey(number))).value);
      await this.#versions(deletion, past?.header.p);
      await this.#versions(deletion, [number]);
    }
  }

  async #entries(deletion: Deletion, scopeId: number): Promise<void> {
    for await (const { key, value } of this.#kv.list({ prefix: layout.entriesOf(scopeId) })) {
      if (this.#closed) return;
      const entry = intact(() => layout.decodeEntry(key, value));
      await deletion.add(piecesOf(entry));
      if (entry) await this.#versions(deletion, numbersIn(entry));
      await deletion.add([key as layout.Key]);
    }
  }

  /** What is left of deleted keys of scopes that are gone. */
  async #deleted(deletion: Deletion, scopeIds: ReadonlySet<number>): Promise<void> {
    const list = this.#kv.list({ prefix: layout.DELETED }, { batchSize: LIST_BATCH });
    for await (const { key, value } of list) {
      if (this.#closed) return;
      const past = intactPast(value);
      if (!past || !scopeIds.has(past.header.scope)) continue;
      await this.#versions(deletion, past.header.p);
      await deletion.add([key as layout.Key]);
    }
  }
}

/** Records to be deleted, in their order, in as few commits as writers can bear. */
class Deletion {
  readonly #kv: Deno.Kv;
  readonly #isClosed: () => boolean;
  #atomic: Deno.AtomicOperation;
  #records = 0;
  #keyBytes = 0;

  /** @param isClosed Nothing is deleted any more when it says so. */
  constructor(kv: Deno.Kv, isClosed: () => boolean) {
    this.#kv = kv;
    this.#isClosed = isClosed;
    this.#atomic = kv.atomic();
  }

  async add(keys: readonly layout.Key[]): Promise<void> {
    for (const key of keys) {
      this.#atomic.delete(key);
      this.#records += 1;
      this.#keyBytes += layout.keyBytes(key);
      if (this.#records >= RECORDS_MAX || this.#keyBytes >= KEY_BYTES_MAX) await this.flush();
    }
  }

  async flush(): Promise<void> {
    if (this.#records === 0 || this.#isClosed()) return;
    const atomic = this.#atomic;
    this.#atomic = this.#kv.atomic();
    [this.#records, this.#keyBytes] = [0, 0];
    await atomic.commit();
  }
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
