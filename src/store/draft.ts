/**
 * One commit in the making: transactions are applied to it one after another, each whole or not at
 * all; what is to be written is read off in the end. Pure.
 *
 * @module
 */

import { PlantdError } from "../errors.ts";
import type { Change, Mutation, Transaction } from "../state/store.ts";
import {
  type Mirror,
  type Scope,
  scopeNotFound,
  type StoredEntry,
  type ValueRef,
} from "./mirror.ts";

/** A scope as the draft sees it: what is on disk (if anything) and what shall be put over it. */
interface DraftScope {
  readonly scope: Scope;
  /** False for a scope that the draft itself creates. */
  readonly onDisk: boolean;
  /** Entries to be written; undefined deletes. */
  readonly puts: Map<string, StoredEntry | undefined>;
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
  readonly changes: readonly Change[];
}

/**
 * A commit in the making, on top of a mirror which it does not touch before {@link Draft.merge}.
 *
 * @example
 * ```ts
 * const draft = new Draft(mirror, { revision: 41, nextScopeId: 3, timeMs: Date.now() });
 * draft.apply(transaction); // { revision: 42, changes: [...] }, or throws and leaves no trace
 * ```
 */
export class Draft {
  readonly #mirror: Mirror;
  readonly #timeMs: number;
  /** Scopes touched, by name; null where the draft deletes one. */
  readonly #scopes = new Map<string, DraftScope | null>();
  /** Scopes on disk that go away. */
  readonly #dropped = new Set<Scope>();
  #revision: number;
  #nextScopeId: number;
  #recordsTouched = 0;
  #undo: (() => void)[] = [];

  constructor(mirror: Mirror, start: { revision: number; nextScopeId: number; timeMs: number }) {
    this.#mirror = mirror;
    this.#revision = start.revision;
    this.#nextScopeId = start.nextScopeId;
    this.#timeMs = start.timeMs;
  }

  /** The store's revision once this draft is committed. */
  get revision(): number {
    return this.#revision;
  }

  /** The next free scope id once this draft is committed. */
  get nextScopeId(): number {
    return this.#nextScopeId;
  }

  /** Upper bound of the records that the commit will write or delete. */
  get recordsTouched(): number {
    return this.#recordsTouched;
  }

