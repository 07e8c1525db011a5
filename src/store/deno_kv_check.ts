/**
 * Looks at every record of a database and at what they say of one another.
 *
 * @module
 */

import { PlantdError } from "../errors.ts";
import { messageOf } from "../errors.ts";
import { absolute } from "../paths.ts";
import { numbersIn } from "./deno_kv_decoded.ts";
import * as layout from "./deno_kv_layout.ts";
import { type NewerKeys, presentOf, readUnsettled, type UnsettledList } from "./deno_kv_newer.ts";
import { openOffline } from "./deno_kv_offline.ts";
import { DamagedRecord, decodeRecord } from "./record.ts";

/** What was looked at. */
export interface CheckCounts {
  readonly records: number;
  readonly scopes: number;
  readonly entries: number;
}

/** Records fetched by one call of list; the most Deno KV takes. */
const LIST_BATCH = 1000;
/** Records fetched by one getMany; the most Deno KV takes. */
const GET_BATCH = 10;

const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Checks the database at `path`, which no service may have open.
 *
 * @param onProblem Told of each problem, in a sentence.
 * @param onRecord Told the number of records looked at so far.
 * @throws {PlantdError} `database_locked`, `database_unusable`: then nothing is known.
 *
 * @example
 * ```ts
 * await checkDenoKv("state.db", (problem) => console.log(problem)); // { records: 12, ... }
 * ```
 */
export async function checkDenoKv(
  path: string,
  onProblem: (problem: string) => void,
  onRecord: (count: number) => void = () => {},
): Promise<CheckCounts> {
  try {
    using database = await openOffline(path);
    return await new Check(database.kv, absolute(path), onProblem, onRecord).run();
  } catch (thrown) {
    if (!(thrown instanceof PlantdError) || thrown.code !== "database_damaged") throw thrown;
    onProblem(thrown.message);
    return { records: 0, scopes: 0, entries: 0 };
  }
}

class Check {
  readonly #kv: Deno.Kv;
  readonly #path: string;
  readonly #onProblem: (problem: string) => void;
  readonly #onRecord: (count: number) => void;
  readonly #scopes = new Map<number, string>();
  /** What notes of garbage speak of: it may lie about. */
  readonly #garbageScopes = new Set<number>();
  readonly #garbageValues = new Set<string>();
  /** Values in pieces that entries refer to. */
  readonly #values = new Map<string, number>();
  /** What is newer than entries. */
  #newer: NewerKeys = new Map();
  /** Versions that keys name, and have not been found yet. */
  readonly #versions = new Set<number>();
  /** What is left of deleted keys, by scope and key: of several the last counts. */
  readonly #deleted = new Map<
    string,
    { readonly at: layout.Key; readonly past: readonly number[] }
  >();
  /** Numbers of those that are garbage. */
  readonly #garbageDeleted = new Set<number>();
  #hasMeta = false;
  #meta: layout.Meta | undefined;
  #records = 0;
  #entries = 0;

  constructor(
    kv: Deno.Kv,
    path: string,
    onProblem: (problem: string) => void,
    onRecord: (count: number) => void,
  ) {
    this.#kv = kv;
    this.#path = path;
    this.#onProblem = onProblem;
    this.#onRecord = onRecord;
  }

