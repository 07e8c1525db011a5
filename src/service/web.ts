/**
 * What HTTP gets to see of the service: its ports, filled from the parts.
 *
 * @module
 */

import { brokerCheck, busCheck, storeCheck } from "../http/checks.ts";
import { type Check, overall } from "../http/health.ts";
import type { ChangeStream, Row, ScopeOverview, StateAccess } from "../http/ports.ts";
import type { Readings } from "../http/readings.ts";
import { METRICS_SCOPES_MAX } from "../limits.ts";
import type { WorkerStatus } from "../mdp/worker.ts";
import type { SubscriberStatus } from "../bus/subscriber.ts";
import type { ChangeLog } from "../state/change_log.ts";
import { changeMembers } from "../state/change_messages.ts";
import type { OperationContext } from "../state/context.ts";
import type { Ingest } from "../state/ingest.ts";
import { stringify } from "../state/json.ts";
import { handleRequest } from "../state/operations.ts";
import type { StateReader, Store } from "../state/store.ts";
import { VERSION } from "../version.ts";

/** Scopes whose bus counters a `health` reply tells one by one. */
const HEALTH_SCOPES_MAX = 256;

/** The words of a `health` reply; those for good and bad are the original's. */
const STATUS_WORDS = { pass: "healthy", warn: "warn", fail: "unhealthy" } as const;

/** Characters of a value that one line of a list shows. */
const ROW_CHARS_MAX = 240;

/** The parts that numbers are read from. */
export interface Parts {
  readonly store: Store;
  readonly upkeep: {
    checks(): readonly Check[];
    report(): Readonly<Record<string, unknown>>;
  };
  readonly ingest: Ingest;
  readonly worker: { status(): WorkerStatus };
  readonly subscriber: { status(): SubscriberStatus };
  readonly checks: () => readonly Check[];
  readonly databasePath: string;
  /** Event streams that are open. */
  readonly eventStreams: () => number;
}

/** The parts as checks. */
export function checksOf(
  { store, upkeep, worker, subscriber }: Pick<Parts, "store" | "upkeep" | "worker" | "subscriber">,
  brokerAddress: string,
): Check[] {
  return [
    storeCheck(store.status()),
    ...upkeep.checks(),
    brokerCheck(worker.status(), brokerAddress),
    busCheck(subscriber.status()),
  ];
}

/** Numbers for metrics. */
export async function readingsOf(parts: Parts): Promise<Readings> {
  const { store, ingest, worker, subscriber, databasePath } = parts;
  const [bytes, walBytes] = await Promise.all([
    sizeOf(databasePath),
    sizeOf(`${databasePath}-wal`),
  ]);
  const { connected, subscriptions } = subscriber.status();
  return {
    checks: parts.checks(),
    store: store.status(),
    scopes: store.scopes().map((scope) => ({
      scope,
      ...(store.scopeStats(scope) ?? { keys: 0, bytes: 0 }),
    })),
    bus: {
      connected,
      subscriptions,
      totals: ingest.totals(),
      // One more than is told: that for all others may be among them.
      byScope: ingest.byScope(METRICS_SCOPES_MAX + 1),
    },
    worker: worker.status(),
    database: {
      ...(bytes === undefined ? {} : { bytes }),
      ...(walBytes === undefined ? {} : { walBytes }),
    },
    eventStreams: parts.eventStreams(),
  };
}

/** The data of a `health` reply. */
export function reportOf(
  { store, upkeep, checks, subscriber, ingest }: Parts,
  service: string,
  startedMs: number,
): Readonly<Record<string, unknown>> {
  const { available, failure, pending, commitMs, ...rest } = store.status();
  return {
    status: STATUS_WORDS[overall(checks())],
    service,
    store_available: available,
    store_failure: failure,
    version: VERSION,
    uptime_s: Math.round((performance.now() - startedMs) / 1000),
    ...rest,
    commits_pending: pending,
    commit_ms: commitMs,
    ...upkeep.report(),
    bus: {
      connected: subscriber.status().connected,
      ...ingest.totals(),
      scopes: ingest.byScope(HEALTH_SCOPES_MAX),
    },
  };
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await Deno.stat(path)).size;
  } catch {
    // Not there, or not to be seen: then there is no number to tell.
    return undefined;
  }
}

/** The state as HTTP asks for it: the operations of the wire, and the changes. */
export function accessTo(context: OperationContext, recency: Recency): StateAccess {
  const encoder = new TextEncoder();
  return {
    async run(operation, body, source) {
      const [reply] = await handleRequest(context, [encoder.encode(operation), body], source);
      return reply!;
    },
    changes: changeStream(context.store, context.changes),
    overview: (countMax) => recency.overview(context.store.scopes().slice(0, countMax)),
    rows: (scope, keys) => rowsOf(context.store, scope, keys),
  };
}

function rowsOf(reader: StateReader, scope: string, keys: readonly string[]): Row[] {
  if (!reader.hasScope(scope)) return [];
  return keys.flatMap((key) => {
    const entry = reader.get(scope, key);
    if (!entry) return [];
    const { value, revision, timeMs } = entry;
    const cut = value.length > ROW_CHARS_MAX;
    return [{ key, text: cut ? value.slice(0, ROW_CHARS_MAX) : value, cut, revision, timeMs }];
  });
}

function changeStream(store: Store, log: ChangeLog): ChangeStream {
  const { epoch } = store;
  return {
    epoch,
    revision: () => store.status().revision,
    page(query) {
      const { changes, ...rest } = log.page(query);
      return {
        ...rest,
        changes: changes.map((change) => ({
          revision: change.revision,
          json: () => stringify({ epoch, ...changeMembers(change) }),
        })),
      };
    },
    onChange: (listener) => store.watch(listener),
  };
}

/** When each scope last changed: watched since the start, and before that from its entries. */
export class Recency {
  readonly #reader: StateReader;
  readonly #changedMs = new Map<string, number>();

  /** @param store Watched from now on. */
  constructor(store: Store) {
    this.#reader = store;
    store.watch((changes) => {
      for (const { scope, operation, timeMs } of changes) {
        if (operation === "delete-scope") this.#changedMs.delete(scope);
        else this.#changedMs.set(scope, timeMs);
      }
    });
  }

  /** What each of `scopes` holds; those that do not exist are left out. */
  overview(scopes: readonly string[]): ScopeOverview[] {
    return scopes.filter((scope) => this.#reader.hasScope(scope)).map((scope) => {
      const { keys, revision } = this.#reader.scopeStats(scope)!;
      const changedMs = this.#changedMs.get(scope) ??
        newest(this.#reader.view(scope).entries.values());
      if (changedMs !== undefined) this.#changedMs.set(scope, changedMs);
      return {
        scope,
        keys,
        revision,
        ...(changedMs === undefined ? {} : { changedMs }),
      };
    });
  }
}

function newest(entries: Iterable<{ readonly timeMs: number }>): number | undefined {
  let newestMs: number | undefined;
  for (const { timeMs } of entries) newestMs = Math.max(newestMs ?? timeMs, timeMs);
  return newestMs;
}
