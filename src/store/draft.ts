/**
 * One commit in the making: transactions are applied to it one after another, each whole or not at
 * all; what is to be written is read off in the end. Pure.
 *
 * @module
 */

import type { Change, Mutation, Transaction } from "../state/store.ts";
import { DraftRequests } from "./draft_requests.ts";
import type { Applied, DraftScope, EntryWrite, ScopeWrite, Stamp } from "./draft_types.ts";
import type { Mirror, Scope, StoredEntry, ValueRef } from "./mirror.ts";
import { boundDeletions, expectKey, expectScope, scopeExists, scopeNotFound } from "./refusals.ts";

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
  /** Requests with a name. */
  readonly requests: DraftRequests;

  /** @param start Where the disk stands, the time, and for how long names of requests are remembered. */
  constructor(
    mirror: Mirror,
    start: { revision: number; nextScopeId: number; timeMs: number; requestMs?: number },
  ) {
    this.#mirror = mirror;
    this.requests = new DraftRequests(mirror, start.timeMs, start.requestMs ?? 0);
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
   * @throws {PlantdError} `scope_exists`, `scope_not_found`, `revision_conflict`; then the draft is as
   * before.
   */
  apply(transaction: Transaction): Applied {
    const { mutations, source, note } = transaction;
    const done = this.requests.doneBefore(transaction);
    if (done) return { revision: done.revision, timeMs: done.timeMs, changes: [] };
    this.#undo = [];
    const stamp: Stamp = {
      revision: this.#revision + 1,
      timeMs: this.#timeMs,
      source,
      ...(note === undefined ? {} : { note }),
    };
    try {
      const changes = mutations.flatMap((mutation) => this.#mutate(mutation, stamp));
      if (changes.length > 0) {
        this.#revision = stamp.revision;
        this.requests.remember(transaction, stamp.revision);
      }
      return { revision: this.#revision, timeMs: this.#timeMs, changes };
    } catch (error) {
      for (const undo of this.#undo.reverse()) undo();
      throw error;
    }
  }

  /** Scopes whose records shall be written: new ones, and those whose last change may be a deletion. */
  scopeWrites(): ScopeWrite[] {
    return this.#drafts()
      .filter(({ onDisk, hasDeleted }) => !onDisk || hasDeleted)
      .map(({ scope: { id, name }, revision }) => ({ id, name, revision }));
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
    this.requests.merge();
    for (const scope of this.#dropped) this.#mirror.dropScope(scope);
    for (const { scope, onDisk, puts, revision } of this.#drafts()) {
      if (!onDisk) this.#mirror.addScope(scope);
      scope.revision = revision;
      for (const [key, entry] of puts) {
        const ref = entry && refs.get(entry);
        this.#mirror.put(scope, key, entry && ref ? { ...entry, ref } : entry);
      }
    }
  }

  #drafts(): DraftScope[] {
    return [...this.#scopes.values()].filter((draft) => draft !== null);
  }

  #mutate(mutation: Mutation, stamp: Stamp): Change[] {
    const { scope } = mutation;
    switch (mutation.kind) {
      case "create-scope":
        if (this.#find(scope)) throw scopeExists(scope);
        this.#create(scope, stamp);
        return [{ ...stamp, previous: 0, scope, operation: "create-scope" }];
      case "delete-scope": {
        const draft = this.#existing(scope);
        this.#drop(draft);
        return [{ ...stamp, previous: draft.revision, scope, operation: "delete-scope" }];
      }
      case "expect-scope": {
        expectScope(scope, mutation.revision, this.#find(scope)?.revision ?? 0);
        return [];
      }
      case "keep-only":
        return this.#keepOnly(mutation, stamp);
      case "set":
        return this.#set(mutation, stamp);
      case "delete":
        return this.#delete(mutation, stamp);
    }
  }

  #set(mutation: Extract<Mutation, { kind: "set" }>, stamp: Stamp): Change[] {
    const { scope, key, value, sourceTimeMs } = mutation;
    const clock = sourceTimeMs === undefined ? {} : { sourceTimeMs };
    const changes: Change[] = [];
    let draft = this.#find(scope);
    if (!draft && mutation.missingScope === "fail") throw scopeNotFound(scope);
    const before = draft && this.#entry(draft, key);
    expectKey(mutation, before);
    if (!draft) {
      draft = this.#create(scope, stamp);
      changes.push({ ...stamp, previous: 0, scope, operation: "create-scope" });
    }
    const created = before?.created ?? stamp.revision;
    this.#put(draft, key, { value: value.text, created, ...stamp, ...clock });
    const previous = this.#touch(draft, stamp.revision);
    changes.push({
      ...stamp,
      previous,
      scope,
      operation: "set",
      key,
      value: value.text,
      ...clock,
    });
    return changes;
  }

  #delete(mutation: Extract<Mutation, { kind: "delete" }>, stamp: Stamp): Change[] {
    const { scope, key } = mutation;
    const draft = this.#existing(scope);
    const before = this.#entry(draft, key);
    expectKey(mutation, before);
    if (!before) return [];
    this.#put(draft, key, undefined);
    this.#noteDeletion(draft);
    return [{
      ...stamp,
      previous: this.#touch(draft, stamp.revision),
      scope,
      operation: "delete",
      key,
    }];
  }

  #keepOnly({ scope, keys }: Extract<Mutation, { kind: "keep-only" }>, stamp: Stamp): Change[] {
    const draft = this.#find(scope);
    if (!draft) return [];
    const present = [...new Set([...draft.scope.entries.keys(), ...draft.puts.keys()])];
    const others = present.filter((key) => !keys.has(key) && this.#entry(draft, key));
    boundDeletions(scope, others);
    return others.flatMap((key) => this.#delete({ kind: "delete", scope, key }, stamp));
  }

  /** The scope as of now in this draft. */
  #find(name: string): DraftScope | undefined {
    const known = this.#scopes.get(name);
    if (known !== undefined) return known ?? undefined;
    const scope = this.#mirror.scope(name);
    if (!scope) return undefined;
    const draft = draftOf(scope, true);
    this.#scopes.set(name, draft);
    return draft;
  }

  #existing(name: string): DraftScope {
    const draft = this.#find(name);
    if (!draft) throw scopeNotFound(name);
    return draft;
  }

  #entry({ scope, puts }: DraftScope, key: string): StoredEntry | undefined {
    return puts.has(key) ? puts.get(key) : scope.entries.get(key);
  }

  /** The scope changes with `revision`; returns the revision of the change before. */
  #touch(draft: DraftScope, revision: number): number {
    const before = draft.revision;
    draft.revision = revision;
    this.#undo.push(() => draft.revision = before);
    return before;
  }

  #noteDeletion(draft: DraftScope): void {
    if (draft.hasDeleted) return;
    draft.hasDeleted = true;
    this.#recordsTouched += 1;
    this.#undo.push(() => draft.hasDeleted = false);
  }

  #create(name: string, { revision }: Stamp): DraftScope {
    const scope: Scope = { id: this.#nextScopeId, name, entries: new Map(), revision };
    const draft = draftOf(scope, false);
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

function draftOf(scope: Scope, onDisk: boolean): DraftScope {
  return { scope, onDisk, puts: new Map(), revision: scope.revision, hasDeleted: false };
}
