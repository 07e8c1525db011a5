/**
 * What HTTP gets to see of the service: its ports, filled from the parts.
 *
 * @module
 */

import type { AuditStatus } from "../audit/audit_log.ts";
import { auditCheck, brokerCheck, busCheck, storeCheck } from "../http/checks.ts";
import { type Check, overall } from "../http/health.ts";
import type { ChangeStream, Row, StateAccess } from "../http/ports.ts";
import type { Readings } from "../http/readings.ts";
import { METRICS_SCOPES_MAX } from "../limits.ts";
import type { WorkerStatus } from "../mdp/worker.ts";
import type { Feed } from "../bus/feed.ts";
import type { SubscriberStatus } from "../bus/subscriber.ts";
import type { ChangeLog } from "../state/change_log.ts";
import { changeMembers } from "../state/change_messages.ts";
import type { OperationContext } from "../state/context.ts";
import type { Ingest } from "../state/ingest.ts";
import { stringify } from "../state/json.ts";
import { handleRequest } from "../state/operations.ts";
import type { StateReader, Store } from "../state/store.ts";
import { VERSION } from "../version.ts";
import type { Recency } from "./recency.ts";

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
  readonly records: { audit(): AuditStatus | undefined };
  readonly databasePath: string;
  /** Where changes are told; undefined where they are not. */
  readonly feed: Pick<Feed, "address" | "subscribers"> | undefined;
  /** Event streams that are open. */
  readonly eventStreams: () => number;
}

/** The parts as checks. */
export function checksOf(
  { store, upkeep, records, worker, subscriber }: Pick<
    Parts,
    "store" | "upkeep" | "records" | "worker" | "subscriber"
  >,
  brokerAddress: string,
): Check[] {
  const audit = records.audit();
  return [
    storeCheck(store.status()),
    ...upkeep.checks(),
    ...(audit === undefined ? [] : [auditCheck(audit)]),
    brokerCheck(worker.status(), brokerAddress),
    busCheck(subscriber.status()),
  ];
}

/** One line for people: that it serves, or what it lacks. */
export function summaryOf(
  { store, worker, subscriber }: Pick<Parts, "store" | "worker" | "subscriber">,
  serviceId: string,
  brokerAddress: string,
): string {
  const { status, output } = storeCheck(store.status());
  const bus = subscriber.status();
  const lacks = [
    ...(status === "fail" ? [output!] : []),
    ...(worker.status().connected > 0 ? [] : [`waiting for the broker at ${brokerAddress}`]),
    ...(bus.connected ? [] : [`waiting for the bus at ${bus.endpoint}`]),
  ];
  return lacks.length === 0 ? `serving ${serviceId}` : lacks.join("; ");
}

/** Numbers for metrics. */
export async function readingsOf(parts: Parts): Promise<Readings> {
  const { store, ingest, worker, subscriber, databasePath } = parts;
  const [bytes, walBytes] = await Promise.all([
    sizeOf(databasePath),
    sizeOf(`${databasePath}-wal`),
  ]);
  const { connected, subscriptions } = subscriber.status();
  const audit = parts.records.audit();
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
    ...(audit === undefined ? {} : { audit }),
    database: {
      ...(bytes === undefined ? {} : { bytes }),
      ...(walBytes === undefined ? {} : { walBytes }),
    },
    eventStreams: parts.eventStreams(),
    ...(parts.feed ? { feedSubscribers: parts.feed.subscribers } : {}),
  };
}

/** The data of a `health` reply. */
export function reportOf(
  { store, upkeep, records, checks, subscriber, ingest, worker, feed }: Parts,
  service: string,
  startedMs: number,
): Readonly<Record<string, unknown>> {
  const { available, failure, pending, commitMs, ...rest } = store.status();
  const { lanes, connected: lanesConnected, busy, dialect, reconnects } = worker.status();
  const { connected, endpoint, subscriptions } = subscriber.status();
  return {
    status: STATUS_WORDS[overall(checks())],
    service,
    store_available: available,
    store_failure: failure,
    version: VERSION,
    time: new Date().toISOString(),
    uptime_s: Math.round((performance.now() - startedMs) / 1000),
    ...rest,
    commits_pending: pending,
    commit_ms: commitMs,
    ...upkeep.report(),
    audit: records.audit(),
    feed: feed?.address ?? null,
    worker: { lanes, connected: lanesConnected, busy, dialect, reconnects },
    bus: {
      connected,
      endpoint,
      subscriptions,
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
