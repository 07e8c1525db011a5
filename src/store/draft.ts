/**
 * One commit in the making: transactions are applied to it one after another, each whole or not at
 * all; what is to be written is read off in the end. Pure.
 *
 * @module
 */

import type { Change, Mutation, Transaction } from "../state/store.ts";
import { DraftHistory } from "./draft_history.ts";
import { DraftKeys } from "./draft_keys.ts";
import { DraftRequests } from "./draft_requests.ts";
import { DraftSettings } from "./draft_settings.ts";
import {
  type Applied,
  DraftScope,
  type DraftStart,
  type KeyWrite,
  type ScopeWrite,
  type Stamp,
  type Undo,
  type Written,
} from "./draft_types.ts";
import {
  emptyScope,
  type Last,
  living,
  type Mirror,
  type Scope,
  type StoredEntry,
} from "./mirror.ts";
import { expectKey, expectScope, scopeExists, scopeNotFound } from "./refusals.ts";

/** A mutation of one kind. */
type Of<Kind extends Mutation["kind"]> = Extract<Mutation, { kind: Kind }>;

/**
 * A commit in the making, on top of a mirror which it does not touch before {@link Draft.merge}.
 *
 * @example
 * ```ts
 * const draft = new Draft(mirror, { ...disk.meta, timeMs, monotonicMs, requestMs, options });
 * draft.apply(transaction); // { revision: 42, changes: [...] }, or throws and leaves no trace
 * ```
 */
export class Draft {
  readonly #mirror: Mirror;
  readonly #start: DraftStart;
  /** Scopes touched, by name; null where the draft deletes one. */
  readonly #scopes = new Map<string, DraftScope | null>();
  /** Scopes on disk that go away. */
  readonly #dropped = new Set<Scope>();
  #revision: number;
  #nextScopeId: number;
  #recordsTouched = 0;
  readonly #undo: Undo = [];
  #keyWrites: readonly KeyWrite[] | undefined;
  readonly #keys: DraftKeys;
  /** Requests with a name. */
  readonly requests: DraftRequests;
  /** The past of keys. */
  readonly history: DraftHistory;
  /** Options of scopes. */
  readonly settings: DraftSettings;

  constructor(mirror: Mirror, start: DraftStart) {
    this.#mirror = mirror;
    this.#start = start;
    this.requests = new DraftRequests(
      mirror,
      start.timeMs,
      start.requestMs,
      start.monotonicMs,
    );
    this.history = new DraftHistory(start);
    this.settings = new DraftSettings(mirror, start.options);
    this.#keys = new DraftKeys(start, this.history, this.#undo);
    this.#revision = start.revision;
    this.#nextScopeId = start.nextScopeId;
  }

  /** The store's revision once this draft is committed. */
  get revision(): number {
    return this.#revision;
  }

  /** The next free scope id once this draft is committed. */
  get nextScopeId(): number {
    return this.#nextScopeId;
  }

  /** Upper bound of the records that the commit will write or delete, dropped versions not counted. */
  get recordsTouched(): number {
    return this.#recordsTouched + this.#keys.recordsTouched + this.history.recordsTouched +
      this.settings.writeCount + this.requests.recordsTouched;
  }

