/**
 * What a draft is made of and what is read off it.
 *
 * @module
 */

import type { Change } from "../state/store.ts";
import type { Scope, StoredEntry } from "./mirror.ts";

/** A scope as the draft sees it: what is on disk (if anything) and what shall be put over it. */
export interface DraftScope {
  readonly scope: Scope;
  /** False for a scope that the draft itself creates. */
  readonly onDisk: boolean;
  /** Entries to be written; undefined deletes. */
  readonly puts: Map<string, StoredEntry | undefined>;
  /** Revision of its last change. */
  revision: number;
  /** Whether a key was deleted, which no entry will tell. */
  hasDeleted: boolean;
}

/** A scope whose record shall be on disk. */
export interface ScopeWrite {
  readonly id: number;
  readonly name: string;
  readonly revision: number;
}

/** What all changes of a transaction have in common. */
export interface Stamp {
  readonly revision: number;
  readonly timeMs: number;
  readonly source: string;
  readonly note?: string;
}

/** An entry that shall be on disk, or no longer. */
export interface EntryWrite {
  readonly scopeId: number;
  readonly key: string;
  readonly entry: StoredEntry | undefined;
}

/** What becomes of a transaction when the draft is committed. */
export interface Applied {
  readonly revision: number;
  readonly timeMs: number;
  readonly changes: readonly Change[];
}
