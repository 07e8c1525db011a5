/**
 * Reads a whole Deno KV database into memory, once, when it is opened.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { PlantdError } from "../errors.ts";
import {
  decodeEntryTexts,
  decodePast,
  DELETED,
  entryKey,
  FORMAT,
  GARBAGE,
  type Garbage,
  type Key,
  type Meta,
  META_KEY,
  numbersOf,
  type ScopeHeader,
  SCOPES,
  VERSIONS,
} from "./deno_kv_layout.ts";
import { entryOf, tombstoneOf } from "./deno_kv_decoded.ts";
import { entryPages, scopeIdOf } from "./deno_kv_entries.ts";
import { Reader, readOptions, readRequests } from "./deno_kv_reader.ts";
import {
  type Newer,
  type NewerKeys,
  putLatest,
  readLatest,
  readUnsettled,
  type UnsettledList,
} from "./deno_kv_newer.ts";
import { emptyScope, Mirror, type Scope, type StoredEntry, type Tombstone } from "./mirror.ts";
import { DamagedRecord, decodeRecord } from "./record.ts";

/** What was in the database. */
export interface LoadedKv {
  readonly meta: Meta;
  /** Version of the meta record, null when there is none yet. */
  readonly metaVersion: string | null;
  readonly mirror: Mirror;
  /** Notes of garbage by their ids. */
  readonly garbage: readonly (readonly [note: string, Garbage])[];
  /** Lists of keys that are newer than their entries, the oldest first. */
  readonly unsettled: readonly UnsettledList[];
  /** Records that could not be read. */
  readonly damaged: number;
}

/** After how long, and then how often, a load says how far it is, in milliseconds. */
const PROGRESS_MS = 1000;

const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads everything. A record that is damaged is left out and counted, the rest is served.
 *
 * @throws {PlantdError} `database_unusable` when a newer version of this program wrote it, or another
 * program.
 * @param onProgress Told the number of entries read so far, where it takes long.
 */
export async function loadDenoKv(
  kv: Deno.Kv,
  path: string,
  clock: Clock,
  onProgress: (entries: number) => void = () => {},
): Promise<LoadedKv> {
  const reader = new Reader(kv);
  const load = new Load(reader, clock, onProgress);
  const garbage = await load.garbage();
  await load.scopes();
  const unsettled = await load.unsettled(path, garbage);
  await load.entries(path);
  await load.deleted(new Set(garbage.flatMap(([, { deleted = [] }]) => deleted)));
  const { mirror } = load;
  await readOptions(reader, mirror);
  await readRequests(reader, mirror);
  const { meta, metaVersion } = await load.meta();
  return { meta, metaVersion, mirror, garbage, unsettled, damaged: reader.damaged };
}

class Load {
  readonly #kv: Deno.Kv;
  readonly #reader: Reader;
  readonly #clock: Clock;
  readonly #scopes = new Map<number, Scope>();
  readonly mirror = new Mirror();
  /** Highest numbers seen. */
  #revisionMax = 0;
  #scopeIdMax = 0;
  #numberMax = 0;
  #newer: NewerKeys = new Map();

  readonly #onProgress: (entries: number) => void;
  #entriesRead = 0;
  #toldAtMs: number;

  constructor(reader: Reader, clock: Clock, onProgress: (entries: number) => void) {
    this.#kv = reader.kv;
    this.#reader = reader;
    this.#clock = clock;
    this.#onProgress = onProgress;
    this.#toldAtMs = clock.monotonic();
  }