  /**
   * Applies `transaction` as one revision. One that changes nothing takes no revision.
   *
   * @throws {PlantdError} `scope_exists`, `scope_not_found`; then the draft is as before.
   */
  apply({ mutations, source }: Transaction): Applied {
    this.#undo = [];
    const stamp = { revision: this.#revision + 1, timeMs: this.#timeMs, source };
    try {
      const changes = mutations.flatMap((mutation) => this.#mutate(mutation, stamp));
      if (changes.length > 0) this.#revision = stamp.revision;
      return { revision: this.#revision, changes };
    } catch (error) {
      for (const undo of this.#undo.reverse()) undo();
      throw error;
    }
  }

  /** Scopes that shall be on disk, and were not. */
  createdScopes(): Scope[] {
    return this.#drafts().filter(({ onDisk }) => !onDisk).map(({ scope }) => scope);
  }

  /** Scopes on disk that go away with all they hold. */
  droppedScopes(): readonly Scope[] {
    return [...this.#dropped];
  }

  /** Entries to be written; of several writes to one key only the last. */
  entryWrites(): EntryWrite[] {
    return this.#drafts().flatMap(({ scope, puts }) =>
      [...puts].map(([key, entry]) => ({ scopeId: scope.id, key, entry }))
    );
  }

  /** Large values that the entry writes replace or delete, and that nothing refers to afterwards. */
  orphanedRefs(): ValueRef[] {
    return this.#drafts().flatMap(({ scope, puts }) =>
      [...puts.keys()].flatMap((key) => scope.entries.get(key)?.ref ?? [])
    );
  }

  /**
   * Brings the mirror to where the disk is now.
   *
   * @param refs Where the commit put the values that were too large for a record.
   */
  merge(refs: ReadonlyMap<StoredEntry, ValueRef>): void {
    for (const scope of this.#dropped) this.#mirror.dropScope(scope);
    for (const { scope, onDisk, puts } of this.#drafts()) {
      if (!onDisk) this.#mirror.addScope(scope);
      for (const [key, entry] of puts) {
        const ref = entry && refs.get(entry);
        this.#mirror.put(scope, key, entry && ref ? { ...entry, ref } : entry);
      }
    }
  }

  #drafts(): DraftScope[] {
    return [...this.#scopes.values()].filter((draft) => draft !== null);
  }

  #mutate(
    mutation: Mutation,
    stamp: { revision: number; timeMs: number; source: string },
  ): Change[] {
    const { scope: name, kind } = mutation;
    const change: Change = { ...stamp, scope: name, operation: kind };
    switch (kind) {
      case "create-scope":
        if (this.#find(name)) throw scopeExists(name);
        this.#create(name);
        return [change];
      case "delete-scope":
        this.#drop(this.#existing(name));
        return [change];
      case "set": {
        const { key, value, sourceTimeMs } = mutation;
        const created: Change[] = [];
        let draft = this.#find(name);
        if (!draft) {
          if (mutation.missingScope === "fail") throw scopeNotFound(name);
          draft = this.#create(name);
          created.push({ ...stamp, scope: name, operation: "create-scope" });
        }
        const entry = { value: value.text, ...stamp };
        this.#put(draft, key, sourceTimeMs === undefined ? entry : { ...entry, sourceTimeMs });
        return [...created, { ...change, key, value: value.text }];
      }
      case "delete": {
        const draft = this.#existing(name);
        if (!this.#has(draft, mutation.key)) return [];
        this.#put(draft, mutation.key, undefined);
        return [{ ...change, key: mutation.key }];
      }
    }
  }

  /** The scope as of now in this draft. */
  #find(name: string): DraftScope | undefined {
    const known = this.#scopes.get(name);
    if (known !== undefined) return known ?? undefined;
    const scope = this.#mirror.scope(name);
    if (!scope) return undefined;
    const draft: DraftScope = { scope, onDisk: true, puts: new Map() };
    this.#scopes.set(name, draft);
    return draft;
  }

  #existing(name: string): DraftScope {
    const draft = this.#find(name);
    if (!draft) throw scopeNotFound(name);
    return draft;
  }

  #has({ scope, puts }: DraftScope, key: string): boolean {
    return puts.has(key) ? puts.get(key) !== undefined : scope.entries.has(key);
  }

  #create(name: string): DraftScope {
    const scope: Scope = { id: this.#nextScopeId, name, entries: new Map() };
    const draft: DraftScope = { scope, onDisk: false, puts: new Map() };
    this.#nextScopeId += 1;
    this.#replace(name, draft);
    return draft;
  }

  #drop({ scope, onDisk }: DraftScope): void {
    this.#replace(scope.name, null);
    if (!onDisk) return;
    this.#dropped.add(scope);
    this.#undo.push(() => this.#dropped.delete(scope));
  }

  #replace(name: string, draft: DraftScope | null): void {
    const before = this.#scopes.get(name);
    this.#recordsTouched += 1;
    this.#scopes.set(name, draft);
    this.#undo.push(() => {
      if (before === undefined) this.#scopes.delete(name);
      else this.#scopes.set(name, before);
    });
  }

  #put({ puts }: DraftScope, key: string, entry: StoredEntry | undefined): void {
    const had = puts.has(key);
    const before = puts.get(key);
    this.#recordsTouched += 1;
    puts.set(key, entry);
    this.#undo.push(() => {
      if (had) puts.set(key, before);
      else puts.delete(key);
    });
  }
}

function scopeExists(scope: string): PlantdError {
  return new PlantdError("scope_exists", `scope "${scope}" exists already`, { data: { scope } });
}
