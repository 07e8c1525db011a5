/**
 * What a draft is made of and what is read off it.
 *
 * @module
 */

import type { ScopeOptions } from "../state/scope_options.ts";
import type { Change } from "../state/store.ts";
import {
  entryBytes,
  type Last,
  living,
  type Scope,
  type StoredEntry,
  type ValueRef,
} from "./mirror.ts";

/** Where a draft begins. */
export interface DraftStart {
  /** Of the last commit. */
  readonly revision: number;
  readonly nextScopeId: number;
  readonly nextVersion: number;
  /** Wall clock. */
  readonly timeMs: number;
  /** Monotonic clock. */
  readonly monotonicMs: number;
  /** For how long the names of requests are remembered. */
  readonly requestMs: number;
  /** What holds for scopes for which nothing else was set. */
  readonly options: ScopeOptions;
}

/** What takes steps back, the last first. */
export type Undo = (() => void)[];

/** What all changes of a transaction have in common. */
export interface Stamp {
  readonly revision: number;
  readonly timeMs: number;
  readonly source: string;
  readonly note?: string;
}

/** A scope whose record shall be on disk. */
export interface ScopeWrite {
  readonly id: number;
  readonly name: string;
  readonly revision: number;
}

/** What becomes of a key. */
export interface KeyWrite {
  readonly scopeId: number;
  readonly key: string;
  /** Undefined where nothing is left of it. */
  readonly last: Last | undefined;
}

/** Where a disk put the values that were too large for a record. */
export type Written = ReadonlyMap<Last, ValueRef>;

/** What becomes of a transaction when the draft is committed. */
export interface Applied {
  readonly revision: number;
  readonly timeMs: number;
  readonly changes: readonly Change[];
}

/** A scope as the draft sees it: what is on disk (if anything) and what shall be put over it. */
export class DraftScope {
  /** What becomes of keys; undefined where nothing is left. */
  readonly puts = new Map<string, Last | undefined>();
  /** Deleted keys whose past goes. */
  readonly forgotten = new Set<string>();
  /** Revision of its last change. */
  revision: number;
  /** Whether the scope's own record must tell its revision, because no key's will. */
  isMarked = false;
  keys: number;
  bytes: number;
  /** Keys deleted in this draft, at most. */
  deleted = 0;

  /** @param onDisk False for a scope that the draft itself creates. */
  constructor(readonly scope: Scope, readonly onDisk: boolean, public options: ScopeOptions) {
    this.revision = scope.revision;
    this.keys = scope.entries.size;
    this.bytes = scope.bytes;
  }

  /** The last that is known of `key`. */
  last(key: string): Last | undefined {
    if (this.puts.has(key)) return this.puts.get(key);
    const entry = this.scope.entries.get(key);
    if (entry || this.forgotten.has(key)) return entry;
    return this.scope.deleted.get(key);
  }

  /** Makes `last` the last that is known of `key`; `undo` gets what takes it back. */
  put(key: string, last: Last | undefined, undo: Undo): void {
    const had = this.puts.has(key);
    const before = this.puts.get(key);
    this.#count(key, living(this.last(key)), -1);
    this.#count(key, living(last), 1);
    this.puts.set(key, last);
    undo.push(() => {
      this.#count(key, living(last), -1);
      if (had) this.puts.set(key, before);
      else this.puts.delete(key);
      this.#count(key, living(this.last(key)), 1);
    });
  }

  /** The scope changes with `revision`; returns the revision of the change before. */
  touch(revision: number, undo: Undo): number {
    const before = this.revision;
    this.revision = revision;
    undo.push(() => this.revision = before);
    return before;
  }

  /** Has the scope's own record tell its revision; true when that is new. */
  mark(undo: Undo): boolean {
    if (this.isMarked) return false;
    this.isMarked = true;
    undo.push(() => this.isMarked = false);
    return true;
  }

  #count(key: string, entry: StoredEntry | undefined, sign: 1 | -1): void {
    if (!entry) return;
    this.keys += sign;
    this.bytes += sign * entryBytes(key, entry);
  }
}
