/**
 * The Store port: what the operations need of a store, in words of the domain. Adapters implement it
 * in `src/store`; `tests/store/contract.ts` is the suite that each of them must pass.
 *
 * @module
 */

import type { JsonText } from "./json.ts";
import type { ScopeOptions, ScopeSettings, SettingsChange } from "./scope_options.ts";

/** The value of a key, and where it came from. */
export interface Entry {
  /** The value as compact JSON text. */
  readonly value: string;
  /** Revision of the change that wrote it. */
  readonly revision: number;
  /** Revision of the change that made the key; the key has been there since. */
  readonly created: number;
  /** Wall clock of the commit, milliseconds since 1970. */
  readonly timeMs: number;
  /** Who wrote it: `mdp:` and the client's address in hex, `http:` and its address, or `bus`. */
  readonly source: string;
  /** The writer's own clock, milliseconds since 1970, where it sent one. */
  readonly sourceTimeMs?: number;
  /** Why it was written, where the writer said so. */
  readonly note?: string;
  /** Wall clock at which it goes, milliseconds since 1970, where it has a time to live. */
  readonly expiresMs?: number;
}

/** One of the values that a key has had, or that it was deleted. */
export interface Version
  extends Pick<Entry, "revision" | "timeMs" | "source" | "sourceTimeMs" | "note"> {
  /** JSON text; absent where the key was deleted. */
  readonly value?: string;
}

/** One thing a transaction does. */
export type Mutation =
  | { readonly kind: "create-scope"; readonly scope: string }
  | { readonly kind: "delete-scope"; readonly scope: string }
  | {
    /** Changes nothing; fails unless the scope's last change has this revision (0: no such scope). */
    readonly kind: "expect-scope";
    readonly scope: string;
    readonly revision: number;
  }
  | {
    /** Deletes the keys of the scope, if there is one, that are not among `keys`. */
    readonly kind: "keep-only";
    readonly scope: string;
    readonly keys: ReadonlySet<string>;
  }
  | {
    readonly kind: "set";
    readonly scope: string;
    readonly key: string;
    readonly value: JsonText;
    /** What to do when the scope does not exist. */
    readonly missingScope: "create" | "fail";
    readonly sourceTimeMs?: number;
    /** Fails unless the key's entry has this revision (0: no such key). */
    readonly ifRevision?: number;
    /** How long it lives, in milliseconds, 0 for ever; as the scope has it by default. */
    readonly ttlMs?: number;
  }
  | {
    readonly kind: "delete";
    readonly scope: string;
    readonly key: string;
    readonly ifRevision?: number;
  }
  | {
    /** Deletes the key if its entry still is the one of `revision`. */
    readonly kind: "expire";
    readonly scope: string;
    readonly key: string;
    readonly revision: number;
  }
  | {
    /** Changes the options of a scope, which need not exist. */
    readonly kind: "configure-scope";
    readonly scope: string;
    readonly settings: SettingsChange;
  };

/** Mutations that happen together or not at all, as one revision. */
export interface Transaction {
  readonly mutations: readonly Mutation[];
  readonly source: string;
  /** Why, for people who read the entries later. */
  readonly note?: string;
  /**
   * Names the request: given again within the store's window, it is not applied again, and resolves with
   * what became of it the first time.
   */
  readonly requestId?: string;
}

/** What became of a transaction, told when it is on disk. */
export interface Committed {
  /** Its revision; when it changed nothing, the store's revision at that moment. */
  readonly revision: number;
  readonly timeMs: number;
}

/** Whoever waits for what becomes of a transaction. */
export interface Settler {
  resolve(committed: Committed): void;
  reject(reason: unknown): void;
}

/** A committed mutation, as told to watchers. */
export interface Change {
  readonly revision: number;
  /** Revision of the change before this one in the same scope; 0 when the scope begins with it. */
  readonly previous: number;
  readonly timeMs: number;
  readonly source: string;
  readonly scope: string;
  readonly operation: "create-scope" | "delete-scope" | "configure-scope" | "set" | "delete";
  /** Present for set and delete. */
  readonly key?: string;
  /** JSON text; present for set, and for configure-scope, of what is set for the scope. */
  readonly value?: string;
  readonly expiresMs?: number;
  readonly sourceTimeMs?: number;
  readonly note?: string;
}

