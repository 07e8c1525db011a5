/**
 * A database read record by record in the order of a backup, without holding it in memory.
 *
 * @module
 */

import type { BackupRecord } from "../backup/format.ts";
import { compareNames } from "../backup/order.ts";
import { PlantdError } from "../errors.ts";
import { absolute } from "../paths.ts";
import type { ScopeSettings } from "../state/scope_options.ts";
import type { Version } from "../state/store.ts";
import { entryOf } from "./deno_kv_decoded.ts";
import { countBackedUp } from "./deno_kv_entries.ts";
import * as layout from "./deno_kv_layout.ts";
import { type Newer, presentOf, readUnsettled } from "./deno_kv_newer.ts";
import { readPieces } from "./deno_kv_pieces.ts";
import { readVersions } from "./deno_kv_versions.ts";
import { decodeRecord } from "./record.ts";
import { openOffline } from "./deno_kv_offline.ts";

/** Records fetched by one call of list; the most Deno KV takes. */
const LIST_BATCH = 1000;

const decoder = new TextDecoder("utf-8", { fatal: true });

/** A database that is being read. */
export interface DatabaseStream extends Disposable {
  readonly epoch: string;
  readonly revision: number;
  readonly records: AsyncIterable<BackupRecord>;
  /** About how many there are; counted when it is asked for. */
  readonly count: number;
}

/**
 * Opens the database at `path` for reading, locked against others.
 *
 * @throws {PlantdError} `database_locked`, `database_unusable`, `database_damaged`; the last also while
 * records are read, because what is left out of a backup without a word would be lost.
 */
export async function streamDenoKv(path: string): Promise<DatabaseStream> {
  const { kv, ...opened } = await openOffline(path);
  try {
    const { value } = await kv.get(layout.META_KEY);
    const meta = value === null
      ? { epoch: "", revision: 0 }
      : intact(path, layout.META_KEY, () => decodeRecord<layout.Meta>(value).header);
    return {
      epoch: meta.epoch,
      revision: meta.revision,
      records: recordsOf(kv, path, meta.revision),
      get count() {
        return countBackedUp(absolute(path));
      },
      [Symbol.dispose]: () => opened[Symbol.dispose](),
    };
  } catch (thrown) {
    opened[Symbol.dispose]();
    throw thrown;
  }
}

async function* recordsOf(
  kv: Deno.Kv,
  path: string,
  revision: number,
): AsyncGenerator<BackupRecord> {
  const settings = new Map<string, ScopeSettings>();
  for await (const { key, value } of list(kv, layout.OPTIONS)) {
    settings.set(
      key[1] as string,
      intact(path, key, () => decodeRecord<ScopeSettings>(value, key as layout.Key).header),
    );
  }
  const deleted = await tombstones(kv, path, revision);
  const { newer } = await readUnsettled(kv, absolute(path), (at, read) => intact(path, at, read));
  const optionsUpTo = function* (scope: string | undefined): Generator<BackupRecord> {
    for (const [name, of] of settings) {
      if (scope !== undefined && compareNames(name, scope) >= 0) return;
      settings.delete(name);
      yield { kind: "scope", scope: name, revision: undefined, settings: of };
    }
  };
  for await (const { key, value } of list(kv, layout.SCOPES)) {
    const scope = key[1] as string;
    yield* optionsUpTo(scope);
    const header = intact(
      path,
      key,
      () => decodeRecord<layout.ScopeHeader>(value, key as layout.Key).header,
    );
    const of = settings.get(scope);
    settings.delete(scope);
    const ofScope = deleted.get(header.id) ?? [];
    const ofEntries = newer.get(header.id) ?? new Map<string, Newer>();
    const revision = await lastRevision(kv, path, header, { deleted: ofScope, newer: ofEntries });
    yield { kind: "scope", scope, revision, ...(of ? { settings: of } : {}) };
    yield* keysOf(kv, path, scope, header.id, { deleted: ofScope, newer: ofEntries });
  }
  yield* optionsUpTo(undefined);
}

/** A deleted key. */
interface Gone {
  readonly key: string;
  readonly past: layout.DecodedPast;
}

/** What of a scope is not among its entries: deleted keys, and what is newer than entries. */
interface Other {
  readonly deleted: readonly Gone[];
  readonly newer: ReadonlyMap<string, Newer>;
}

/** What a key is; its entry lies at `at`. */
function keyAt(
  path: string,
  at: readonly unknown[],
  value: unknown,
  newer: Newer | undefined,
): layout.DecodedEntry {
  return intact(path, at, () => presentOf(layout.decodeEntry(at, value), newer));
}