  /** The meta record, or what the records say where there is none that can be read. */
  async meta(): Promise<{ meta: Meta; metaVersion: string | null }> {
    const { header: meta, isDamaged, version: metaVersion } = await this.#meta();
    if (isDamaged) this.#reader.damaged += 1;
    const { format = FORMAT, epoch = crypto.randomUUID(), revision = 0 } = meta ?? {};
    if (format > FORMAT) {
      throw new PlantdError(
        "database_unusable",
        `the database has format ${format}, this version of the program knows up to ${FORMAT}`,
        { hint: "start the newer version that wrote it" },
      );
    }
    return {
      meta: {
        format,
        epoch,
        revision: Math.max(revision, this.#revisionMax),
        nextScopeId: Math.max(meta?.nextScopeId ?? 1, this.#scopeIdMax + 1),
        nextVersion: Math.max(meta?.nextVersion ?? 1, await this.#versionAfter()),
      },
      metaVersion,
    };
  }

  async #meta() {
    const { value, versionstamp: version } = await this.#kv.get(META_KEY);
    let header: Partial<Meta> | undefined;
    try {
      header = value === null ? undefined : decodeRecord<Partial<Meta>>(value).header;
    } catch (error) {
      if (!(error instanceof DamagedRecord)) throw error;
    }
    return { header, isDamaged: value !== null && header === undefined, version };
  }

  /** Adds the scopes, still empty. */
  async scopes(): Promise<void> {
    for await (const { key, value } of this.#reader.list(SCOPES)) {
      const header = this.#reader.intact(() => decodeRecord<ScopeHeader>(value, key as Key).header);
      if (!header) continue;
      const { id, revision = 0 } = header;
      const scope = emptyScope(id, key[1] as string, revision);
      this.#scopes.set(id, scope);
      this.mirror.addScope(scope);
      this.#scopeIdMax = Math.max(this.#scopeIdMax, id);
      this.#revisionMax = Math.max(this.#revisionMax, revision);
    }
  }

  /**
   * Reads what is newer than entries. Where a list cannot be read, what it named is found by looking at all
   * versions, and listed in its place: the entries alone would be what keys were.
   */
  async unsettled(
    path: string,
    garbage: readonly (readonly [string, Garbage])[],
  ): Promise<readonly UnsettledList[]> {
    const damaged: Key[] = [];
    const { lists, newer } = await readUnsettled(this.#kv, path, (at, read) => {
      const list = this.#reader.intact(read);
      if (!list) damaged.push(at);
      return list;
    });
    this.#newer = newer;
    if (damaged.length === 0) return lists;
    const { revision = Infinity } = (await this.#meta()).header ?? {};
    const ahead = new Set(garbage.flatMap(([, { ahead = [] }]) => ahead));
    const isAhead = (number: number, of: number) => ahead.has(number) || of > revision;
    const versions = await readLatest(this.#kv, isAhead);
    for (const version of versions) putLatest(newer, version);
    // In the last of them, so that the others go first.
    const last = damaged.pop()!;
    return [...damaged.map((at) => ({ at, versions: [] })), { at: last, versions }, ...lists];
  }

  /** Fills the scopes. Entries of no scope wait to be purged. */
  async entries(path: string): Promise<void> {
    let of = "";
    let scope: Scope | undefined;
    let newer: ReadonlyMap<string, Newer> | undefined;
    for (const page of entryPages(path)) {
      for (const [hex, key, head, body] of page) {
        // The entries of a scope follow one another.
        if (hex !== of) {
          [of, scope] = [hex, this.#scopeOf(scopeIdOf(hex))];
          newer = scope && this.#newer.get(scope.id);
        }
        if (!scope) continue;
        const at = entryKey(scope.id, key);
        const decoded = this.#reader.intact(() => decodeEntryTexts(at, head, body));
        // It may have been newer than what is listed.
        if (!decoded) continue;
        const version = newer?.get(key);
        if (version && version.revision > decoded.header.r) {
          this.#putNewer(scope, version);
          continue;
        }
        // Awaited only where there is something to wait for: there are many.
        const value = decoded.ref ? await this.#reader.pieces(decoded.ref) : decoded;
        if (!value) continue;
        const { text = body, bodyBytes }: { text?: string; bodyBytes: number } = value;
        this.#put(scope, key, entryOf(decoded, text, bodyBytes));
      }
      this.#count(page.length);
      // The rest of the program has its turn.
      await new Promise((done) => setImmediate(done));
    }
  }

  /** A key that is newer than its entry; one that cannot be read is left out: what it was is not what it is. */
  #putNewer(scope: Scope, { key, number, past }: Newer): void {
    if (!past) this.#reader.damaged += 1;
    else this.#put(scope, key, entryOf(past, decoder.decode(past.body), past.body.length, number));
  }

  #put(scope: Scope, key: string, untimed: StoredEntry): void {
    const entry = this.#timed(untimed);
    this.mirror.put(scope, key, entry);
    this.#see(scope, entry);
  }

  #scopeOf(id: number): Scope | undefined {
    this.#scopeIdMax = Math.max(this.#scopeIdMax, id);
    return this.#scopes.get(id);
  }

  /**
   * What is left of deleted keys. It means nothing while the key is there, nor behind the last commit:
   * then it was written ahead of one that never came.
   *
   * @param gone Numbers of those that are to be purged.
   */
  async deleted(gone: ReadonlySet<number>): Promise<void> {
    const { revision = Infinity } = (await this.#meta()).header ?? {};
    const found: [scope: Scope, key: string, tombstone: Tombstone][] = [];
    for await (const { key, value } of this.#reader.list(DELETED)) {
      const number = key[1] as number;
      this.#numberMax = Math.max(this.#numberMax, number);
      const past = this.#reader.intact(() => decodePast(value));
      const scope = past && this.#scopes.get(past.header.scope);
      if (!scope || gone.has(number) || scope.entries.has(past.header.key)) continue;
      if (past.header.r > revision) continue;
      found.push([scope, past.header.key, tombstoneOf(past, number)]);
    }
    found.sort(([, , a], [, , b]) => a.revision - b.revision);
    for (const [scope, key, tombstone] of found) {
      this.mirror.put(scope, key, tombstone);
      this.#see(scope, tombstone);
    }
  }

  async garbage(): Promise<[note: string, Garbage][]> {
    const notes: [string, Garbage][] = [];
    for await (const { key, value } of this.#reader.list(GARBAGE)) {
      const garbage = this.#reader.intact(() => decodeRecord<Garbage>(value).header);
      if (!garbage) continue;
      notes.push([key[1] as string, garbage]);
      for (const number of numbersOf(garbage)) this.#numberMax = Math.max(this.#numberMax, number);
    }
    return notes;
  }

  /** `entry` with its time to live on the clock of this run. */
  #timed(entry: StoredEntry): StoredEntry {
    const { expiresMs } = entry;
    if (expiresMs === undefined) return entry;
    return { ...entry, deadlineMs: this.#clock.monotonic() + expiresMs - this.#clock.now() };
  }

  #see(scope: Scope, { revision }: { revision: number }): void {
    scope.revision = Math.max(scope.revision, revision);
    this.#revisionMax = Math.max(this.#revisionMax, revision);
  }

  /** The first number, halved, that nothing on disk has. */
  async #versionAfter(): Promise<number> {
    const last = this.#kv.list({ prefix: VERSIONS }, { reverse: true, limit: 1 });
    for await (const { key: [, number] } of last) {
      this.#numberMax = Math.max(this.#numberMax, number as number);
    }
    return Math.floor(this.#numberMax / 2) + 1;
  }

  #count(entries: number): void {
    this.#entriesRead += entries;
    const nowMs = this.#clock.monotonic();
    if (nowMs - this.#toldAtMs < PROGRESS_MS) return;
    this.#toldAtMs = nowMs;
    this.#onProgress(this.#entriesRead);
  }
}
