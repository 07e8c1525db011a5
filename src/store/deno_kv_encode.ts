/**
 * The records of a database that holds what a backup does.
 *
 * @module
 */

import type { BackupRecord, EntryRecord, VersionRecord } from "../backup/format.ts";
import { HISTORY_MAX } from "../limits.ts";
import { utf8Bytes } from "../state/utf8.ts";
import type { Version } from "../state/store.ts";
import type { RawRecord } from "./deno_kv_fill.ts";
import * as layout from "./deno_kv_layout.ts";
import type { Last, ValueRef } from "./mirror.ts";
import { encodeRecord } from "./record.ts";

/** Largest value kept in its record, and bytes of one piece of a larger one. */
const INLINE_BYTES_MAX = 60_000;

const encoder = new TextEncoder();

/**
 * Makes records; the meta record last, because only then is known what it says.
 *
 * @param start The epoch of the new history, and the last revision of the one before: the new one begins with
 * one of its own, so that nobody who knows only a revision takes the two for one.
 */
export async function* encodeRecords(
  records: AsyncIterable<BackupRecord>,
  start: { readonly epoch: string; readonly revision: number },
): AsyncGenerator<RawRecord> {
  const numbers = new VersionNumbers(1);
  let [scopeId, revision] = [0, start.revision];
  for await (const [first, ...past] of byKey(records)) {
    if (first!.kind === "scope") {
      const { scope, settings } = first!;
      if (settings) yield layout.optionsRecord(scope, settings);
      if (first!.revision === undefined) continue;
      scopeId += 1;
      revision = Math.max(revision, first!.revision);
      yield layout.scopeRecord(scope, { id: scopeId, revision: first!.revision });
      continue;
    }
    const last = first as EntryRecord | VersionRecord;
    revision = Math.max(revision, revisionOf(last));
    yield* encodeKey({ scopeId, last, past: past as VersionRecord[] }, numbers);
  }
  const next = { nextScopeId: scopeId + 1, nextVersion: numbers.next };
  yield metaRecord({ epoch: start.epoch, revision: revision + 1, ...next });
}

/** The meta record. */
export function metaRecord(meta: Omit<layout.Meta, "format">): RawRecord {
  return [layout.META_KEY, encodeRecord({ format: layout.FORMAT, ...meta })];
}

/** Gives numbers to versions, and to what is left of deleted keys. */
export class VersionNumbers {
  #next: number;

  /** @param next The first, halved, that nothing has. */
  constructor(next: number) {
    this.#next = next;
  }

  get next(): number {
    return this.#next;
  }

  /** The next one: odd where the value lies in pieces. */
  take(isLarge: boolean): number {
    this.#next += 1;
    return (this.#next - 1) * 2 + Number(isLarge);
  }
}

/** The records of a key: of what it is, or that it is deleted, and of what it was. */
export function* encodeKey(
  { scopeId, last, past }: {
    readonly scopeId: number;
    readonly last: EntryRecord | VersionRecord;
    /** The latest first. */
    readonly past: readonly VersionRecord[];
  },
  numbers: VersionNumbers,
): Generator<RawRecord> {
  const { key } = last;
  const taken: number[] = [];
  for (const { version } of past.slice(0, HISTORY_MAX).reverse()) {
    const ref = refFor(version.value);
    yield* pieces(version.value, ref);
    const number = numbers.take(ref !== undefined);
    taken.push(number);
    const content = lastOf(version, number);
    yield [layout.versionKey(number), layout.encodeVersion({ scopeId, key, content }, ref)];
  }
  const of = taken.length === 0 ? {} : { past: taken };
  if (last.kind === "version") {
    const { value, ...version } = last.version;
    // A past without its end: the deletion itself is not kept.
    if (value !== undefined) return;
    const number = numbers.take(false);
    const tombstone = { ...version, ...of, deleted: number };
    yield [layout.deletedKey(number), layout.encodeDeleted(scopeId, key, tombstone)];
    return;
  }
  const ref = refFor(last.entry.value);
  yield* pieces(last.entry.value, ref);
  const at = layout.entryKey(scopeId, key);
  yield [
    at,
    layout.encodeEntry(at, { ...last.entry, valueBytes: utf8Bytes(last.entry.value), ...of }, ref),
  ];
}

/** The records of each key, and of each scope, together. */
export async function* byKey(records: AsyncIterable<BackupRecord>): AsyncGenerator<BackupRecord[]> {
  let group: BackupRecord[] = [];
  for await (const record of records) {
    const [first] = group;
    const isSame = first !== undefined && first.kind !== "scope" && record.kind === "version" &&
      first.key === record.key;
    if (!isSame) {
      if (first) yield group;
      group = [];
    }
    group.push(record);
  }
  if (group.length > 0) yield group;
}

function revisionOf(record: EntryRecord | VersionRecord): number {
  return record.kind === "entry" ? record.entry.revision : record.version.revision;
}

function lastOf({ value, ...version }: Version, number: number): Last {
  if (value === undefined) return { ...version, deleted: number };
  return { ...version, value, valueBytes: utf8Bytes(value), created: version.revision };
}

function refFor(value: string | undefined): ValueRef | undefined {
  const bytes = value === undefined ? 0 : utf8Bytes(value);
  if (bytes <= INLINE_BYTES_MAX) return undefined;
  return { id: crypto.randomUUID(), pieces: Math.ceil(bytes / INLINE_BYTES_MAX) };
}

function* pieces(value: string | undefined, ref: ValueRef | undefined): Generator<RawRecord> {
  if (value === undefined || !ref) return;
  const bytes = encoder.encode(value);
  for (const [number, key] of layout.pieceKeys(ref).entries()) {
    const piece = bytes.subarray(number * INLINE_BYTES_MAX, (number + 1) * INLINE_BYTES_MAX);
    yield [key, encodeRecord(null, piece, key)];
  }
}
