/** A store whose disk does what a test tells it, and requests as a client would send them. */

import assert from "node:assert/strict";
import { PlantdError } from "../../src/errors.ts";
import { ChangeLog, numbered } from "../../src/state/change_log.ts";
import type { OperationContext } from "../../src/state/context.ts";
import { handleRequest } from "../../src/state/operations.ts";
import { Snapshots } from "../../src/state/snapshots.ts";
import type { ScopeOptions } from "../../src/state/scope_options.ts";
import type { Store } from "../../src/state/store.ts";
import { openDenoKv } from "../../src/store/deno_kv.ts";
import type { Disk, Loaded, Position } from "../../src/store/disk.ts";
import type { Draft } from "../../src/store/draft.ts";
import { DurableStore, SCOPE_DEFAULTS } from "../../src/store/durable_store.ts";
import type { Written } from "../../src/store/draft_types.ts";
import { Mirror } from "../../src/store/mirror.ts";
import { bytes, text } from "../helpers/async.ts";
import { FakeClock } from "../helpers/clock.ts";
import { tempDir } from "../helpers/temp.ts";

/** What Deno KV throws when the disk is full. */
export const DISK_FULL = new TypeError("database or disk is full");

/** Stands between a store and its disk; fails and waits when told to. */
export class FaultyDisk implements Disk {
  readonly #inner: Disk;
  #gate: Promise<void> = Promise.resolve();
  /** Thrown by every write while it is set. */
  fault: unknown = undefined;
  /** Writes begun. */
  writes = 0;
  /** Probes begun. */
  probes = 0;
  /** Times that space set aside was given to deletes. */
  roomMade = 0;

  constructor(inner: Disk) {
    this.#inner = inner;
  }

  get meta(): Position {
    return this.#inner.meta;
  }

  failure(): string | undefined {
    return this.#inner.failure();
  }

  /** Lets the writes that begin from now on wait until the returned function is called. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate = promise;
    return resolve;
  }

  versions(...of: Parameters<Disk["versions"]>) {
    return this.#inner.versions(...of);
  }

  keepRoom(): Promise<void> {
    return this.#inner.keepRoom();
  }

  makeRoom(): Promise<void> {
    this.roomMade += 1;
    return this.#inner.makeRoom();
  }

  async write(draft: Draft): Promise<Written> {
    this.writes += 1;
    await this.#gate;
    if (this.fault !== undefined) throw this.fault;
    return await this.#inner.write(draft);
  }

  async probe(): Promise<void> {
    this.probes += 1;
    await this.#gate;
    if (this.fault !== undefined) throw this.fault;
    await this.#inner.probe();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

/** A disk that remembers nothing but where it stands. */
export function memoryDisk(): Loaded {
  let meta: Position = { epoch: "memory", revision: 0, nextScopeId: 1, nextVersion: 1 };
  const disk: Disk = {
    get meta() {
      return meta;
    },
    failure: () => undefined,
    write({ revision, nextScopeId, history: { nextVersion } }) {
      meta = { ...meta, revision, nextScopeId, nextVersion };
      return Promise.resolve(new Map());
    },
    versions: () => Promise.resolve([]),
    probe: () => Promise.resolve(),
    keepRoom: () => Promise.resolve(),
    makeRoom: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  return { disk, mirror: new Mirror(), damaged: 0 };
}

/** A store on `loaded`, with a faulty disk between, and a clock that stands still. */
export function faultyStore(loaded: Loaded, scopes: ScopeOptions = SCOPE_DEFAULTS): {
  store: DurableStore;
  disk: FaultyDisk;
  clock: FakeClock;
} {
  const disk = new FaultyDisk(loaded.disk);
  const clock = new FakeClock();
  return { store: new DurableStore({ ...loaded, disk }, { clock, scopes }), disk, clock };
}

/** A service's inside: a store on a Deno KV database of its own, and what the operations need. */
export interface State extends AsyncDisposable {
  readonly store: Store;
  readonly disk: FaultyDisk;
  readonly clock: FakeClock;
  readonly context: OperationContext;
  /** Failures that are no peer's fault. */
  readonly faults: [operation: string, thrown: unknown][];
  readonly answers: [operation: string, result: string][];
  /** Sends a request and resolves with its reply frames as text. */
  readonly askText: (...frames: Frame[]) => Promise<string[]>;
  /** Sends a request and resolves with its reply frames, parsed. */
  readonly ask: (...frames: Frame[]) => Promise<unknown[]>;
  /** Sends a request of at most one JSON frame and resolves with its one reply frame, parsed. */
  readonly askOne: (...frames: Frame[]) => Promise<unknown>;
}

/** Bytes, text, or an object that is to be sent as JSON. */
export type Frame = Uint8Array | string | Readonly<Record<string, unknown>>;

/** Where the entries of the tests' requests come from. */
export const SOURCE = "mdp:0001020304";

/** Largest value that {@link openState} allows, in bytes. */
export const VALUE_BYTES_MAX = 1000;

export async function openState(): Promise<State> {
  const dir = await tempDir();
  const { store, disk, clock } = faultyStore(await openDenoKv({ path: `${dir.path}/state.db` }));
  const changes = new ChangeLog(store.status(), 1000);
  store.watch((some) => changes.add(numbered(some)));
  const faults: State["faults"] = [];
  const answers: State["answers"] = [];
  const context: OperationContext = {
    store,
    snapshots: new Snapshots(store, clock),
    changes,
    maintenance: {
      backup: (place) => {
        if (place) return Promise.reject(new PlantdError("revision_conflict", "no such snapshot"));
        const header = { epoch: store.epoch, revision: 0, timeMs: clock.now(), program: "0" };
        return Promise.resolve({ snapshot: "s", header, records: 0, text: "", next: undefined });
      },
      acknowledge: () => Promise.resolve([]),
    },
    activity: () => ({ changedMs: 0, changes: 3 }),
    feed: "tcp://127.0.0.1:11002",
    valueBytesMax: VALUE_BYTES_MAX,
    health: () => ({ status: "healthy", store_available: store.status().available }),
    onFault: (operation, thrown) => void faults.push([operation, thrown]),
    onAnswer: (operation, result) => void answers.push([operation, result]),
  };
  const askText: State["askText"] = async (...frames) => {
    const replies = await handleRequest(context, frames.map(frameBytes), SOURCE);
    return replies.map((reply) => text(reply));
  };
  const ask: State["ask"] = async (...frames) =>
    (await askText(...frames)).map((reply) => JSON.parse(reply) as unknown);
  return {
    store,
    disk,
    clock,
    context,
    faults,
    answers,
    askText,
    ask,
    askOne: async (...frames) => {
      const replies = await ask(...frames);
      assert.equal(replies.length, 1);
      return replies[0];
    },
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** The bytes of `frame`. */
export function frameBytes(frame: Frame): Uint8Array {
  if (frame instanceof Uint8Array) return frame;
  return bytes(typeof frame === "string" ? frame : JSON.stringify(frame));
}

/** Fails unless `reply` is a failure with exactly `code` and a sentence that matches. */
export function assertFailure(reply: unknown, code: string, sentence: RegExp = /./): void {
  const { error, ...rest } = reply as { error: string };
  assert.deepEqual(rest, { success: false, code }, JSON.stringify(reply));
  assert.match(error, sentence);
}
