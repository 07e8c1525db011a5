/**
 * The store's contents in memory: what reads are served from, and what a commit is planned against.
 *
 * @module
 */

import { LIST_BYTES_MAX } from "../limits.ts";
import { NAME_CHAR_BYTES_MAX, pageOf } from "../state/sorted.ts";
import { utf8Bytes } from "../state/utf8.ts";
import type { ScopeSettings } from "../state/scope_options.ts";
import type { Entry, ListQuery, NamePage, ScopeView, Version } from "../state/store.ts";
import { Expiry, type Place } from "./expiry.ts";
import { scopeNotFound } from "./refusals.ts";

/** Where the pieces of a value are that is too large for one record. */
export interface ValueRef {
  /** Names the pieces; never used twice. */
  readonly id: string;
  readonly pieces: number;
}

/** An entry, its past, and where its value is on disk if not beside it. */
export interface StoredEntry extends Entry {
  /** UTF-8 length of the value; counting it anew at every turn costs more than keeping it. */
  readonly valueBytes: number;
  /** Numbers of its versions on disk, the oldest first; absent where there are none. */
  readonly past?: readonly number[];
  readonly ref?: ValueRef;
  /** Number of the version that it is on disk already; absent where it is none yet. */
  readonly at?: number;
  /** When it expires, on the store's monotonic clock. */
  readonly deadlineMs?: number;
}

/** What is left of a key that was deleted and whose past is kept. */
export interface Tombstone extends Pick<Entry, "revision" | "timeMs" | "source" | "note"> {
  /** Number of its record on disk. */
  readonly deleted: number;
  readonly past?: readonly number[];
}

/** `T` while it is put together. */
export type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** The last that is known of a key. */
export type Last = StoredEntry | Tombstone;

/** `last` unless it is a tombstone. */
export function living(last: Last | undefined): StoredEntry | undefined {
  return last && "deleted" in last ? undefined : last;
}

/** The last of a key as a version. */
export function presentVersion(last: Last): Version {
  const { revision, timeMs, source, note } = last;
  const { value, sourceTimeMs } = living(last) ?? {};
  return {
    revision,
    timeMs,
    source,
    ...(note === undefined ? {} : { note }),
    ...(sourceTimeMs === undefined ? {} : { sourceTimeMs }),
    ...(value === undefined ? {} : { value }),
  };
}

/** What became of a transaction that had a name. */
export interface DoneRequest {
  readonly revision: number;
  readonly timeMs: number;
  /** Of what it was; the same name must not stand for two. */
  readonly digest: string;
  /** When it was done on the monotonic clock of this run; not on disk. */
  readonly sinceMs?: number;
}

/** A scope and all its entries. */
export interface Scope {
  /** Stands for the scope in the keys of its entries; never used twice. */
  readonly id: number;
  readonly name: string;
  readonly entries: Map<string, StoredEntry>;
  /** Keys that were deleted, in the order of their deletions. */
  readonly deleted: Map<string, Tombstone>;
  /** Revision of its last change. */
  revision: number;
  /** UTF-8 bytes of its keys and values. */
  bytes: number;
}

/** A scope with nothing in it. */
export function emptyScope(id: number, name: string, revision: number): Scope {
  return { id, name, entries: new Map(), deleted: new Map(), revision, bytes: 0 };
}

/** What an entry counts for in {@link Scope.bytes}. */
export function entryBytes(key: string, { valueBytes }: Pick<StoredEntry, "valueBytes">): number {
  return utf8Bytes(key) + valueBytes;
}

/**
 * Scopes and entries as of the last commit.
 *
 * @example
 * ```ts
 * const mirror = new Mirror();
 * mirror.addScope(emptyScope(1, "org.plantd.Test", 1));
 * mirror.get("org.plantd.Test", "k"); // undefined
 * ```
 */
export class Mirror {
  readonly #scopes = new Map<string, Scope>();
  readonly #byId = new Map<number, Scope>();
  /** Sorted keys by scope, made when a listing needs them and dropped when keys come or go. */
  readonly #sorted = new Map<Scope, readonly string[]>();
  /** Requests by their names, in the order in which they were done. */
  readonly #requests = new Map<string, DoneRequest>();
  /** Options of scopes by their names, be there such scopes or not. */
  readonly #settings = new Map<string, ScopeSettings>();
  readonly #expiry = new Expiry<Scope>();
  #keys = 0;

  /** Number of keys in all scopes. */
  get keyCount(): number {
    return this.#keys;
  }

  /** Number of scopes. */
  get scopeCount(): number {
    return this.#scopes.size;
  }

