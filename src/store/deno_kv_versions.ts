/**
 * The past of keys in the Deno KV database: writing versions and reading them.
 *
 * @module
 */

import type { Version } from "../state/store.ts";
import * as layout from "./deno_kv_layout.ts";
import { readPieces } from "./deno_kv_pieces.ts";
import type { Draft } from "./draft.ts";
import type { VersionsOf } from "./disk.ts";
import type { Written } from "./draft_types.ts";
import { living } from "./mirror.ts";
import { DamagedRecord } from "./record.ts";

/** Records in one commit of their own; a bit less than the 1000 that Deno KV takes. */
const RECORDS_MAX = 900;
/** Bytes of values in one commit of their own; with one more it stays below Deno KV's 819,200. */
const BYTES_MAX = 600_000;
/** Versions fetched by one getMany; the most Deno KV takes. */
const VERSIONS_PER_GET = 10;

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Something of the past to be written. */
export interface PastRecord {
  readonly at: layout.Key;
  readonly record: Uint8Array;
  /** Something else lies there that counts until the commit. */
  readonly isReused: boolean;
}

/** The versions that `draft` writes, and what it leaves of the keys that it deletes. */
export function* pastRecords(draft: Draft, refs: Written): Generator<PastRecord> {
  for (const version of draft.history.writes) {
    const { number, content, isReused } = version;
    const ref = refs.get(content) ?? living(content)?.ref;
    const record = layout.encodeVersion(version, ref);
    yield { at: layout.versionKey(number), record, isReused };
  }
  for (const { scopeId, key, last } of draft.keyWrites()) {
    if (!last || !("deleted" in last)) continue;
    const record = layout.encodeDeleted(scopeId, key, last);
    yield { at: layout.deletedKey(last.deleted), record, isReused: false };
  }
}

/** What `records` are until the commit they belong to. */
export function garbageAhead(records: readonly PastRecord[]): layout.Garbage {
  const numbers = (of: layout.Key) =>
    records.flatMap(({ at: [kind, number] }) => kind === of[0] ? [number as number] : []);
  return {
    scopeIds: [],
    refs: [],
    ahead: numbers(layout.VERSIONS),
    deleted: numbers(layout.DELETED),
  };
}

/**
 * Writes records that mean nothing before the commit they belong to, and are too many for it.
 *
 * @param first Committed with the first of them.
 */
export async function writeAhead(
  kv: Deno.Kv,
  records: Iterable<PastRecord>,
  first: Deno.AtomicOperation,
): Promise<void> {
  let atomic = first;
  let count = 0;
  let bytes = 0;
  for (const { at, record } of records) {
    atomic.set(at, record);
    count += 1;
    bytes += record.length;
    if (count < RECORDS_MAX && bytes < BYTES_MAX) continue;
    await atomic.commit();
    atomic = kv.atomic();
    count = 0;
    bytes = 0;
  }
  await atomic.commit();
}

/**
 * Versions by their numbers, in the same order; those that are damaged are left out.
 *
 * @param of What they are versions of: whatever lies there of another key is left out. So is what is not
 * `before` the revision of what came after them: where one was dropped meanwhile a later version of the
 * same key may have taken its place.
 */
export async function readVersions(
  kv: Deno.Kv,
  numbers: readonly number[],
  { scopeId, key, before }: VersionsOf,
): Promise<Version[]> {
  const versions: Version[] = [];
  for (let i = 0; i < numbers.length; i += VERSIONS_PER_GET) {
    const keys = numbers.slice(i, i + VERSIONS_PER_GET).map((number) => layout.versionKey(number));
    for (const { value } of await kv.getMany(keys)) {
      try {
        const past = layout.decodePast(value);
        const { header } = past;
        if (header.scope !== scopeId || header.key !== key || header.r >= before) continue;
        versions.push(await versionOf(kv, past));
      } catch (error) {
        if (!(error instanceof DamagedRecord)) throw error;
      }
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