/** All of a scope at one moment. */
export interface ScopeView {
  /** Revision of the scope's last change. */
  readonly revision: number;
  readonly entries: ReadonlyMap<string, Entry>;
  /** Keys that were deleted and whose past is kept, with the revisions of their deletions. */
  readonly deleted: ReadonlyMap<string, Pick<Entry, "revision">>;
  /** Its keys, sorted; this list stays as it is. */
  readonly keys: readonly string[];
}

/** Numbers of a scope. */
export interface ScopeStats {
  readonly keys: number;
  /** UTF-8 bytes of its keys and values. */
  readonly bytes: number;
  /** Revision of its last change. */
  readonly revision: number;
}

/** One page of sorted names (in order of their UTF-16 code units): keys of a scope, or scopes. */
export interface NamePage {
  readonly names: readonly string[];
  /** True when more follow; ask again with `after` the last of these. */
  readonly more: boolean;
}

/** Which names to list. */
export interface ListQuery {
  /** Only names that begin with this. */
  readonly prefix?: string;
  /** Only names behind this one. */
  readonly after?: string;
  /** At most so many; a page of long names is shorter. */
  readonly limit: number;
}

/** Numbers for health and metrics. */
export interface StoreStatus {
  /** False while the last commit failed. */
  readonly available: boolean;
  /** Why the last commit failed. */
  readonly failure?: string;
  readonly epoch: string;
  readonly revision: number;
  readonly scopes: number;
  readonly keys: number;
  /** Transactions that wait for a commit or are in one. */
  readonly pending: number;
  /** Entries that will expire. */
  readonly expiring: number;
  /** How long the disk has been at the present commit, in milliseconds; absent while it rests. */
  readonly commitMs?: number;
  /** Records on disk that could not be read when the store was opened. */
  readonly damaged: number;
}

/** The reading half; answers come from memory and see every commit that was acknowledged. */
export interface StateReader {
  /** Identity of this store's history. */
  readonly epoch: string;
  /** Names of all scopes, sorted. */
  scopes(): readonly string[];
  hasScope(scope: string): boolean;
  /**
   * The entry of `key`, or undefined when the scope has no such key.
   *
   * @throws {PlantdError} `scope_not_found`.
   */
  get(scope: string, key: string): Entry | undefined;
  listScopes(query: ListQuery): NamePage;
  /** @throws {PlantdError} `scope_not_found`. */
  listKeys(scope: string, query: ListQuery): NamePage;
  /**
   * The scope as it is now. Its entries go on changing; copy what must stay.
   *
   * @throws {PlantdError} `scope_not_found`.
   */
  view(scope: string): ScopeView;
  /** What is in force for `scope`, which need not exist. */
  scopeOptions(scope: string): ScopeOptions;
  /** What was set for `scope` alone; undefined where nothing was. */
  scopeSettings(scope: string): ScopeSettings | undefined;
  /** Names for which options were set, whether there is such a scope or not. */
  configuredScopes(): readonly string[];
  /** Numbers of `scope`; undefined when there is none. */
  scopeStats(scope: string): ScopeStats | undefined;
  /**
   * What `key` was before, the latest first, its present value or that it is deleted included; as many as
   * the scope keeps. Empty for a key that never was. Read from disk.
   *
   * @throws {PlantdError} `scope_not_found`.
   */
  history(scope: string, key: string): Promise<readonly Version[]>;
  status(): StoreStatus;
}

/** A store of scopes, keys and values. */
export interface Store extends StateReader, AsyncDisposable {
  /**
   * Applies `transaction` whole and resolves when it is on disk. Transactions take effect in the order
   * of the calls.
   *
   * @throws {PlantdError} `scope_exists`, `scope_not_found`, `revision_conflict`, `invalid_request` (a
   * `requestId` that was of another transaction), `quota_exceeded`, `storage_full`, `storage_unavailable`; then nothing of
   * it happened.
   */
  commit(transaction: Transaction): Promise<Committed>;
  /** As {@link commit}, for those who have many: calls `settler` once, never before it returns. */
  submit(transaction: Transaction, settler: Settler): void;
  /**
   * Calls `listener` with the changes of each commit, in order of revision, after they can be read and
   * before their callers are answered. The returned function ends it.
   */
  watch(listener: (changes: readonly Change[]) => void): () => void;
}
