/**
 * Updates from the bus on their way into the store. Nobody waits for an answer here, so everything is
 * counted: each update received is stored, rejected for a reason, or still under way.
 *
 * @module
 */

import { messageOf, PlantdError } from "../errors.ts";
import { BUS_COUNTED_SCOPES_MAX, BUS_QUEUE_BYTES_MAX } from "../limits.ts";
import { Backlog } from "./backlog.ts";
import { type JsonObject, type JsonText } from "./json.ts";
import { invalid, scopeName } from "./names.ts";
import { readBody, readEntries, readKey, readValue } from "./requests.ts";
import { readTtl } from "./scope_options.ts";
import type { Mutation, Store } from "./store.ts";
import { Counter, type UpdateCounts } from "./update_counts.ts";

/** How updates are taken. */
export interface IngestOptions {
  readonly store: Store;
  /** Largest value in bytes of JSON text. */
  readonly valueBytesMax: number;
  /** Updates that may wait for the store; what comes on top is rejected as `overflow`. */
  readonly queueMax: number;
  /** Scope of bare JSON that names none. */
  readonly defaultScope: string | undefined;
  /** Whether in scopes without history an update overtakes earlier ones of the same key. */
  readonly coalesce: boolean;
  /** Told of each rejection; `sentence` repeats no value. */
  readonly onRejected?: (scope: string, reason: string, sentence: string) => void;
}

/**
 * Counts are kept under this name, which no scope can have, for updates whose scope does not exist or
 * cannot be told.
 */
export const OTHER_SCOPES = "/other";

/**
 * Takes updates from the bus into a store.
 *
 * @example
 * ```ts
 * const ingest = new Ingest({ store, valueBytesMax, queueMax, defaultScope: undefined, coalesce: true });
 * ingest.take("org.plantd.Test", utf8('{"key":"foo","value":1}'));
 * ingest.totals(); // { received: 1, stored: 0, coalesced: 0, pending: 1, rejected: {} }
 * ```
 */
export class Ingest {
  #options: IngestOptions;
  readonly #counters = new Map<string, Counter>();
  readonly #backlog: Backlog;

