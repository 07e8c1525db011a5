/**
 * The store's contents in memory: what reads are served from, and what a commit is planned against.
 *
 * @module
 */

import { LIST_BYTES_MAX } from "../limits.ts";
import { NAME_CHAR_BYTES_MAX, pageOf } from "../state/sorted.ts";
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
  view(scopeName: string): ScopeView {
    const scope = this.#existing(scopeName);
    const { revision, entries } = scope;
    return { revision, entries, keys: this.#sortedKeys(scope) };
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