  /** Names of all scopes, sorted. */
  scopeNames(): readonly string[] {
    return [...this.#scopes.keys()].sort();
  }

  /** The scope of that name, if there is one. */
  scope(name: string): Scope | undefined {
    return this.#scopes.get(name);
  }

  /** The scope of that id, if there is one. */
  scopeOf(id: number): Scope | undefined {
    return this.#byId.get(id);
  }

  /** The entry of `key`; throws `scope_not_found`. */
  get(scope: string, key: string): StoredEntry | undefined {
    return this.#existing(scope).entries.get(key);
  }

  /** The scope as it is now; throws `scope_not_found`. */
  view(scopeName: string): ScopeView {
    const scope = this.#existing(scopeName);
    const { revision, entries, deleted } = scope;
    return { revision, entries, deleted, keys: this.#sortedKeys(scope) };
  }

  /** A page of sorted scopes. */
  listScopes(query: ListQuery): NamePage {
    return namesPage(this.scopeNames(), query);
  }

  /** A page of sorted keys; throws `scope_not_found`. */
  listKeys(scopeName: string, query: ListQuery): NamePage {
    return namesPage(this.#sortedKeys(this.#existing(scopeName)), query);
  }

  /** What became of the request of that name, if it is remembered. */
  request(id: string): DoneRequest | undefined {
    return this.#requests.get(id);
  }

  /** Names of requests, the oldest first. */
  requestIds(): IterableIterator<string> {
    return this.#requests.keys();
  }

  /** Requests remembered. */
  get requestCount(): number {
    return this.#requests.size;
  }

  /** Remembers or, given undefined, forgets a request. */
  putRequest(id: string, done: DoneRequest | undefined): void {
    this.#requests.delete(id);
    if (done) this.#requests.set(id, done);
  }

  /** What was set for the scope of that name. */
  settings(name: string): ScopeSettings | undefined {
    return this.#settings.get(name);
  }

  /** Names for which something was set. */
  configuredScopes(): readonly string[] {
    return [...this.#settings.keys()];
  }

  /** Number of names for which something was set. */
  get configuredCount(): number {
    return this.#settings.size;
  }

  /** Sets or, given undefined, takes back the options of a scope. */
  putSettings(name: string, settings: ScopeSettings | undefined): void {
    if (settings) this.#settings.set(name, settings);
    else this.#settings.delete(name);
  }

  /** Entries that will expire. */
  get expiringCount(): number {
    return this.#expiry.size;
  }

  /** Removes and returns what is due to expire. */
  takeDue(nowMs: number): Place<Scope>[] {
    return this.#expiry.take(nowMs);
  }

  /** Puts back what was taken as due. */
  putDue(nowMs: number, places: readonly Place<Scope>[]): void {
    for (const place of places) this.#expiry.add(nowMs, place);
  }

  /** Adds a scope that holds nothing yet. */
  addScope(scope: Scope): void {
    this.#scopes.set(scope.name, scope);
    this.#byId.set(scope.id, scope);
  }

  /** Takes a scope away with what it holds. */
  dropScope(scope: Scope): void {
    if (this.#scopes.get(scope.name) === scope) this.#scopes.delete(scope.name);
    this.#byId.delete(scope.id);
    this.#sorted.delete(scope);
    this.#keys -= scope.entries.size;
    if (this.#expiry.size === 0) return;
    for (const [key, { deadlineMs }] of scope.entries) {
      if (deadlineMs !== undefined) this.#expiry.remove(deadlineMs, { scope, key });
    }
  }

  /** Sets the entry of `key`, or what is left of it; given undefined, forgets the key. */
  put(scope: Scope, key: string, last: Last | undefined): void {
    const before = scope.entries.get(key);
    const entry = living(last);
    // At the end of the deleted ones, whatever it was before.
    if (scope.deleted.size > 0) scope.deleted.delete(key);
    if (last && !entry) scope.deleted.set(key, last as Tombstone);
    if (entry) scope.entries.set(key, entry);
    else scope.entries.delete(key);
    this.#count(scope, key, before, entry);
  }

  #count(scope: Scope, key: string, before?: StoredEntry, after?: StoredEntry): void {
    if (before) {
      scope.bytes -= entryBytes(key, before);
      if (before.deadlineMs !== undefined) this.#expiry.remove(before.deadlineMs, { scope, key });
    }
    if (after) {
      scope.bytes += entryBytes(key, after);
      if (after.deadlineMs !== undefined) this.#expiry.add(after.deadlineMs, { scope, key });
    }
    const grown = Number(after !== undefined) - Number(before !== undefined);
    if (grown === 0) return;
    this.#keys += grown;
    this.#sorted.delete(scope);
  }

  #sortedKeys(scope: Scope): readonly string[] {
    let keys = this.#sorted.get(scope);
    if (!keys) {
      keys = [...scope.entries.keys()].sort();
      this.#sorted.set(scope, keys);
    }
    return keys;
  }

  #existing(name: string): Scope {
    const scope = this.#scopes.get(name);
    if (!scope) throw scopeNotFound(name);
    return scope;
  }
}

/** A page of names alone. */
function namesPage(names: readonly string[], query: ListQuery): NamePage {
  return pageOf(names, query, ({ length }) => length * NAME_CHAR_BYTES_MAX, LIST_BYTES_MAX);
}
