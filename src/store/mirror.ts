/**
 * The store's contents in memory: what reads are served from, and what a commit is planned against.
 *
 * @module
 */

import { LIST_BYTES_MAX } from "../limits.ts";
import type { Entry, ListQuery, NamePage, ScopeView } from "../state/store.ts";
import { scopeNotFound } from "./refusals.ts";

/** Where the pieces of a value are that is too large for one record. */
export interface ValueRef {
  /** Names the pieces; never used twice. */
  readonly id: string;
  readonly pieces: number;
}

/** An entry, and where its value is on disk if not beside it. */
export interface StoredEntry extends Entry {
  readonly ref?: ValueRef;
}

/** What became of a transaction that had a name. */
export interface DoneRequest {
  readonly revision: number;
  readonly timeMs: number;
  /** Of what it was; the same name must not stand for two. */
  readonly digest: string;
}

/** A scope and all its entries. */
export interface Scope {
  /** Stands for the scope in the keys of its entries; never used twice. */
  readonly id: number;
  readonly name: string;
  readonly entries: Map<string, StoredEntry>;
  /** Revision of its last change. */
  revision: number;
}

/**
 * Scopes and entries as of the last commit.
 *
 * @example
 * ```ts
 * const mirror = new Mirror();
 * mirror.addScope({ id: 1, name: "org.plantd.Test", entries: new Map(), revision: 1 });
 * mirror.get("org.plantd.Test", "k"); // undefined
 * ```
 */
export class Mirror {
  readonly #scopes = new Map<string, Scope>();
  /** Sorted keys by scope, made when a listing needs them and dropped when keys come or go. */
  readonly #sorted = new Map<Scope, readonly string[]>();
  /** Requests by their names, in the order in which they were done. */
  readonly #requests = new Map<string, DoneRequest>();
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

  /** The entry of `key`; throws `scope_not_found`. */
  get(scope: string, key: string): StoredEntry | undefined {
    return this.#existing(scope).entries.get(key);
  }

  /** The scope as it is now; throws `scope_not_found`. */
  view(scope: string): ScopeView {
    return this.#existing(scope);
  }

  /** A page of sorted scopes. */
  listScopes(query: ListQuery): NamePage {
    return pageOf(this.scopeNames(), query);
  }

  /** A page of sorted keys; throws `scope_not_found`. */
  listKeys(scopeName: string, query: ListQuery): NamePage {
    const scope = this.#existing(scopeName);
    let keys = this.#sorted.get(scope);
    if (!keys) {
      keys = [...scope.entries.keys()].sort();
      this.#sorted.set(scope, keys);
    }
    return pageOf(keys, query);
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

  /** Adds a scope with what it holds. */
  addScope(scope: Scope): void {
    this.#scopes.set(scope.name, scope);
    this.#keys += scope.entries.size;
  }

  /** Takes a scope away with what it holds. */
  dropScope(scope: Scope): void {
    if (this.#scopes.get(scope.name) === scope) this.#scopes.delete(scope.name);
    this.#sorted.delete(scope);
    this.#keys -= scope.entries.size;
  }

  /** Sets or, given undefined, deletes the entry of `key`. */
  put(scope: Scope, key: string, entry: StoredEntry | undefined): void {
    const before = scope.entries.size;
    if (entry) scope.entries.set(key, entry);
    else scope.entries.delete(key);
    const grown = scope.entries.size - before;
    if (grown === 0) return;
    this.#keys += grown;
    this.#sorted.delete(scope);
  }

  #existing(name: string): Scope {
    const scope = this.#scopes.get(name);
    if (!scope) throw scopeNotFound(name);
    return scope;
  }
}

/** JSON writes a character with up to six bytes, as in `\\u0001`. */
const JSON_CHAR_BYTES_MAX = 6;

/** The part of sorted `names` that a query asks for, as long as one reply can be. */
function pageOf(names: readonly string[], { prefix = "", after, limit }: ListQuery): NamePage {
  let i = firstIndex(names, (name) => name >= prefix);
  if (after !== undefined) i = Math.max(i, firstIndex(names, (name) => name > after));
  const page: string[] = [];
  let bytes = 0;
  const fits = () => i < names.length && names[i]!.startsWith(prefix);
  while (fits() && page.length < limit && bytes < LIST_BYTES_MAX) {
    bytes += names[i]!.length * JSON_CHAR_BYTES_MAX;
    page.push(names[i]!);
    i += 1;
  }
  return { names: page, more: fits() };
}

/** Index of the first of `keys` for which `holds` turns true; `keys` are sorted by it. */
function firstIndex(keys: readonly string[], holds: (key: string) => boolean): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(keys[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}