  async run(): Promise<CheckCounts> {
    await this.#checkMeta();
    await this.#each(layout.GARBAGE, (_, value) => this.#checkGarbage(value));
    await this.#each(layout.SCOPES, (key, value) => this.#checkScope(key, value));
    await this.#readNewer();
    await this.#each(layout.ENTRIES, (key, value) => this.#checkEntry(key, value));
    await this.#each(layout.DELETED, (key, value) => this.#checkDeleted(key, value));
    await this.#nameDeleted();
    await this.#each(layout.VERSIONS, (key, value) => this.#checkVersion(key, value));
    for (const number of this.#versions) this.#onProblem(`earlier version ${number} is missing`);
    await this.#each(layout.OPTIONS, (key, value) => void decodeRecord(value, key));
    await this.#checkPieces();
    await this.#each(layout.REQUESTS, (_, value) => {
      const { revision } = decodeRecord<{ revision: number }>(value).header;
      this.#checkRevision("a request", revision);
    });
    // A database that nothing was ever written to has none.
    if (this.#records > 0 && !this.#hasMeta) this.#onProblem("the meta record is missing");
    return { records: this.#records, scopes: this.#scopes.size, entries: this.#entries };
  }

  async #checkMeta(): Promise<void> {
    const { value } = await this.#kv.get(layout.META_KEY);
    if (value === null) return;
    this.#hasMeta = true;
    this.#look(layout.META_KEY, () => {
      this.#meta = decodeRecord<layout.Meta>(value).header;
    });
  }

  async #readNewer(): Promise<void> {
    const { newer } = await readUnsettled(this.#kv, this.#path, (at, read) => {
      let list: UnsettledList | undefined;
      this.#look(at, () => list = read());
      return list;
    });
    this.#newer = newer;
  }

  #checkGarbage(value: unknown): void {
    const { scopeIds, refs, deleted = [] } = decodeRecord<layout.Garbage>(value).header;
    for (const number of deleted) this.#garbageDeleted.add(number);
    for (const id of scopeIds) this.#garbageScopes.add(id);
    for (const { id } of refs) this.#garbageValues.add(id);
  }

  #checkScope(key: layout.Key, value: unknown): void {
    const { id, revision = 0 } = decodeRecord<layout.ScopeHeader>(value, key).header;
    const name = key[1] as string;
    const other = this.#scopes.get(id);
    if (other !== undefined) this.#onProblem(`scopes "${other}" and "${name}" have the same id`);
    this.#scopes.set(id, name);
    this.#checkRevision(`scope "${name}"`, revision);
    if (this.#meta && id >= this.#meta.nextScopeId) {
      this.#onProblem(`scope "${name}" has an id that is given out again`);
    }
  }

  #checkEntry(key: layout.Key, value: unknown): void {
    const [, scopeId, name] = key as ["e", number, string];
    this.#entries += 1;
    const entry = layout.decodeEntry(key, value);
    const scope = this.#scopes.get(scopeId);
    if (scope === undefined && this.#garbageScopes.has(scopeId)) {
      // Its versions and pieces may be gone already.
      if (entry.ref) this.#garbageValues.add(entry.ref.id);
      return;
    }
    const present = presentOf(entry, this.#newer.get(scopeId)?.get(name));
    const { header: { r: revision, c: created = revision }, body, ref } = present;
    for (const number of numbersIn(present)) this.#versions.add(number);
    if (ref) this.#values.set(ref.id, ref.pieces);
    if (scope === undefined) {
      return this.#onProblem(`key ${JSON.stringify(name)} belongs to no scope (id ${scopeId})`);
    }
    const what = `key ${JSON.stringify(name)} of scope "${scope}"`;
    this.#checkRevision(what, revision);
    if (created > revision) this.#onProblem(`${what} was made after its last change`);
    if (!ref && !isJson(body)) this.#onProblem(`${what} has a value that is not JSON`);
  }

  #checkDeleted([, number]: layout.Key, value: unknown): void {
    const { header: { r, p = [], scope, key } } = layout.decodePast(value);
    // Of a scope that was deleted, too, nothing is promised; what is behind the last commit was written
    // ahead of one that never came.
    const isAhead = this.#meta !== undefined && r > this.#meta.revision;
    if (!this.#scopes.has(scope) || isAhead || this.#garbageDeleted.has(number as number)) return;
    this.#deleted.set(`${scope} ${key}`, { at: layout.entryKey(scope, key), past: p });
  }

  /** The versions that deleted keys name. Where the key is there again, or still, they name none. */
  async #nameDeleted(): Promise<void> {
    const all = [...this.#deleted.values()];
    for (let i = 0; i < all.length; i += GET_BATCH) {
      const some = all.slice(i, i + GET_BATCH);
      const entries = await this.#kv.getMany(some.map(({ at }) => at));
      for (const [place, { value }] of entries.entries()) {
        if (value !== null) continue;
        for (const number of some[place]!.past) this.#versions.add(number);
      }
    }
    this.#deleted.clear();
  }

  #checkVersion(key: layout.Key, value: unknown): void {
    const isNamed = this.#versions.delete(key[1] as number);
    const { header: { r, key: name }, ref } = layout.decodePast(value);
    // Of one that nothing names the pieces may be gone already.
    if (ref && isNamed) this.#values.set(ref.id, ref.pieces);
    else if (ref) this.#garbageValues.add(ref.id);
    if (isNamed) this.#checkRevision(`an earlier version of key ${JSON.stringify(name)}`, r);
  }

  /** Pieces lie in the order of their values' ids: one value after another. */
  async #checkPieces(): Promise<void> {
    let [last, count] = ["", 0];
    const whole = new Set<string>();
    const end = () => {
      if (last === "" || this.#garbageValues.has(last)) return;
      const expected = this.#values.get(last);
      if (expected === undefined) this.#onProblem(`pieces of value ${last} belong to no entry`);
      else if (expected === count) whole.add(last);
    };
    await this.#each(["v"], (key, value) => {
      const id = key[1] as string;
      if (id !== last) {
        end();
        [last, count] = [id, 0];
      }
      decodeRecord<null>(value, key);
      count += 1;
    });
    end();
    for (const [id, pieces] of this.#values) {
      if (whole.has(id) || this.#garbageValues.has(id)) continue;
      this.#onProblem(`value ${id} lacks some of its ${pieces} pieces`);
    }
  }

  #checkRevision(what: string, revision: number): void {
    if (this.#meta === undefined || revision <= this.#meta.revision) return;
    this.#onProblem(`${what} has revision ${revision}, the database only ${this.#meta.revision}`);
  }

  async #each(
    prefix: layout.Key,
    look: (key: layout.Key, value: unknown) => void,
  ): Promise<void> {
    for await (const { key, value } of this.#kv.list({ prefix }, { batchSize: LIST_BATCH })) {
      this.#look(key as layout.Key, () => look(key as layout.Key, value));
    }
  }

  #look(key: layout.Key, look: () => void): void {
    this.#records += 1;
    this.#onRecord(this.#records);
    try {
      look();
    } catch (error) {
      if (!(error instanceof DamagedRecord)) throw error;
      this.#onProblem(`${this.#nameOf(key)} is damaged: ${messageOf(error)}`);
    }
  }

  /** What a record is, for people. */
  #nameOf([kind, first, second]: layout.Key): string {
    const name = (part: unknown) => JSON.stringify(part);
    switch (kind) {
      case "m":
        return "the meta record";
      case "s":
        return `scope ${name(first)}`;
      case "e":
        return `key ${name(second)} of scope ${
          name(this.#scopes.get(first as number) ?? `id ${first}`)
        }`;
      default:
        return `the record ${name([kind, first, second].filter((part) => part !== undefined))}`;
    }
  }
}

function isJson(body: Uint8Array): boolean {
  try {
    JSON.parse(decoder.decode(body));
    return true;
  } catch {
    return false;
  }
}
