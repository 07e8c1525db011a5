/**
 * `/metrics` in Prometheus' text format. Names follow its conventions; labels come from lists that are
 * bounded: operations, codes, checks, and at most {@link METRICS_SCOPES_MAX} scopes.
 *
 * @module
 */

import { METRICS_SCOPES_MAX } from "../limits.ts";
import { Counter, Gauge, Histogram, registerHistogram, Registry } from "./prom_client.ts";
import { cpuSeconds } from "./process.ts";
import type { Readings, UpdateReadings } from "./readings.ts";
import { RequestTally } from "./request_tally.ts";

/** Label of everything whose scope is not told by its own name; no scope is called so. */
const OTHER = "/other";

/** From what memory answers to what a slow disk needs, in seconds. */
const LATENCY_BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1]
  .concat([0.25, 1, 5]);

/** Transactions that share a commit; one commit takes 990. */
const BATCH_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

/**
 * Counts what happens, and reads the rest when it is asked.
 *
 * @example
 * ```ts
 * const metrics = new Metrics("1.0.0");
 * metrics.answered("get", "ok", 0.05);
 * await metrics.text(readings); // "# HELP plantd_state_requests_total ...\n"
 * ```
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests = new RequestTally(LATENCY_BUCKETS);
  readonly #commitSeconds = this.#histogram(
    "commit_duration_seconds",
    "Writes to the database, from handing over to on disk, fsync included.",
    LATENCY_BUCKETS,
  );
  readonly #commitTransactions = this.#histogram(
    "commit_transactions",
    "Transactions that shared one commit.",
    BATCH_BUCKETS,
  );
  readonly #commitFailures = this.#counter("commit_failures_total", "Commits that failed.");
  readonly #syncSeconds = this.#histogram(
    "disk_sync_duration_seconds",
    "A write of our own beside the database with its fdatasync, tried when metrics are asked for.",
    LATENCY_BUCKETS,
  );
  readonly #http = this.#counter("http_requests_total", "HTTP requests answered.", ["status"]);
  readonly #gauges = new Map<string, InstanceType<typeof Gauge>>();
  readonly #counters = new Map<string, InstanceType<typeof Counter>>();

  /** @param version Version of the program, as a label. */
  constructor(version: string) {
    const labels = ["version"];
    this.#gauge("build_info", "1, labelled with the version.", labels).set({ version }, 1);
    this.#gauge("process_start_time_seconds", "Start of the process, in seconds since 1970.")
      .set(Math.round(Date.now() - performance.now()) / 1000);
    const name = named("request_duration_seconds");
    registerHistogram(this.#registry, {
      name,
      help: "From a request's arrival in the service to its reply; of a write with the commit.",
      samples: () => this.#requests.durations(name),
    });
  }

  /** One body of a request was answered. */
  answered(operation: string, result: string, tookMs: number): void {
    this.#requests.add(operation, result, tookMs / 1000);
  }

  /** One write to the disk is over. */
  committed({ tookMs, transactions, ok }: Committed): void {
    this.#commitSeconds.observe(tookMs / 1000);
    if (ok) this.#commitTransactions.observe(transactions);
    else this.#commitFailures.inc();
  }

  /** The disk has made a write of ours durable. */
  synced(tookMs: number): void {
    this.#syncSeconds.observe(tookMs / 1000);
  }

  /** An HTTP request was answered with `status`. */
  served(status: number): void {
    this.#http.inc({ status });
  }

  /** The media type of {@link text}. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All metrics; without `readings`, while the service starts, only what was counted so far. */
  async text(readings: Readings | undefined): Promise<string> {
    if (readings) this.#read(readings);
    this.#readRequests();
    this.#readProcess();
    return await this.#registry.metrics();
  }

  /** All at once, so that two who ask at the same time see whole numbers. */
  #read(readings: Readings): void {
    this.#readChecks(readings);
    this.#readStore(readings);
    this.#readScopes(readings);
    this.#readBus(readings);
    this.#readWorker(readings);
    this.#readAudit(readings);
  }

  #readRequests(): void {
    const counter = this.#total("requests_total", "Requests answered, Majordomo and HTTP.", [
      "operation",
      "result",
    ]);
    for (const { labels, count } of this.#requests.results()) counter.inc(labels, count);
  }

  #readChecks({ checks, eventStreams, feedSubscribers }: Readings): void {
    const healthy = this.#gauge("healthy", "Whether a part is well enough to serve.", ["check"]);
    for (const { name: check, status } of checks) healthy.set({ check }, status === "fail" ? 0 : 1);
    this.#gauge("event_streams", "Streams of changes over HTTP that are open.").set(eventStreams);
    if (feedSubscribers !== undefined) {
      this.#gauge("feed_subscribers", "Connections to the change feed.").set(feedSubscribers);
    }
  }

  #readStore({ store, database }: Readings): void {
    const set = (name: string, help: string, value: number) => this.#gauge(name, help).set(value);
    set("store_available", "Whether the last commit succeeded.", Number(store.available));
    set("revision", "Revision of the last change.", store.revision);
    set("scopes", "Scopes.", store.scopes);
    set("damaged_records", "Records that could not be read at the start.", store.damaged);
    set("pending_transactions", "Transactions that wait for their commit.", store.pending);
    set(
      "commit_running_seconds",
      "How long the disk has been at the present commit; 0 at rest.",
      (store.commitMs ?? 0) / 1000,
    );
    const { bytes, walBytes } = database;
    if (bytes !== undefined) set("database_bytes", "Size of the database file.", bytes);
    if (walBytes !== undefined) set("database_wal_bytes", "Size of its write-ahead log.", walBytes);
  }

  #readScopes({ scopes, store }: Readings): void {
    const shown = scopes.slice(0, METRICS_SCOPES_MAX);
    const keys = this.#gauge("keys", "Keys by scope.", ["scope"]);
    keys.reset();
    for (const { scope, keys: count } of shown) keys.set({ scope }, count);
    keys.set({ scope: OTHER }, Math.max(0, store.keys - sum(shown.map(({ keys }) => keys))));
    if (shown.every(({ bytes }) => bytes === undefined)) return;
    const size = this.#gauge("scope_bytes", "Bytes of keys and values by scope.", ["scope"]);
    size.reset();
    for (const { scope, bytes = 0 } of shown) size.set({ scope }, bytes);
    const rest = scopes.slice(METRICS_SCOPES_MAX).map(({ bytes = 0 }) => bytes);
    size.set({ scope: OTHER }, sum(rest));
  }

  #readBus({ bus }: Readings): void {
    const named = Object.entries(bus.byScope).filter(([scope]) => scope !== OTHER);
    const shown = named.slice(0, METRICS_SCOPES_MAX);
    const all: [string, UpdateReadings][] = [
      ...shown,
      [OTHER, without(bus.totals, shown.map(([, counts]) => counts))],
    ];
    const received = this.#total("bus_updates_received_total", "Updates from the bus.", ["scope"]);
    const stored = this.#total("bus_updates_stored_total", "Updates that are on disk.", ["scope"]);
    const coalesced = this.#total(
      "bus_updates_coalesced_total",
      "Updates that a later one of the same key overtook on the way to the disk.",
      ["scope"],
    );
    const rejected = this.#total(
      "bus_updates_rejected_total",
      "Updates that were not stored, by reason.",
      ["scope", "reason"],
    );
    for (const [scope, counts] of all) {
      received.inc({ scope }, counts.received);
      stored.inc({ scope }, counts.stored);
      coalesced.inc({ scope }, counts.coalesced);
      for (const [reason, count] of Object.entries(counts.rejected)) {
        rejected.inc({ scope, reason }, count);
      }
    }
    this.#gauge("bus_updates_pending", "Updates that wait for the disk.").set(bus.totals.pending);
    this.#gauge("bus_connected", "Whether a bus is connected.").set(Number(bus.connected));
    this.#gauge("bus_subscriptions", "Subscriptions on the bus.").set(bus.subscriptions);
  }

  #readWorker({ worker }: Readings): void {
    const set = (name: string, help: string, value: number) => this.#gauge(name, help).set(value);
    set("broker_lanes", "Lanes, each serving one request at a time.", worker.lanes);
    set("broker_lanes_connected", "Lanes that hear a broker.", worker.connected);
    set("broker_lanes_busy", "Lanes that are at a request.", worker.busy);
    if (worker.lastHeardMs !== undefined) {
      this.#gauge("broker_silence_seconds", "Since the broker was last heard.")
        .set(worker.lastHeardMs / 1000);
    }
    const add = (name: string, help: string, value: number) => this.#total(name, help).inc(value);
    add("broker_reconnects_total", "Conversations with a broker begun anew.", worker.reconnects);
    add("broker_malformed_total", "Messages of the broker not understood.", worker.malformed);
    const dropped = this.#total("broker_dropped_total", "What found no lane.", ["message"]);
    dropped.inc({ message: "request" }, worker.droppedRequests);
    dropped.inc({ message: "reply" }, worker.droppedReplies);
  }

  #readAudit({ audit }: Readings): void {
    if (!audit) return;
    this.#gauge("audit_available", "Whether the records of the audit log reach its file.")
      .set(Number(audit.failure === undefined));
    this.#total("audit_records_lost_total", "Records of the audit log that the disk did not take.")
      .inc(audit.lost);
  }

  #readProcess(): void {
    const { rss, heapUsed } = Deno.memoryUsage();
    this.#gauge("process_resident_memory_bytes", "Memory of the process.").set(rss);
    this.#gauge("process_heap_bytes", "Of it, JavaScript's objects.").set(heapUsed);
    this.#total("process_cpu_seconds_total", "Time of processors used.").inc(cpuSeconds());
  }

  /** A counter that is set to what some part of the service counted. */
  #total(name: string, help: string, labelNames: readonly string[] = []) {
    const known = this.#counters.get(name);
    const counter = known ?? this.#counter(name, help, labelNames);
    this.#counters.set(name, counter);
    counter.reset();
    return counter;
  }

  #gauge(name: string, help: string, labelNames: readonly string[] = []) {
    const known = this.#gauges.get(name);
    if (known) return known;
    const registers = [this.#registry];
    const gauge = new Gauge({ name: named(name), help, labelNames: [...labelNames], registers });
    this.#gauges.set(name, gauge);
    return gauge;
  }

  #counter(name: string, help: string, labelNames: readonly string[] = []) {
    const registers = [this.#registry];
    return new Counter({ name: named(name), help, labelNames: [...labelNames], registers });
  }

  #histogram(name: string, help: string, buckets: number[]) {
    return new Histogram({ name: named(name), help, buckets, registers: [this.#registry] });
  }
}

/** What one write to the disk was. */
interface Committed {
  readonly tookMs: number;
  readonly transactions: number;
  readonly ok: boolean;
}

/** The process's metrics have the same names in all programs. */
function named(name: string): string {
  return name.startsWith("process_") ? name : `plantd_state_${name}`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

/** What is left of `totals` without `parts`. */
function without(totals: UpdateReadings, parts: readonly UpdateReadings[]): UpdateReadings {
  const rest = (of: (counts: UpdateReadings) => number) =>
    Math.max(0, of(totals) - sum(parts.map(of)));
  const reasons = Object.keys(totals.rejected);
  return {
    received: rest(({ received }) => received),
    stored: rest(({ stored }) => stored),
    coalesced: rest(({ coalesced }) => coalesced),
    pending: rest(({ pending }) => pending),
    rejected: Object.fromEntries(
      reasons.map((reason) => [reason, rest(({ rejected }) => rejected[reason] ?? 0)]),
    ),
  };
}
