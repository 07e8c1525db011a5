/**
 * The Store over a disk: reads come from memory, writes go to disk in groups, and only then is a caller
 * answered and a change told.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import { messageOf, PlantdError } from "../errors.ts";
import {
  CHANGE_KEY_BYTES_MAX,
  CHANGE_KEYS_MAX,
  CHANGE_VALUE_BYTES_MAX,
  REQUEST_ID_MS,
} from "../limits.ts";
import type {
  Change,
  Committed,
  Entry,
  ListQuery,
  NamePage,
  ScopeView,
  Store,
  StoreStatus,
  Transaction,
} from "../state/store.ts";
import { CommitQueue, type Take, type Waiting } from "./commit_queue.ts";
import { type CommitSize, nameBytes, valueBytes } from "./commit_size.ts";
import type { Disk, Loaded } from "./disk.ts";
import { Draft } from "./draft.ts";
import type { Applied } from "./draft_types.ts";
import type { Mirror, StoredEntry, ValueRef } from "./mirror.ts";

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
}

const DEFAULTS: Required<StoreOptions> = {
  clock: systemClock,
  onFailure: () => {},
  requestMs: REQUEST_ID_MS,
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
    return this.#mirror.get(scope, key);
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

  status(): StoreStatus {
    const failure = this.#disk.failure() ?? this.#failure;
    return {
      available: failure === undefined && this.#closing === undefined,
      ...(failure === undefined ? {} : { failure }),
      epoch: this.epoch,
      revision: this.#disk.meta.revision,
      scopes: this.#mirror.scopeCount,
      keys: this.#mirror.keyCount,
      pending: this.#queue.pending,
      damaged: this.#damaged,
      ...(this.#commitSinceMs === undefined
        ? {}
        : { commitMs: Math.round(this.#options.clock.monotonic() - this.#commitSinceMs) }),
    };
  }

  commit(transaction: Transaction): Promise<Committed> {
    const refusal = tooLarge(transaction);
    if (refusal) return Promise.reject(refusal);
    if (this.#closing) {
      return Promise.reject(new PlantdError("storage_unavailable", "the store is closing"));
    }
    return this.#queue.push(transaction);
  }

  watch(listener: (changes: readonly Change[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#queue.idle().then(() => this.#disk.close());
    return this.#closing;
  }

  async #commitNext(take: Take): Promise<void> {
    const timeMs = this.#options.clock.now();
    const { requestMs } = this.#options;
    const draft = new Draft(this.#mirror, { ...this.#disk.meta, timeMs, requestMs });
    const outcomes = fill(draft, take);
    const changes = outcomes.flatMap(({ applied }) => applied?.changes ?? []);
    if (changes.length > 0) {
      let refs: ReadonlyMap<StoredEntry, ValueRef>;
      try {
        this.#commitSinceMs = this.#options.clock.monotonic();
        refs = await this.#disk.write(draft);
      } catch (thrown) {
        const error = storageError(thrown);
        this.#failed(error.message);
        for (const { waiting } of outcomes) waiting.reject(error);
        return;
      } finally {
        this.#commitSinceMs = undefined;
      }
      draft.merge(refs);
      this.#failed(undefined);
      for (const listener of this.#listeners) listener(changes);
    }
    for (const { waiting, applied, refusal } of outcomes) {
      if (applied) waiting.resolve({ revision: applied.revision, timeMs: applied.timeMs });
      else waiting.reject(refusal);
    }
  }

  #failed(failure: string | undefined): void {
    if (failure === this.#failure) return;
    this.#failure = failure;
    this.#options.onFailure(failure);
  }
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
      (bytes + size.bytes <= COMMIT_MAX.bytes &&
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

/** The refusal of a change that no commit could hold. */
function tooLarge({ mutations }: Transaction): PlantdError | undefined {
  if (mutations.length <= 1) return undefined;
  const touched = mutations.filter(({ kind }) => kind !== "expect-scope" && kind !== "keep-only");
  const sentence = touched.length > CHANGE_KEYS_MAX
    ? `touches at most ${CHANGE_KEYS_MAX} keys, found ${touched.length}`
    : nameBytes(mutations) > CHANGE_KEY_BYTES_MAX
    ? `has at most ${CHANGE_KEY_BYTES_MAX} bytes of keys, found ${nameBytes(mutations)}`
    : valueBytes(mutations) > CHANGE_VALUE_BYTES_MAX
    ? `has at most ${CHANGE_VALUE_BYTES_MAX} bytes of values, found ${valueBytes(mutations)}`
    : undefined;
  return sentence === undefined
    ? undefined
    : new PlantdError("invalid_request", `one change ${sentence}`);
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
