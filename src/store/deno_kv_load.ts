/**
 * Reads a whole Deno KV database into memory, once, when it is opened.
 *
 * @module
 */

import { PlantdError } from "../errors.ts";
import {
  type DecodedEntry,
  decodeEntry,
  ENTRIES,
  FORMAT,
  GARBAGE,
  type Garbage,
  type Key,
  type Meta,
  META_KEY,
  pieceKeys,
  REQUESTS,
  type ScopeHeader,
  SCOPES,
} from "./deno_kv_layout.ts";
import { type DoneRequest, Mirror, type Scope, type StoredEntry, type ValueRef } from "./mirror.ts";
import { DamagedRecord, decodeRecord } from "./record.ts";

/** What was in the database. */
export interface LoadedKv {
  readonly meta: Meta;
  /** Version of the meta record, null when there is none yet. */
  readonly metaVersion: string | null;
  readonly mirror: Mirror;
  /** Notes of garbage by their ids. */
  readonly garbage: readonly (readonly [note: string, Garbage])[];
  /** Records that could not be read. */
  readonly damaged: number;
}

/** Records fetched by one call of list; the most Deno KV takes. */
const LIST_BATCH = 1000;
/** Pieces fetched by one getMany; the most Deno KV takes. */
const PIECES_PER_GET = 10;

const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads everything. A record that is damaged is left out and counted, the rest is served.
 *
 * @throws {PlantdError} `database_unusable` when a newer version of this program wrote it, or another
 * program.
 */
export async function loadDenoKv(kv: Deno.Kv): Promise<LoadedKv> {
  const load = new Load(kv);
  const scopes = await load.scopes();
  await load.entries(scopes);
  const garbage = await load.garbage();

  const mirror = new Mirror();
  for (const scope of scopes.values()) mirror.addScope(scope);
  for (const [id, done] of await load.requests()) mirror.putRequest(id, done);
  const { meta, version } = await load.meta({
    format: FORMAT,
    epoch: crypto.randomUUID(),
    revision: load.revisionMax,
    nextScopeId: load.scopeIdMax + 1,
  });
  return { meta, metaVersion: version, mirror, garbage, damaged: load.damaged };
}

class Load {
  readonly #kv: Deno.Kv;
  damaged = 0;
  /** Highest revision seen on an entry. */
  revisionMax = 0;
  /** Highest scope id seen on a scope, or on an entry whose scope is gone. */
  scopeIdMax = 0;

  constructor(kv: Deno.Kv) {
    this.#kv = kv;
  }

  /** The meta record; `fresh` where there is none, or none that can be read. */
  async meta(fresh: Meta): Promise<{ meta: Meta; version: string | null }> {
    const { value, versionstamp: version } = await this.#kv.get(META_KEY);
    if (value === null) return { meta: fresh, version };
    const meta = this.#intact(() => decodeRecord<Meta>(value).header);
    if (!meta) return { meta: fresh, version };
    if (meta.format > FORMAT) {
      throw new PlantdError(
        "database_unusable",
        `the database has format ${meta.format}, this version of the program knows up to ${FORMAT}`,
        { hint: "start the newer version that wrote it" },
      );
    }
    return { meta, version };
  }

  /** Scopes by their ids, still empty. */
  async scopes(): Promise<Map<number, Scope>> {
    const scopes = new Map<number, Scope>();
    for await (const { key, value } of this.#list(SCOPES)) {
      const header = this.#intact(() => decodeRecord<ScopeHeader>(value).header);
      if (!header) continue;
      this.scopeIdMax = Math.max(this.scopeIdMax, header.id);
      const { id, revision = 0 } = header;
      scopes.set(id, { id, name: key[1] as string, entries: new Map(), revision });
      this.revisionMax = Math.max(this.revisionMax, revision);
    }
    return scopes;
  }

  /** Fills `scopes`. Entries of no scope wait to be purged. */
  async entries(scopes: ReadonlyMap<number, Scope>): Promise<void> {
    for await (const { key, value } of this.#list(ENTRIES)) {
      const scopeId = key[1] as number;
      this.scopeIdMax = Math.max(this.scopeIdMax, scopeId);
      const scope = scopes.get(scopeId);
      if (!scope) continue;
      const decoded = this.#intact(() => decodeEntry(value));
      const entry = decoded && await this.#complete(decoded);
      if (!entry) continue;
      scope.entries.set(key[2] as string, entry);
      scope.revision = Math.max(scope.revision, entry.revision);
      this.revisionMax = Math.max(this.revisionMax, entry.revision);
    }
  }

  /** Requests that were done, the oldest first. */
  async requests(): Promise<[id: string, DoneRequest][]> {
    const requests: [string, DoneRequest][] = [];
    for await (const { key, value } of this.#list(REQUESTS)) {
      const done = this.#intact(() => decodeRecord<DoneRequest>(value).header);
      if (done) requests.push([key[1] as string, done]);
    }
    return requests.sort(([, a], [, b]) => a.revision - b.revision);
  }

  async garbage(): Promise<[note: string, Garbage][]> {
    const notes: [string, Garbage][] = [];
    for await (const { key, value } of this.#list(GARBAGE)) {
      const garbage = this.#intact(() => decodeRecord<Garbage>(value).header);
      if (garbage) notes.push([key[1] as string, garbage]);
    }
    return notes;
  }

  async #complete({ body, ref, ...rest }: DecodedEntry): Promise<StoredEntry | undefined> {
    if (!ref) return { ...rest, value: decoder.decode(body) };
    const pieces = await this.#pieces(ref);
    return pieces && { ...rest, ref, value: decoder.decode(pieces) };
  }

  /** A large value put together, or undefined if a piece is missing or damaged. */
  async #pieces(ref: ValueRef): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const keys = pieceKeys(ref);
    const bodies: Uint8Array<ArrayBuffer>[] = [];
    for (let i = 0; i < keys.length; i += PIECES_PER_GET) {
      for (const { value } of await this.#kv.getMany(keys.slice(i, i + PIECES_PER_GET))) {
        const body = this.#intact(() => decodeRecord<null>(value).body);
        if (!body) return undefined;
        bodies.push(body as Uint8Array<ArrayBuffer>);
      }
    }
    return new Uint8Array(await new Blob(bodies).arrayBuffer());
  }

  #list(prefix: Key): AsyncIterable<Deno.KvEntry<unknown>> {
    return this.#kv.list({ prefix }, { batchSize: LIST_BATCH });
  }

  /** What `read` returns, or undefined, counted, if the record is damaged. */
  #intact<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof DamagedRecord)) throw error;
      this.damaged += 1;
      return undefined;
    }
  }
}
