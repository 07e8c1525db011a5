/**
 * What keys are where their entries on disk are older: the lists of such keys (`u`), and reading what they name.
 *
 * @module
 */

import { intactPast } from "./deno_kv_decoded.ts";
import { versionRecords } from "./deno_kv_entries.ts";
import * as layout from "./deno_kv_layout.ts";
import type { RawRecord } from "./deno_kv_fill.ts";
import { DamagedRecord, decodeRecord, encodeRecord } from "./record.ts";

/** Records fetched by one call of list; the most Deno KV takes. */
const LIST_BATCH = 1000;

/** A version in the place of an entry. */
export interface Listed {
  readonly number: number;
  readonly revision: number;
  readonly scopeId: number;
  readonly key: string;
}

/** A list of them, where it lies. */
export interface UnsettledList {
  readonly at: layout.Key;
  readonly versions: readonly Listed[];
}

/** Header of a list's record: of each version number, revision, scope id and key. */
interface ListHeader {
  readonly l: readonly (readonly [number, number, number, string])[];
}

/** What a key is, where that is newer than its entry. */
export interface Newer extends Listed {
  /** Undefined where it cannot be read. */
  readonly past: layout.DecodedPast | undefined;
}

/** One that can be read. */
export interface ReadVersion extends Newer {
  readonly past: layout.DecodedPast;
}

/** What is newer than entries, by the ids of scopes and by keys. */
export type NewerKeys = ReadonlyMap<number, ReadonlyMap<string, Newer>>;

/** The version of that number, as lists have it. */
export function versionIn(number: number, past: layout.DecodedPast): ReadVersion {
  const { r: revision, scope: scopeId, key } = past.header;
  return { number, revision, scopeId, key, past };
}

/**
 * What a key is: its entry, or what is newer.
 *
 * @throws {DamagedRecord} when it is newer and cannot be read.
 */
export function presentOf(
  entry: layout.DecodedEntry,
  newer: Newer | undefined,
): layout.DecodedEntry {
  if (!newer || newer.revision <= entry.header.r) return entry;
  if (!newer.past) throw new DamagedRecord("what it is now cannot be read");
  return { ...newer.past, header: { ...newer.past.header, a: newer.number } };
}

/** A list where it lies. */
export function listRecord({ at, versions }: UnsettledList): RawRecord {
  const l = versions.map(({ number, revision, scopeId, key }) =>
    [number, revision, scopeId, key] as const
  );
  const header: ListHeader = { l };
  return [at, encodeRecord(header, "", at)];
}

/**
 * Reads the list that lies at `at`.
 *
 * @throws {DamagedRecord}
 */
export function decodeList(at: layout.Key, record: unknown): UnsettledList {
  const { l } = decodeRecord<ListHeader>(record, at).header;
  const versions = l.map(([number, revision, scopeId, key]) => ({
    number,
    revision,
    scopeId,
    key,
  }));
  return { at, versions };
}

/** Of the commit that wrote it, or one before. */
function revisionOf({ versions }: UnsettledList): number {
  return versions[0]?.revision ?? 0;
}

/** Of several versions of a key the latest. */
export function latestOf(lists: Iterable<UnsettledList>): Map<number, Map<string, Listed>> {
  const latest = new Map<number, Map<string, Listed>>();
  for (const { versions } of lists) for (const listed of versions) putLatest(latest, listed);
  return latest;
}

/** Puts `listed` where there is none of its key, or an earlier one. */
export function putLatest<L extends Listed>(latest: Map<number, Map<string, L>>, listed: L): void {
  let keys = latest.get(listed.scopeId);
  if (!keys) latest.set(listed.scopeId, keys = new Map());
  const other = keys.get(listed.key);
  if (!other || other.revision < listed.revision) keys.set(listed.key, listed);
}

/**
 * Reads all lists, the oldest first, and the versions that they name.
 *
 * @param path Of the database's file.
 * @param intact Runs what throws `DamagedRecord`; what it gives back in place of that list is left out.
 */
export async function readUnsettled(
  kv: Deno.Kv,
  path: string,
  intact: (at: layout.Key, read: () => UnsettledList) => UnsettledList | undefined,
): Promise<
  { readonly lists: readonly UnsettledList[]; readonly newer: Map<number, Map<string, Newer>> }
> {
  const lists: UnsettledList[] = [];
  const found = kv.list({ prefix: layout.UNSETTLED }, { batchSize: LIST_BATCH });
  for await (const { key, value } of found) {
    const at = key as layout.Key;
    const list = intact(at, () => decodeList(at, value));
    if (list) lists.push(list);
  }
  lists.sort((a, b) => revisionOf(a) - revisionOf(b));
  const newer = new Map<number, Map<string, Newer>>();
  for (const [scopeId, keys] of latestOf(lists)) {
    newer.set(scopeId, readNewer(path, [...keys.values()]));
  }
  return { lists, newer };
}

/**
 * The latest version of each key: where a list is lost, nobody knows which of them are newer than entries
 * but by looking at all.
 *
 * @param isAhead Whether a version belongs to a commit that never came.
 */
export async function readLatest(
  kv: Deno.Kv,
  isAhead: (number: number, revision: number) => boolean,
): Promise<Newer[]> {
  const latest = new Map<number, Map<string, Newer>>();
  const found = kv.list({ prefix: layout.VERSIONS }, { batchSize: LIST_BATCH });
  for await (const { key: [, number], value } of found) {
    const past = intactPast(value);
    if (!past || isAhead(number as number, past.header.r)) continue;
    putLatest(latest, versionIn(number as number, past));
  }
  return [...latest.values()].flatMap((keys) => [...keys.values()]);
}

function readNewer(path: string, all: readonly Listed[]): Map<string, Newer> {
  const records = versionRecords(path, all.map(({ number }) => number));
  return new Map(
    all.map((listed, i) => [listed.key, { ...listed, past: pastOf(listed, records[i]) }]),
  );
}

/** The version that is `listed`, if it is what lies there. */
function pastOf(
  { revision, scopeId, key }: Listed,
  record: unknown,
): layout.DecodedPast | undefined {
  const past = intactPast(record);
  const { r, scope, key: name } = past?.header ?? {};
  return r === revision && scope === scopeId && name === key ? past : undefined;
}
