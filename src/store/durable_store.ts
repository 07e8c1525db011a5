/**
 * The Store over a disk: reads come from memory, writes go to disk in groups, and only then is a caller
 * answered and a change told.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import { PlantdError } from "../errors.ts";
import { HISTORY_DEFAULT, REQUEST_ID_MS } from "../limits.ts";
import { optionsWith, type ScopeOptions, type ScopeSettings } from "../state/scope_options.ts";
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
import { CommitQueue, type Take } from "./commit_queue.ts";
import { tooLarge } from "./commit_size.ts";
import type { Disk, Loaded } from "./disk.ts";
import { Draft } from "./draft.ts";
import type { Written } from "./draft_types.ts";
import { Expirer } from "./expirer.ts";
import { type Mirror, presentVersion } from "./mirror.ts";
import { answerAll, applied, fill, isFreeing, type Outcome, rejectAll } from "./outcomes.ts";
import { Probe } from "./probe.ts";
import { DISK_IS_FULL, scopeNotFound, storageError } from "./refusals.ts";

/** Options of a store. */
export interface StoreOptions {
  readonly clock?: Clock;
  /** Told why commits begin to fail, and with undefined that they succeed again. */
  readonly onFailure?: (failure: string | undefined) => void;
  /** Given each transaction with whoever waits for it; gives back whom to tell. */
  readonly onSubmit?: (transaction: Transaction, settler: Settler) => Settler;
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
  onSubmit: (_, settler) => settler,
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
  readonly #probe: Probe;
  readonly #listeners = new Set<(changes: readonly Change[]) => void>();
  #failure: string | undefined;
  /** Whether the disk itself tells when that is over. */
  #isOfDisk = false;
  #commitSinceMs: number | undefined;
  #closing: Promise<void> | undefined;

  #options: Required<StoreOptions>;

  /** @param loaded An opened disk and what it holds; the store owns both from now on. */
  constructor({ disk, mirror, damaged }: Loaded, options: StoreOptions = {}) {
    this.#options = { ...DEFAULTS, ...options };
    this.#disk = disk;
    this.#mirror = mirror;
    this.#damaged = damaged;
    const { clock } = this.#options;
    const commit = (transaction: Transaction) => this.#queue.push(transaction);
    this.#expirer = new Expirer({ mirror, clock, commit });
    this.#probe = new Probe(clock, () => this.#queue.between(() => this.#tryDisk()));
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
    return optionsWith(this.#options.scopes, this.#mirror.settings(scope));
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
    const of = { scopeId: scope.id, key, before: last.revision };
    const past = await this.#disk.versions(last.past.slice(-history).reverse(), of);
    if (historyMs === 0) return [present, ...past];
    const oldestMs = this.#options.clock.now() - historyMs;
    return [present, ...past.filter(({ timeMs }) => timeMs >= oldestMs)];
  }

  /** Other defaults of scopes, from the next commit on. */
  configure(scopes: ScopeOptions): void {
    this.#options = { ...this.#options, scopes };
  }

  status(): StoreStatus {
    const failure = this.#disk.failure() ?? (this.#isOfDisk ? undefined : this.#failure);
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
    this.#queue.submit(transaction, this.#options.onSubmit(transaction, settler));
  }

  watch(listener: (changes: readonly Change[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#expirer[Symbol.dispose]();
    this.#probe[Symbol.dispose]();
    this.#closing ??= this.#queue.idle().then(() => this.#disk.close());
    return this.#closing;
  }

  async #commitNext(take: Take): Promise<void> {
    const failed = await this.#tryCommit((draft) => fill(draft, take));
    if (!failed) return;
    const { outcomes, error } = failed;
    const freeing = error.code === "storage_full" ? outcomes.filter(isFreeing) : [];
    rejectAll(outcomes.filter((outcome) => !freeing.includes(outcome)), error);
    if (freeing.length === 0) return;
    // What frees space does not wait for it behind what needs it.
    await this.#timed(() => this.#disk.makeRoom());
    const again = await this.#tryCommit((draft) =>
      freeing.map(({ waiting }) => applied(draft, waiting))
    );
    if (again) rejectAll(again.outcomes, again.error);
  }

  /** Commits what `plan` puts into a draft; resolves with what was not answered, because it failed. */
  async #tryCommit(
    plan: (draft: Draft) => readonly Outcome[],
  ): Promise<{ readonly outcomes: readonly Outcome[]; readonly error: PlantdError } | undefined> {
    const { clock, requestMs, scopes: options } = this.#options;
    const timeMs = clock.now();
    const monotonicMs = clock.monotonic();
    const start = { ...this.#disk.meta, timeMs, monotonicMs, requestMs, options };
    const draft = new Draft(this.#mirror, start);
    const outcomes = plan(draft);
    const changes = outcomes.flatMap(({ applied }) => applied?.changes ?? []);
    if (changes.length > 0 || draft.requests.writes.size > 0) {
      const takesSpace = !outcomes.every(isFreeing);
      let written: Written;
      try {
        written = await this.#timed(async () => {
          if (takesSpace) await this.#disk.keepRoom();
          return await this.#disk.write(draft);
        });
      } catch (thrown) {
        return { outcomes, error: this.#failedBy(thrown) };
      }
      draft.merge(written);
      this.#expirer.wake();
      // That something could be deleted does not make a full disk one that can be written.
      if (takesSpace || this.#failure !== DISK_IS_FULL) this.#failed(undefined);
      if (changes.length > 0) { for (const listener of this.#listeners) listener(changes); }
    }
    answerAll(outcomes);
    return undefined;
  }

  /** After commits have failed: whether they would still, found out without a change of anything. */
  async #tryDisk(): Promise<void> {
    try {
      await this.#timed(async () => {
        await this.#disk.keepRoom();
        await this.#disk.probe();
      });
      this.#failed(undefined);
    } catch (thrown) {
      this.#failedBy(thrown);
    }
  }

  /** Whatever waits for the disk: that it does not return is told by {@link status}. */
  async #timed<T>(work: () => Promise<T>): Promise<T> {
    this.#commitSinceMs = this.#options.clock.monotonic();
    try {
      return await work();
    } finally {
      this.#commitSinceMs = undefined;
    }
  }

  #failedBy(thrown: unknown): PlantdError {
    const error = storageError(thrown);
    this.#isOfDisk = this.#disk.failure() !== undefined;
    this.#failed(error.message);
    return error;
  }

  #failed(failure: string | undefined): void {
    if (failure === this.#failure) return;
    this.#failure = failure;
    this.#probe.follow(failure !== undefined);
    this.#options.onFailure(failure);
  }
}
