/**
 * The default disk: Deno KV in one file, which fsyncs every commit. Only the
 * deno_kv files name Deno.Kv.
 *
 * @module
 */

import { dirname, resolve } from "node:path";
import { messageOf, PlantdError } from "../errors.ts";
import type { Disk, Loaded, Position } from "./disk.ts";
import type { Draft } from "./draft.ts";
import type { EntryWrite } from "./draft_types.ts";
import * as layout from "./deno_kv_layout.ts";
import { loadDenoKv } from "./deno_kv_load.ts";
import { type DatabaseLock, lockDatabase } from "./lock.ts";
import { utf8Bytes } from "../state/names.ts";
import type { StoredEntry, ValueRef } from "./mirror.ts";
import { encodeRecord } from "./record.ts";

/** How to open a database. */
export interface DenoKvOptions {
  /** Path of the file; made with mode 0600 if missing, its directory with 0700. */
  readonly path: string;
  /** Told when garbage could not be purged; it is tried again at the next start. */
  readonly onPurgeFailure?: (thrown: unknown) => void;
}

/** Largest value kept beside its entry, in bytes; Deno KV takes 65,536 for the whole record. */
const INLINE_BYTES_MAX = 60_000;
/** The same in a commit that would otherwise be larger than Deno KV's 819,200 bytes. */
const INLINE_BYTES_MAX_CROWDED = 256;
/** Bytes of values beside their entries in one commit before it counts as crowded. */
const CROWDED_BYTES = 600_000;
/** Bytes of one piece of a large value. */
const PIECE_BYTES = 60_000;
/** Bytes of pieces in one commit of theirs; with the last piece it stays below 819,200. */
const PIECES_COMMIT_BYTES = 500_000;
/** What a piece costs beside its bytes, so that many small ones stay below 1000 records too. */
const PIECE_OVERHEAD_BYTES = 1_000;
/** Entries looked at in one go while garbage is purged; few, so that writers hardly wait. */
const PURGE_BATCH = 250;
/** Bytes of keys deleted in one commit; with one more key it stays below Deno KV's 81,920. */
const PURGE_KEY_BYTES = 60_000;

