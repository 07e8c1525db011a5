/**
 * Looks at every record of a database and at what they say of one another.
 *
 * @module
 */

import { PlantdError } from "../errors.ts";
import { messageOf } from "../errors.ts";
import * as layout from "./deno_kv_layout.ts";
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
    return await new Check(database.kv, onProblem, onRecord).run();
  } catch (thrown) {
    if (!(thrown instanceof PlantdError) || thrown.code !== "database_damaged") throw thrown;
    onProblem(thrown.message);
    return { records: 0, scopes: 0, entries: 0 };
  }
}

class Check {
  readonly #kv: Deno.Kv;
  readonly #onProblem: (problem: string) => void;
  readonly #onRecord: (count: number) => void;
  readonly #scopes = new Map<number, string>();
  /** What notes of garbage speak of: it may lie about. */
  readonly #garbageScopes = new Set<number>();
  readonly #garbageValues = new Set<string>();
  /** Values in pieces that entries refer to. */
  readonly #values = new Map<string, number>();
  /** Versions that keys name, and have not been found yet. */
  readonly #versions = new Set<number>();
  #meta: layout.Meta | undefined;
  #records = 0;
  #entries = 0;

  constructor(
    kv: Deno.Kv,
    onProblem: (problem: string) => void,
    onRecord: (count: number) => void,
  ) {
    this.#kv = kv;
    this.#onProblem = onProblem;
    this.#onRecord = onRecord;
  }

  async run(): Promise<CheckCounts> {
    await this.#checkMeta();
    await this.#each(layout.GARBAGE, (_, value) => this.#checkGarbage(value));
    await this.#each(layout.SCOPES, (key, value) => this.#checkScope(key, value));
    await this.#each(layout.ENTRIES, (key, value) => this.#checkEntry(key, value));
    await this.#each(layout.DELETED, (_, value) => this.#checkDeleted(value));
    await this.#each(layout.VERSIONS, (key, value) => this.#checkVersion(key, value));
    for (const number of this.#versions) this.#onProblem(`earlier version ${number} is missing`);
    await this.#each(layout.OPTIONS, (_, value) => void decodeRecord(value));
    await this.#checkPieces();
    await this.#each(layout.REQUESTS, (_, value) => {
      const { revision } = decodeRecord<{ revision: number }>(value).header;
      this.#checkRevision("a request", revision);
    });
    return { records: this.#records, scopes: this.#scopes.size, entries: this.#entries };
  }

  async #checkMeta(): Promise<void> {
    const { value } = await this.#kv.get(layout.META_KEY);
    if (value === null) return this.#onProblem("the meta record is missing");
    this.#look(layout.META_KEY, () => {
      this.#meta = decodeRecord<layout.Meta>(value).header;
    });
  }

  #checkGarbage(value: unknown): void {
    const { scopeIds, refs } = decodeRecord<layout.Garbage>(value).header;
    for (const id of scopeIds) this.#garbageScopes.add(id);
    for (const { id } of refs) this.#garbageValues.add(id);
  }

  #checkScope(key: layout.Key, value: unknown): void {
    const { id, revision = 0 } = decodeRecord<layout.ScopeHeader>(value).header;
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
    const { header: { r: revision, c: created = revision, p = [] }, body, ref } = layout
      .decodeEntry(value);
    for (const number of p) this.#versions.add(number);
    if (ref) this.#values.set(ref.id, ref.pieces);
    const scope = this.#scopes.get(scopeId);
    if (scope === undefined) {
      if (this.#garbageScopes.has(scopeId)) return;
      return this.#onProblem(`key ${JSON.stringify(name)} belongs to no scope (id ${scopeId})`);
    }
    const what = `key ${JSON.stringify(name)} of scope "${scope}"`;
    this.#checkRevision(what, revision);
    if (created > revision) this.#onProblem(`${what} was made after its last change`);
    if (!ref && !isJson(body)) this.#onProblem(`${what} has a value that is not JSON`);
  }

  #checkDeleted(value: unknown): void {
    const { header: { r, p = [], scope, key } } = layout.decodePast(value);
    this.#checkRevision(`the deletion of key ${JSON.stringify(key)}`, r);
    // Of a scope that was deleted, too, nothing is promised.
    if (this.#scopes.has(scope)) { for (const number of p) this.#versions.add(number); }
  }

  #checkVersion(key: layout.Key, value: unknown): void {
    const isNamed = this.#versions.delete(key[1] as number);
    const { header: { r, key: name }, ref } = layout.decodePast(value);
    if (ref) this.#values.set(ref.id, ref.pieces);
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
      decodeRecord<null>(value);
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