  /**
   * Applies `transaction` as one revision. One that changes nothing takes no revision.
   *
   * @throws {PlantdError} `scope_exists`, `scope_not_found`, `revision_conflict`, `quota_exceeded`; then
   * the draft is as before.
   */
  apply(transaction: Transaction): Applied {
    const { mutations, source, note } = transaction;
    const done = this.requests.doneBefore(transaction);
    if (done) return { revision: done.revision, timeMs: done.timeMs, changes: [] };
    this.#undo.length = 0;
    this.history.begin(mutations.length);
    this.#keyWrites = undefined;
    const stamp: Stamp = {
      revision: this.#revision + 1,
      timeMs: this.#start.timeMs,
      source,
      ...(note === undefined ? {} : { note }),
    };
    try {
      const changes = mutations.length === 1
        ? this.#mutate(mutations[0]!, stamp)
        : mutations.flatMap((mutation) => this.#mutate(mutation, stamp));
      if (changes.length > 0) this.#revision = stamp.revision;
      // Also where there was nothing to change: asked again, there may be, and it would be done late.
      this.requests.remember(transaction, this.#revision);
      return { revision: this.#revision, timeMs: this.#start.timeMs, changes };
    } catch (error) {
      for (const undo of this.#undo.reverse()) undo();
      throw error;
    }
  }

  /** Scopes whose records shall be written: new ones, and those whose last change no key tells. */
  scopeWrites(): ScopeWrite[] {
    return this.#drafts()
      .filter(({ onDisk, isMarked }) => !onDisk || isMarked)
      .map(({ scope: { id, name }, revision }) => ({ id, name, revision }));
  }

  /** Scopes on disk that go away with all they hold. */
  droppedScopes(): readonly Scope[] {
    return [...this.#dropped];
  }

  /** Keys to be written; of several writes to one only the last. */
  keyWrites(): readonly KeyWrite[] {
    if (this.#keyWrites) return this.#keyWrites;
    const writes: KeyWrite[] = [];
    for (const { scope: { id: scopeId }, puts } of this.#drafts()) {
      for (const [key, last] of puts) writes.push({ scopeId, key, last });
    }
    return this.#keyWrites = writes;
  }

  /** The entry of `key` as of the last commit. */
  committed(scopeId: number, key: string): StoredEntry | undefined {
    return this.#mirror.scopeOf(scopeId)?.entries.get(key);
  }

  /** Whether this draft writes or deletes `key`, which is there as of the last commit. */
  changes(scopeId: number, key: string): boolean {
    const scope = this.#mirror.scopeOf(scopeId);
    const draft = scope && this.#scopes.get(scope.name);
    if (draft === undefined) return false;
    return draft === null || draft.scope !== scope || draft.puts.has(key);
  }

  /** Numbers of records of deleted keys that are there again, or whose past goes. */
  tombstoneDrops(): number[] {
    return this.#drafts().flatMap(({ scope: { deleted }, puts, forgotten }) =>
      [...puts.keys(), ...forgotten].flatMap((key) => deleted.get(key)?.deleted ?? [])
    );
  }

  /** Brings the mirror to where the disk is now. */
  merge(written: Written): void {
    this.requests.merge();
    this.settings.merge();
    for (const scope of this.#dropped) this.#mirror.dropScope(scope);
    for (const { scope, onDisk, puts, forgotten, revision } of this.#drafts()) {
      if (!onDisk) this.#mirror.addScope(scope);
      scope.revision = revision;
      for (const key of forgotten) this.#mirror.put(scope, key, undefined);
      for (const [key, last] of puts) this.#mirror.put(scope, key, last && placed(last, written));
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
        return this.#find(scope) ? this.#keys.keepOnly(this.#existing(scope), mutation, stamp) : [];
      case "set":
        return this.#set(mutation, stamp);
      case "delete":
        return this.#keys.delete(this.#existing(scope), mutation, stamp);
      case "expire":
        return this.#find(scope) ? this.#keys.expire(this.#existing(scope), mutation, stamp) : [];
      case "configure-scope":
        return this.#configure(mutation, stamp);
    }
  }

  #set(mutation: Of<"set">, stamp: Stamp): Change[] {
    const { scope, key } = mutation;
    const draft = this.#find(scope);
    if (draft) {
      expectKey(mutation, living(draft.last(key)));
      return [this.#keys.set(draft, mutation, stamp)];
    }
    if (mutation.missingScope === "fail") throw scopeNotFound(scope);
    expectKey(mutation, undefined);
    const created = this.#create(scope, stamp);
    return [
      { ...stamp, previous: 0, scope, operation: "create-scope" },
      this.#keys.set(created, mutation, stamp),
    ];
  }

  #configure({ scope, settings }: Of<"configure-scope">, stamp: Stamp): Change[] {
    // Before the change: what it is taken back to is what held until then.
    const draft = this.#find(scope);
    const value = this.settings.change(scope, settings, this.#undo);
    if (value === undefined) return [];
    if (!draft) return [{ ...stamp, previous: 0, scope, operation: "configure-scope", value }];
    const { options } = draft;
    draft.options = this.settings.optionsOf(scope);
    this.#undo.push(() => draft.options = options);
    if (draft.mark(this.#undo)) this.#recordsTouched += 1;
    const previous = draft.touch(stamp.revision, this.#undo);
    return [{ ...stamp, previous, scope, operation: "configure-scope", value }];
  }

  /** The scope as of now in this draft. */
  #find(name: string): DraftScope | undefined {
    const known = this.#scopes.get(name);
    if (known !== undefined) return known ?? undefined;
    const scope = this.#mirror.scope(name);
    if (!scope) return undefined;
    const draft = new DraftScope(scope, true, this.settings.optionsOf(name));
    this.#scopes.set(name, draft);
    return draft;
  }

  #existing(name: string): DraftScope {
    const draft = this.#find(name);
    if (!draft) throw scopeNotFound(name);
    return draft;
  }

  #create(name: string, { revision }: Stamp): DraftScope {
    const scope = emptyScope(this.#nextScopeId, name, revision);
    const draft = new DraftScope(scope, false, this.settings.optionsOf(name));
    this.#nextScopeId += 1;
    this.#replace(name, draft);
    return draft;
  }

  #drop({ scope, onDisk }: DraftScope): void {
    this.#replace(scope.name, null);
    this.history.dropScope(scope.id, this.#undo);
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
}

/** `last` with what only the disk knew. */
function placed(last: Last, written: Written): Last {
  const ref = written.get(last);
  return ref ? { ...last, ref } : last;
}
