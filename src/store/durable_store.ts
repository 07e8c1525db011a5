/**
 * The Store over a disk: reads come from memory, writes go to disk in groups, and only then is a caller
 * answered and a change told.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import { messageOf, PlantdError } from "../errors.ts";
import { HISTORY_DEFAULT, REQUEST_ID_MS } from "../limits.ts";
import type { ScopeOptions, ScopeSettings } from "../state/scope_options.ts";
import type {
  Change,
  Committed,
  Entry,
  ListQuery,
  NamePage,
  ScopeStats,
  ScopeView,
  Settler,
  Store,
  StoreStatus,
  Transaction,
  Version,
} from "../state/store.ts";
import { CommitQueue, type Take, type Waiting } from "./commit_queue.ts";
import { type CommitSize, tooLarge } from "./commit_size.ts";
import type { Disk, Loaded } from "./disk.ts";
import { Draft } from "./draft.ts";
import type { Applied, Written } from "./draft_types.ts";
import { Expirer } from "./expirer.ts";
import { type Last, living, type Mirror } from "./mirror.ts";
import { scopeNotFound } from "./refusals.ts";

/**
 * What transactions may share one commit. Deno KV takes 1000 records, 81,920 bytes of keys, and 819,200
 * bytes in which it counts keys twice; some of each is left for records of the disk's own.
 */
const COMMIT_MAX: CommitSize = { records: 990, keyBytes: 80_000, bytes: 600_000 };

/** Options of a store. */
export interface StoreOptions {
  readonly clock?: Clock;
  /** Told why commits begin to fail, and with undefined that they succeed again. */
  readonly onFailure?: (failure: string | undefined) => void;
  /** For how long the names of requests are remembered, in milliseconds; 10 minutes by default. */
  readonly requestMs?: number;
  /** What holds for scopes for which nothing else was set. */
  readonly scopes?: ScopeOptions;
}

/** Scopes as they are unless configured otherwise. */
export const SCOPE_DEFAULTS: ScopeOptions = {
  history: HISTORY_DEFAULT,
  historyMs: 0,
  ttlMs: 0,
  keysMax: 0,
  bytesMax: 0,
  busCreate: false,
};

const DEFAULTS: Required<StoreOptions> = {
  clock: systemClock,
  onFailure: () => {},
  requestMs: REQUEST_ID_MS,
  scopes: SCOPE_DEFAULTS,
};

/**
 * A {@link Store} on a {@link Disk}.
 *
 * @example
 * ```ts
 * await using store = new DurableStore(await openDenoKv({ path: "/var/lib/plantd/state.db" }));
 * await store.commit({ mutations: [{ kind: "create-scope", scope: "org.plantd.Test" }], source: "bus" });
 * ```
 */
export class DurableStore implements Store {
  readonly #disk: Disk;
  readonly #mirror: Mirror;
  readonly #damaged: number;
  readonly #queue = new CommitQueue((take) => this.#commitNext(take));
  readonly #expirer: Expirer;
  readonly #listeners = new Set<(changes: readonly Change[]) => void>();
  #failure: string | undefined;
  #commitSinceMs: number | undefined;
  #closing: Promise<void> | undefined;

  readonly #options: Required<StoreOptions>;

  /** @param loaded An opened disk and what it holds; the store owns both from now on. */
  constructor({ disk, mirror, damaged }: Loaded, options: StoreOptions = {}) {
    this.#options = { ...DEFAULTS, ...options };
    this.#disk = disk;
    this.#mirror = mirror;
    this.#damaged = damaged;
    const { clock } = this.#options;
    const commit = (transaction: Transaction) => this.#queue.push(transaction);
    this.#expirer = new Expirer({ mirror, clock, commit });
  }

  get epoch(): string {
    return this.#disk.meta.epoch;
  }

  scopes(): readonly string[] {
    return this.#mirror.scopeNames();
  }

  hasScope(scope: string): boolean {
    return this.#mirror.scope(scope) !== undefined;
  }

  get(scope: string, key: string): Entry | undefined {
    const entry = this.#mirror.get(scope, key);
    return entry && this.#expirer.isOver(entry) ? undefined : entry;
  }

  view(scope: string): ScopeView {
    return this.#mirror.view(scope);
  }

  listScopes(query: ListQuery): NamePage {
    return this.#mirror.listScopes(query);
  }

  listKeys(scope: string, query: ListQuery): NamePage {
    return this.#mirror.listKeys(scope, query);
  }