  constructor(options: IngestOptions) {
    this.#options = options;
    this.#backlog = new Backlog({
      ...options,
      onFailed: ({ scope, counter }, thrown) => this.#reject(scope, counter, thrown),
    });
  }

  /**
   * Takes one update; returns at once and never throws.
   *
   * @param scope As the message had it, undefined for bare JSON.
   * @param body One JSON object (PROTOCOL section 3).
   */
  take(scope: string | undefined, body: Uint8Array): void {
    let name = scope ?? OTHER_SCOPES;
    let counter = this.#counterOf(name);
    counter.received += 1;
    try {
      if (this.#isFull(body)) throw new Rejection("overflow", "too many wait for the disk");
      const object = readBody(body);
      const target = this.#scopeOf(scope, object);
      name = target;
      if (scope === undefined) counter = counter.moveTo(this.#counterOf(target));
      const mutations = this.#read(target, object);
      const { store } = this.#options;
      if (!store.hasScope(target) && !store.scopeOptions(target).busCreate) {
        throw new Rejection("scope_not_found", "the scope does not exist");
      }
      this.#backlog.add({ scope: target, mutations, bytes: body.length, counter });
    } catch (thrown) {
      this.#reject(name, counter, thrown);
    }
  }

  /** Other bounds from the next update on; what waits already stays. */
  configure(options: Pick<IngestOptions, "queueMax" | "defaultScope" | "coalesce">): void {
    this.#options = { ...this.#options, ...options };
    this.#backlog.coalesce = options.coalesce;
  }

  /** Counts a message that is not an update at all. */
  refuse(reason: string): void {
    const counter = this.#counterOf(OTHER_SCOPES);
    counter.received += 1;
    this.#reject(OTHER_SCOPES, counter, new Rejection(reason, "not one of the forms of an update"));
  }

  /** Whether as much waits for the disk as should, where whoever sends can wait. */
  get isBusy(): boolean {
    return this.#backlog.size >= this.#options.queueMax / 2 ||
      this.#backlog.bytes >= BUS_QUEUE_BYTES_MAX / 2;
  }

  /** The sums over all scopes. */
  totals(): UpdateCounts {
    const sum = new Counter();
    for (const counter of this.#counters.values()) sum.add(counter);
    return sum.snapshot();
  }

  /** Counts by scope, for at most `scopesMax` of them. */
  byScope(scopesMax: number): Readonly<Record<string, UpdateCounts>> {
    const some = [...this.#counters].slice(0, scopesMax);
    return Object.fromEntries(some.map(([scope, counter]) => [scope, counter.snapshot()]));
  }

  #scopeOf(scope: string | undefined, body: JsonObject): string {
    if (scope !== undefined) return scopeName(scope);
    const { service } = body.members;
    if (service !== undefined) return scopeName(service);
    if (this.#options.defaultScope !== undefined) return this.#options.defaultScope;
    throw new Rejection("no_scope", "bare JSON without a service, and no default scope configured");
  }

  #read(scope: string, body: JsonObject): readonly Mutation[] {
    const { valueBytesMax, store } = this.#options;
    const missingScope = store.scopeOptions(scope).busCreate ? "create" : "fail";
    const time = sourceTime(body.members.time);
    const ttl = readTtl(body);
    const set = (key: string, value: JsonText): Mutation => ({
      kind: "set",
      scope,
      key,
      value,
      missingScope,
      ...time,
      ...ttl,
    });
    if ("entries" in body.members) {
      for (const field of ["key", "value", "delete"]) {
        if (field in body.members) throw invalid("entries", `it stands beside no ${field}`);
      }
      const entries = [...readEntries(body, valueBytesMax)];
      if (entries.length === 0) throw invalid("entries", "at least one key is needed, found none");
      return entries.map(([k, v]) => set(k, v));
    }
    const key = readKey(body);
    if (!("delete" in body.members)) return [set(key, readValue(body, valueBytesMax))];
    if (body.members.delete !== true || "value" in body.members) {
      throw invalid("delete", "it is true and stands beside no value");
    }
    return [{ kind: "delete", scope, key }];
  }

  #isFull(body: Uint8Array): boolean {
    return this.#backlog.size >= this.#options.queueMax ||
      this.#backlog.bytes + body.length > BUS_QUEUE_BYTES_MAX;
  }

  #reject(scope: string, counter: Counter, thrown: unknown): void {
    const reason = thrown instanceof Rejection || thrown instanceof PlantdError
      ? thrown.code
      : "internal";
    counter.reject(reason);
    this.#options.onRejected?.(scope, reason, messageOf(thrown));
  }

  /** The counter of `scope`, if it exists and there are not too many; else the one for all others. */
  #counterOf(scope: string): Counter {
    const known = this.#counters.get(scope);
    if (known) return known;
    const own = scope === OTHER_SCOPES ||
      (this.#counters.size < BUS_COUNTED_SCOPES_MAX && this.#options.store.hasScope(scope));
    if (!own) return this.#counterOf(OTHER_SCOPES);
    const counter = new Counter();
    this.#counters.set(scope, counter);
    return counter;
  }
}

/** A reason that only the bus has, no request. */
class Rejection extends Error {
  constructor(readonly code: string, sentence: string) {
    super(sentence);
  }
}

/** ISO 8601 with date, time and zone, and without the annotations that Temporal would take. */
const ISO_8601 = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d([.,]\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/;

function sourceTime(time: unknown): { sourceTimeMs?: number } {
  if (time === undefined) return {};
  try {
    if (typeof time !== "string" || !ISO_8601.test(time)) throw new RangeError();
    return { sourceTimeMs: Temporal.Instant.from(time).epochMilliseconds };
  } catch {
    throw invalid("time", "ISO 8601 with a zone is needed, such as 2026-11-23T09:00:00Z");
  }
}