const encoder = new TextEncoder();

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
export async function openDenoKv({ path, onPurgeFailure }: DenoKvOptions): Promise<Loaded> {
  // Made absolute so that no path means something else to Deno.openKv (":memory:", a URL, "").
  const file = resolve(path);
  await makeDirectory(dirname(file));
  // Makes the file, too: SQLite would make it readable for all, and its journals take its mode.
  const lock = await lockDatabase(file);
  let kv: Deno.Kv | undefined;
  try {
    kv = await Deno.openKv(file);
    const { meta, metaVersion, mirror, garbage, damaged } = await loadDenoKv(kv);
    const disk = new DenoKv(kv, lock, meta, metaVersion, onPurgeFailure ?? (() => {}));
    disk.purge(garbage);
    return { disk, mirror, damaged };
  } catch (error) {
    kv?.close();
    lock[Symbol.dispose]();
    throw unusable(file, error);
  }
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(file: string, error: unknown): PlantdError {
  if (error instanceof PlantdError) return error;
  return new PlantdError(
    "database_unusable",
    `cannot open the database ${file}: ${messageOf(error)}`,
    {
      hint: "it must be a database of this program, in a directory the service may write to",
      data: { path: file },
      cause: error,
    },
  );
}

class DenoKv implements Disk {
  readonly #kv: Deno.Kv;
  readonly #lock: DatabaseLock;
  readonly #onPurgeFailure: (thrown: unknown) => void;
  #meta: layout.Meta;
  /** Version of the meta record; a commit that finds another one there is refused. */
  #metaVersion: string | null;
  #purging: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(
    kv: Deno.Kv,
    lock: DatabaseLock,
    meta: layout.Meta,
    metaVersion: string | null,
    onPurgeFailure: (thrown: unknown) => void,
  ) {
    this.#kv = kv;
    this.#lock = lock;
    this.#meta = meta;
    this.#metaVersion = metaVersion;
    this.#onPurgeFailure = onPurgeFailure;
  }

  get meta(): Position {
    return this.#meta;
  }

  failure(): string | undefined {
    return this.#lock.broken();
  }

  async write(draft: Draft): Promise<ReadonlyMap<StoredEntry, ValueRef>> {
    // Into a file that has no name any more SQLite would go on writing without complaint.
    const failure = this.failure();
    if (failure !== undefined) throw new PlantdError("storage_unavailable", failure);
    const writes = draft.entryWrites();
    const large = largeValues(writes);
    const pieces = large.size > 0 ? await this.#writePieces(large) : undefined;

    const meta = { ...this.#meta, revision: draft.revision, nextScopeId: draft.nextScopeId };
    const atomic = this.#kv.atomic()
      .check({ key: layout.META_KEY, versionstamp: this.#metaVersion })
      .set(layout.META_KEY, encodeRecord(meta));
    if (pieces) atomic.delete(layout.garbageKey(pieces.note));

    const dropped = draft.droppedScopes();
    for (const scope of dropped) atomic.delete(layout.scopeKey(scope.name));
    for (const { id, name, revision } of draft.scopeWrites()) {
      atomic.set(layout.scopeKey(name), encodeRecord({ id, revision }));
    }
    for (const { scopeId, key, entry } of writes) {
      const at = layout.entryKey(scopeId, key);
      if (entry) atomic.set(at, layout.encodeEntry(entry, pieces?.refs.get(entry)));
      else atomic.delete(at);
    }
    for (const id of draft.requests.deletes()) atomic.delete(layout.requestKey(id));
    for (const [id, done] of draft.requests.writes) {
      atomic.set(layout.requestKey(id), encodeRecord(done));
    }
    const garbage = { scopeIds: dropped.map(({ id }) => id), refs: draft.orphanedRefs() };
    const note = this.#note(atomic, garbage);

    try {
      const result = await atomic.commit();
      if (!result.ok) {
        throw new PlantdError("storage_unavailable", "another process has written to the database");
      }
      this.#metaVersion = result.versionstamp;
    } catch (error) {
      if (pieces) this.purge([[pieces.note, { scopeIds: [], refs: [...pieces.refs.values()] }]]);
      throw error;
    }
    this.#meta = meta;
    if (note) this.purge([[note, garbage]]);
    return pieces?.refs ?? new Map();
  }

  /** Deletes, in the background, what notes of garbage speak of, then the notes. */
  purge(garbage: Iterable<readonly [note: string, layout.Garbage]>): void {
    for (const [note, { scopeIds, refs }] of garbage) {
      this.#purging = this.#purging
        .then(() => this.#purgeOne(note, scopeIds, refs))
        .catch((thrown) => this.#onPurgeFailure(thrown));
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#purging;
    this.#kv.close();
    this.#lock[Symbol.dispose]();
  }

  /** Notes garbage in `atomic`, if there is any, and returns the note's id. */
  #note(atomic: Deno.AtomicOperation, garbage: layout.Garbage): string | undefined {
    if (garbage.scopeIds.length === 0 && garbage.refs.length === 0) return undefined;
    const note = crypto.randomUUID();
    atomic.set(layout.garbageKey(note), encodeRecord(garbage));
    return note;
  }

  /** Writes large values piece by piece; they are garbage until a commit refers to them. */
  async #writePieces(
    large: ReadonlyMap<StoredEntry, Uint8Array>,
  ): Promise<{ note: string; refs: Map<StoredEntry, ValueRef> }> {
    const refs = new Map<StoredEntry, ValueRef>();
    for (const [entry, value] of large) {
      refs.set(entry, { id: crypto.randomUUID(), pieces: Math.ceil(value.length / PIECE_BYTES) });
    }
    let atomic = this.#kv.atomic();
    const garbage = { scopeIds: [], refs: [...refs.values()] };
    const note = this.#note(atomic, garbage)!;
    try {
      let bytes = 0;
      for (const [entry, value] of large) {
        for (const [number, key] of layout.pieceKeys(refs.get(entry)!).entries()) {
          const piece = value.subarray(number * PIECE_BYTES, (number + 1) * PIECE_BYTES);
          atomic.set(key, encodeRecord(null, piece));
          bytes += piece.length + PIECE_OVERHEAD_BYTES;
          if (bytes < PIECES_COMMIT_BYTES) continue;
          await atomic.commit();
          atomic = this.#kv.atomic();
          bytes = 0;
        }
      }
      await atomic.commit();
    } catch (error) {
      this.purge([[note, garbage]]);
      throw error;
    }
    return { note, refs };
  }

  async #purgeOne(
    note: string,
    scopeIds: readonly number[],
    refs: readonly ValueRef[],
  ): Promise<void> {
    // A commit that seemed to fail and did not has deleted the note: then nothing here is garbage.
    if ((await this.#kv.get(layout.garbageKey(note))).value === null) return;
    for (const ref of refs) await this.#delete(layout.pieceKeys(ref));
    for (const id of scopeIds) await this.#purgeEntries(layout.entriesOf(id));
    if (!this.#closed) await this.#delete([layout.garbageKey(note)]);
  }

  async #purgeEntries(prefix: layout.Key): Promise<void> {
    for (;;) {
      const keys: layout.Key[] = [];
      const list = this.#kv.list({ prefix: prefix }, { limit: PURGE_BATCH });
      for await (const { key, value } of list) {
        keys.push(key as layout.Key);
        const ref = refOf(value);
        if (ref) await this.#delete(layout.pieceKeys(ref));
      }
      if (keys.length === 0 || this.#closed) return;
      await this.#delete(keys);
    }
  }

  async #delete(keys: readonly layout.Key[]): Promise<void> {
    let atomic = this.#kv.atomic();
    let keyBytes = 0;
    for (const key of keys) {
      if (this.#closed) return;
      atomic.delete(key);
      keyBytes += layout.keyBytes(key);
      if (keyBytes < PURGE_KEY_BYTES) continue;
      await atomic.commit();
      atomic = this.#kv.atomic();
      keyBytes = 0;
    }
    await atomic.commit();
  }
}

/** The values of `writes` that do not fit beside their entries, as bytes. */
function largeValues(writes: readonly EntryWrite[]): Map<StoredEntry, Uint8Array> {
  const entries = writes.flatMap(({ entry }) => entry ?? []);
  const sizes = entries.map(({ value }) => utf8Bytes(value));
  const crowded = sizes.reduce((sum, size) => sum + size, 0) > CROWDED_BYTES;
  const bytesMax = crowded ? INLINE_BYTES_MAX_CROWDED : INLINE_BYTES_MAX;
  const large = new Map<StoredEntry, Uint8Array>();
  for (const [i, entry] of entries.entries()) {
    if (sizes[i]! > bytesMax) large.set(entry, encoder.encode(entry.value));
  }
  return large;
}

/** Where the pieces of an entry's value are, if it has any and the record can be read. */
function refOf(record: unknown): ValueRef | undefined {
  try {
    return layout.decodeEntry(record).ref;
  } catch {
    return undefined;
  }
}