  scopeOptions(scope: string): ScopeOptions {
    return { ...this.#options.scopes, ...this.#mirror.settings(scope) };
  }

  scopeSettings(scope: string): ScopeSettings | undefined {
    return this.#mirror.settings(scope);
  }

  configuredScopes(): readonly string[] {
    return this.#mirror.configuredScopes();
  }

  scopeStats(name: string): ScopeStats | undefined {
    const scope = this.#mirror.scope(name);
    return scope && { keys: scope.entries.size, bytes: scope.bytes, revision: scope.revision };
  }

  async history(name: string, key: string): Promise<readonly Version[]> {
    const scope = this.#mirror.scope(name);
    if (!scope) throw scopeNotFound(name);
    const last = scope.entries.get(key) ?? scope.deleted.get(key);
    if (!last) return [];
    const present = presentVersion(last);
    const { history, historyMs } = this.scopeOptions(name);
    if (!last.past || history === 0) return [present];
    const past = await this.#disk.versions(last.past.slice(-history).reverse());
    if (historyMs === 0) return [present, ...past];
    const oldestMs = this.#options.clock.now() - historyMs;
    return [present, ...past.filter(({ timeMs }) => timeMs >= oldestMs)];
  }

  status(): StoreStatus {
    const failure = this.#disk.failure() ?? this.#failure;
    return {
      available: failure === undefined && this.#closing === undefined,
      ...(failure === undefined ? {} : { failure }),
      epoch: this.epoch,
      revision: this.#disk.meta.revision,
      scopes: this.#mirror.scopeCount,
      keys: this.#mirror.keyCount,
      expiring: this.#mirror.expiringCount,
      pending: this.#queue.pending,
      damaged: this.#damaged,
      ...(this.#commitSinceMs === undefined
        ? {}
        : { commitMs: Math.round(this.#options.clock.monotonic() - this.#commitSinceMs) }),
    };
  }

  commit(transaction: Transaction): Promise<Committed> {
    const { promise, ...settler } = Promise.withResolvers<Committed>();
    this.submit(transaction, settler);
    return promise;
  }

  submit(transaction: Transaction, settler: Settler): void {
    const refusal = this.#closing
      ? new PlantdError("storage_unavailable", "the store is closing")
      : tooLarge(transaction);
    if (refusal) return queueMicrotask(() => settler.reject(refusal));
    this.#expirer.before(transaction);
    this.#queue.submit(transaction, settler);
  }

  watch(listener: (changes: readonly Change[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#expirer[Symbol.dispose]();
    this.#closing ??= this.#queue.idle().then(() => this.#disk.close());
    return this.#closing;
  }

  async #commitNext(take: Take): Promise<void> {
    const { clock, requestMs, scopes: options } = this.#options;
    const timeMs = clock.now();
    const monotonicMs = clock.monotonic();
    const start = { ...this.#disk.meta, timeMs, monotonicMs, requestMs, options };
    const draft = new Draft(this.#mirror, start);
    const outcomes = fill(draft, take);
    const changes = outcomes.flatMap(({ applied }) => applied?.changes ?? []);
    if (changes.length > 0) {
      let written: Written;
      try {
        this.#commitSinceMs = this.#options.clock.monotonic();
        written = await this.#disk.write(draft);
      } catch (thrown) {
        const error = storageError(thrown);
        this.#failed(error.message);
        for (const { waiting } of outcomes) waiting.settler.reject(error);
        return;
      } finally {
        this.#commitSinceMs = undefined;
      }
      draft.merge(written);
      this.#expirer.wake();
      this.#failed(undefined);
      for (const listener of this.#listeners) listener(changes);
    }
    for (const { waiting, applied, refusal } of outcomes) {
      if (applied) waiting.settler.resolve({ revision: applied.revision, timeMs: applied.timeMs });
      else waiting.settler.reject(refusal);
    }
  }

  #failed(failure: string | undefined): void {
    if (failure === this.#failure) return;
    this.#failure = failure;
    this.#options.onFailure(failure);
  }
}

/** The last of a key as a version. */
function presentVersion(last: Last): Version {
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

/** What one transaction came to; a refusal holds only if the commit does, it may rest on it. */
interface Outcome {
  readonly waiting: Waiting;
  readonly applied?: Applied;
  readonly refusal?: unknown;
}

/** Applies transactions to `draft` until it is full or none waits. */
function fill(draft: Draft, take: Take): Outcome[] {
  const outcomes: Outcome[] = [];
  let bytes = 0;
  let keyBytes = 0;
  for (;;) {
    const waiting = take(({ size }) =>
      outcomes.length === 0 ||
      (bytes + draft.history.bytes + size.bytes <= COMMIT_MAX.bytes &&
        keyBytes + size.keyBytes <= COMMIT_MAX.keyBytes &&
        draft.recordsTouched + size.records <= COMMIT_MAX.records)
    );
    if (!waiting) return outcomes;
    bytes += waiting.size.bytes;
    keyBytes += waiting.size.keyBytes;
    try {
      outcomes.push({ waiting, applied: draft.apply(waiting.transaction) });
    } catch (refusal) {
      outcomes.push({ waiting, refusal });
    }
  }
}

/** What the disk said, as an error for whoever wanted to write. */
function storageError(thrown: unknown): PlantdError {
  if (thrown instanceof PlantdError) return thrown;
  const said = messageOf(thrown);
  const full = said.includes("database or disk is full");
  return new PlantdError(
    full ? "storage_full" : "storage_unavailable",
    full ? "the disk is full; nothing was stored" : `the database cannot be written: ${said}`,
    { cause: thrown },
  );
}