/**
 * Deleted keys by the ids of their scopes, in order; without what is to be purged, and what was written
 * ahead of a commit that never came.
 */
async function tombstones(
  kv: Deno.Kv,
  path: string,
  revision: number,
): Promise<Map<number, Gone[]>> {
  const garbage = new Set<unknown>();
  for await (const { key, value } of list(kv, layout.GARBAGE)) {
    const note = intact(path, key, () => decodeRecord<layout.Garbage>(value).header);
    for (const number of note.deleted ?? []) garbage.add(number);
  }
  const deleted = new Map<number, Map<string, Gone>>();
  for await (const { key, value } of list(kv, layout.DELETED)) {
    const past = intact(path, key, () => layout.decodePast(value));
    const { scope, key: name, r } = past.header;
    if (r > revision || garbage.has(key[1])) continue;
    const ofScope = deleted.get(scope) ?? new Map<string, Gone>();
    // Of several of one key the last counts.
    deleted.set(scope, ofScope.set(name, { key: name, past }));
  }
  return new Map(
    [...deleted].map(([id, ofScope]) => [
      id,
      [...ofScope.values()].sort((a, b) => compareNames(a.key, b.key)),
    ]),
  );
}

async function* keysOf(
  kv: Deno.Kv,
  path: string,
  scope: string,
  id: number,
  { deleted, newer }: Other,
): AsyncGenerator<BackupRecord> {
  let next = 0;
  const deletedUpTo = async function* (key: string | undefined): AsyncGenerator<BackupRecord> {
    for (; next < deleted.length; next += 1) {
      const gone = deleted[next]!;
      const order = key === undefined ? -1 : compareNames(gone.key, key);
      if (order > 0) return;
      // What is left of a deletion means nothing once the key is there again.
      if (order === 0) continue;
      yield { kind: "version", scope, key: gone.key, version: deletionOf(gone.past) };
      yield* pastOf(kv, { id, scope, key: gone.key }, gone.past);
    }
  };
  for await (const { key: at, value } of list(kv, layout.entriesOf(id))) {
    const key = at[2] as string;
    yield* deletedUpTo(key);
    const decoded = keyAt(path, at, value, newer.get(key));
    const { body, ref } = decoded;
    const bytes = ref ? await whole(path, at, () => readPieces(kv, ref)) : body;
    const text = decoder.decode(bytes);
    const { valueBytes: _bytes, past: _past, ref: _ref, at: _at, ...entry } = entryOf(
      decoded,
      text,
      bytes.length,
    );
    yield { kind: "entry", scope, key, entry };
    yield* pastOf(kv, { id, scope, key }, decoded);
  }
  yield* deletedUpTo(undefined);
}

/** What is kept of the past of a key, the latest first. */
async function* pastOf(
  kv: Deno.Kv,
  { id, scope, key }: { readonly id: number; readonly scope: string; readonly key: string },
  { header: { p = [], r } }: layout.DecodedEntry,
): AsyncGenerator<BackupRecord> {
  for (const version of await readVersions(kv, p.toReversed(), { scopeId: id, key, before: r })) {
    yield { kind: "version", scope, key, version };
  }
}

function deletionOf({ header: { r, t, s, n } }: layout.DecodedPast): Version {
  return { revision: r, timeMs: t, source: s, ...(n === undefined ? {} : { note: n }) };
}

/** Revision of the last change of a scope, which a key may tell. */
async function lastRevision(
  kv: Deno.Kv,
  path: string,
  { id, revision = 0 }: layout.ScopeHeader,
  { deleted, newer }: Other,
): Promise<number> {
  let last = revision;
  for (const { past } of deleted) last = Math.max(last, past.header.r);
  for await (const { key, value } of list(kv, layout.entriesOf(id))) {
    last = Math.max(last, keyAt(path, key, value, newer.get(key[2] as string)).header.r);
  }
  return last;
}

function list(kv: Deno.Kv, prefix: layout.Key): AsyncIterable<Deno.KvEntry<unknown>> {
  return kv.list({ prefix }, { batchSize: LIST_BATCH });
}

function intact<T>(path: string, key: readonly unknown[], read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw damaged(path, key, error);
  }
}

async function whole<T>(path: string, key: readonly unknown[], read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw damaged(path, key, error);
  }
}

function damaged(path: string, key: readonly unknown[], cause: unknown): PlantdError {
  return new PlantdError(
    "database_damaged",
    `the database ${path} has a damaged record ${JSON.stringify(key)}`,
    { hint: `plantd-state check --db=${path} tells more`, data: { path }, cause },
  );
}
