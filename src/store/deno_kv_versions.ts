/**
 * The past of keys in the Deno KV database: writing versions, dropping them, and reading them.
 *
 * @module
 */

import type { Version } from "../state/store.ts";
import * as layout from "./deno_kv_layout.ts";
import { readPieces } from "./deno_kv_pieces.ts";
import type { Draft } from "./draft.ts";
import type { Written } from "./draft_types.ts";
import { type Last, living, type Tombstone } from "./mirror.ts";
import { DamagedRecord } from "./record.ts";

/** Records in one commit of their own; a bit less than the 1000 that Deno KV takes. */
const RECORDS_MAX = 900;
/** Bytes of values in one commit of their own; with one more it stays below Deno KV's 819,200. */
const BYTES_MAX = 600_000;

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Something of the past to be written. */
interface PastRecord {
  readonly at: layout.Key;
  readonly record: Uint8Array;
}

/** Writes the past of keys beside the commits that make it. */
export class PastWriter {
  readonly #kv: Deno.Kv;
  /** Records on disk that no longer mean anything. */
  readonly #dropped = new Map<string, layout.Key>();

  constructor(kv: Deno.Kv) {
    this.#kv = kv;
  }

  /**
   * Writes the past that `draft` makes: in `atomic` if there is room, else in commits before it, where it
   * means nothing until `atomic` is committed. What is left of the room takes versions away that earlier
   * commits dropped.
   *
   * @param room Records that `atomic` still takes, beside those of the past.
   */
  async write(
    atomic: Deno.AtomicOperation,
    draft: Draft,
    { refs, large }: Written,
    room: number,
  ): Promise<void> {
    const records = [...pastRecords(draft, refs, large)];
    // They lie where dropped ones may have been, and must not go with those.
    for (const { at } of records) this.#dropped.delete(nameOf(at));
    let left = room;
    if (room < 0) {
      await this.#writeAhead(records);
      left = room + records.length;
    } else {
      for (const { at, record } of records) atomic.set(at, record);
    }
    if (this.#dropped.size > RECORDS_MAX) await this.#deleteSome();
    for (const [name, at] of this.#dropped) {
      if (left <= 0) break;
      left -= 1;
      atomic.delete(at);
      this.#dropped.delete(name);
    }
  }

  /** `draft` is on disk; what it dropped goes with one of the next commits. */
  written(draft: Draft): void {
    for (const { keyId, version, isLarge } of draft.history.drops) {
      if (!isLarge) this.#drop(layout.versionKey(keyId, version));
    }
    for (const { last, tombstone } of draft.keyWrites()) {
      if (tombstone && living(last)) this.#drop(layout.deletedKey(tombstone.keyId));
    }
  }

  #drop(at: layout.Key): void {
    this.#dropped.set(nameOf(at), at);
  }

  async #writeAhead(records: readonly PastRecord[]): Promise<void> {
    let atomic = this.#kv.atomic();
    let count = 0;
    let bytes = 0;
    for (const { at, record } of records) {
      atomic.set(at, record);
      count += 1;
      bytes += record.length;
      if (count < RECORDS_MAX && bytes < BYTES_MAX) continue;
      await atomic.commit();
      atomic = this.#kv.atomic();
      count = 0;
      bytes = 0;
    }
    if (count > 0) await atomic.commit();
  }

  async #deleteSome(): Promise<void> {
    const some = [...this.#dropped].slice(0, RECORDS_MAX);
    const atomic = this.#kv.atomic();
    for (const [, at] of some) atomic.delete(at);
    await atomic.commit();
    for (const [name] of some) this.#dropped.delete(name);
  }
}

function nameOf(at: layout.Key): string {
  return at.join();
}

/** Versions, and what is left of deleted keys. */
function* pastRecords(
  draft: Draft,
  refs: Written["refs"],
  large: Written["large"],
): Generator<PastRecord> {
  for (const { scopeId, key, keyId, content } of draft.history.writes) {
    const ref = refs.get(content) ?? living(content)?.ref;
    const of = { scopeId, key, content: { ...content, keyId } as Last };
    const at = layout.versionKey(keyId, content.version);
    yield { at, record: layout.encodeVersion(of, ref) };
  }
  for (const { scopeId, key, last } of draft.keyWrites()) {
    if (!last || living(last)) continue;
    const version = large.get(last.keyId);
    const tombstone = version === undefined ? last : { ...last, large: version };
    const record = layout.encodeDeleted(scopeId, key, tombstone as Tombstone);
    yield { at: layout.deletedKey(last.keyId), record };
  }
}

/** Versions of a key's past by their numbers, in no order; those that are damaged are left out. */
export async function readVersions(
  kv: Deno.Kv,
  keyId: number,
): Promise<(readonly [version: number, Version])[]> {
  const versions: (readonly [number, Version])[] = [];
  for await (const { value } of kv.list(layout.versionsOf(keyId))) {
    try {
      const past = layout.decodePast(value);
      versions.push([past.version, await versionOf(kv, past)]);
    } catch (error) {
      if (!(error instanceof DamagedRecord)) throw error;
    }
  }
  return versions;
}

async function versionOf(kv: Deno.Kv, past: layout.DecodedPast): Promise<Version> {
  const { header: { r, t, s, o, n, d }, ref, body } = past;
  const bytes = d ? undefined : ref ? await readPieces(kv, ref) : body;
  return {
    revision: r,
    timeMs: t,
    source: s,
    ...(o === undefined ? {} : { sourceTimeMs: o }),
    ...(n === undefined ? {} : { note: n }),
    ...(bytes ? { value: decoder.decode(bytes) } : {}),
  };
}
