/**
 * The composition root: builds the service from a configuration, runs it, and takes it down again in
 * reverse order.
 *
 * @module
 */

import { Feed } from "./bus/feed.ts";
import type { Subscriber } from "./bus/subscriber.ts";
import { systemClock } from "./clock.ts";
import type { StateConfig } from "./config/schema.ts";
import { messageOf } from "./errors.ts";
import { createApp } from "./http/app.ts";
import { STARTING, stuckAt } from "./http/checks.ts";
import { EventStreams } from "./http/events.ts";
import type { Check } from "./http/health.ts";
import { Metrics } from "./http/metrics.ts";
import type { HttpSource, StateAccess } from "./http/ports.ts";
import { HttpServer } from "./http/server.ts";
import { BUS_HIGH_WATER_MARK, COMMIT_MS_MAX, REQUEST_LINES_MAX } from "./limits.ts";
import { type Log, logOf } from "./log.ts";
import { LogLimit } from "./log_limit.ts";
import { Worker, type WorkerOptions } from "./mdp/worker.ts";
import type { Ingest } from "./state/ingest.ts";
import { ChangeLog, numbered } from "./state/change_log.ts";
import { changeMessage, heartbeatMessage } from "./state/change_messages.ts";
import type { OperationContext } from "./state/context.ts";
import { handleRequest } from "./state/operations.ts";
import { listenToBus } from "./service/bus.ts";
import { Recency } from "./service/recency.ts";
import { Records } from "./service/records.ts";
import { accessTo, checksOf, type Parts, readingsOf, reportOf, summaryOf } from "./service/web.ts";
import { Snapshots } from "./state/snapshots.ts";
import type { Store } from "./state/store.ts";
import { SyncProbe } from "./store/sync_probe.ts";
import { Requests } from "./telemetry/requests.ts";
import { Tracing } from "./telemetry/tracing.ts";
import { Upkeep } from "./upkeep.ts";
import { VERSION } from "./version.ts";
import { Poller } from "./zmq/poller.ts";

/**
 * The running state service.
 *
 * @example
 * ```ts
 * const { config } = loadStateConfig();
 * await using service = await Service.start(config);
 * await stopSignal;
 * ```
 */
export class Service implements AsyncDisposable {
  readonly #parts = new AsyncDisposableStack();
  readonly #config: StateConfig;
  readonly #startedMs = performance.now();
  readonly #logLimit = this.#parts.use(new LogLimit(systemClock));
  readonly #log: Log = this.#logLimit.of(logOf("service"));
  readonly #records = this.#parts.use(new Records());
  #upkeep!: Upkeep;
  #store!: Store;
  #ingest!: Ingest;
  #subscriber!: Subscriber;
  #worker!: Worker;
  #changes!: ChangeLog;
  #feed: Feed | undefined;
  #http!: HttpServer;
  readonly #metrics = new Metrics(VERSION);
  #syncProbe: SyncProbe | undefined;
  readonly #streams = new EventStreams();
  /** Undefined until everything has started. */
  #access: StateAccess | undefined;

  private constructor(config: StateConfig) {
    this.#config = config;
  }

  /**
   * Starts every part and resolves when the service listens; the broker and the bus may come later.
   *
   * @throws {PlantdError} `database_locked`, `database_unusable`, `endpoint_in_use`,
   * `endpoint_invalid`; then nothing is left running.
   */
  static async start(config: StateConfig): Promise<Service> {
    const service = new Service(config);
    try {
      await service.#start();
      return service;
    } catch (error) {
      await service[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Where HTTP is served: the page, the API, metrics and health. */
  get httpUrl(): string {
    return this.#http.url;
  }

  /** Where changes are told; undefined where they are not. */
  get feedAddress(): string | undefined {
    return this.#feed?.address;
  }

  /** The parts of the service as checks, for `/healthz`. */
  checks(): readonly Check[] {
    if (!this.#access) return [STARTING];
    return checksOf(this.#webParts(), this.#config.broker.endpoint.address);
  }

  /** One line for people: that it serves, or what it lacks. */
  summary(): string {
    const { broker, service } = this.#config;
    return summaryOf(this.#webParts(), service.id, broker.endpoint.address);
  }

  /** Why only a restart helps; undefined while the service is able to work, or to wait. */
  stuck(): string | undefined {
    return this.#access && stuckAt(this.#store.status(), COMMIT_MS_MAX);
  }

  /** Takes over what may change while it runs: see `STATE_RELOADABLE`. */
  async reconfigure(
    config: Pick<StateConfig, "audit" | "backup" | "bus" | "scopes">,
  ): Promise<void> {
    const { defaultScope, queue: queueMax, coalesce } = config.bus;
    this.#ingest.configure({ defaultScope, queueMax, coalesce });
    await this.#upkeep.configure(config);
    await this.#records.configure(config);
  }

  /** Stops in reverse order of start; what does not end in time is abandoned. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
  }

  async #start(): Promise<void> {
    // First, so that a port which is taken leaves no database behind, and a long start is seen.
    this.#serveHttp();
    const poller = this.#parts.use(new Poller());
    const tracing = await Tracing.load();
    this.#upkeep = this.#parts.use(
      await Upkeep.open(
        this.#config,
        (commit) => {
          this.#metrics.committed(commit);
          tracing?.committed(commit);
        },
        tracing && ((...of) => tracing.commit(...of)),
      ),
    );
    this.#store = this.#upkeep.store;
    const { path } = this.#config.database;
    this.#syncProbe = new SyncProbe(path, (tookMs) => this.#metrics.synced(tookMs));
    await this.#records.follow(this.#store, this.#config);
    await this.#tellChanges(poller);
    const { ingest, subscriber } = await listenToBus({
      poller,
      store: this.#store,
      config: this.#config,
      log: this.#logLimit.of(logOf("bus")),
      parts: this.#parts,
    });
    this.#ingest = ingest;
    this.#subscriber = subscriber;
    const recency = new Recency(this.#store);
    const context = this.#operationContext(recency, tracing);
    this.#serveRequests(poller, context, tracing);
    this.#access = accessTo(context, recency);
  }

  #serveHttp(): void {
    const { health, http } = this.#config;
    const app = createApp({
      source: this.#httpSource(),
      metrics: this.#metrics,
      streams: this.#streams,
      edit: http.edit,
      names: [health.host, ...(http.names ?? "").split(",").map((name) => name.trim())],
    });
    this.#http = this.#parts.use(HttpServer.start({ ...health, answer: app.fetch }));
    this.#parts.defer(() => this.#streams.close());
  }

  #httpSource(): HttpSource {
    return {
      serviceId: this.#config.service.id,
      releaseId: VERSION,
      checks: () => this.checks(),
      stuck: () => this.stuck(),
      storeAvailable: () => this.#access !== undefined && this.#store.status().available,
      state: () => this.#access,
      watched: () => void this.#syncProbe?.run(),
      readings: async () => this.#access && await readingsOf(this.#webParts()),
    };
  }

  #webParts(): Parts {
    return {
      store: this.#store,
      upkeep: this.#upkeep,
      records: this.#records,
      ingest: this.#ingest,
      worker: this.#worker,
      subscriber: this.#subscriber,
      checks: () => this.checks(),
      databasePath: this.#config.database.path,
      feed: this.#feed,
      eventStreams: () => this.#streams.count,
    };
  }

  /** Remembers changes and publishes them, from the first on that is not on disk yet. */
  async #tellChanges(poller: Poller): Promise<void> {
    const { enabled, endpoint, retainedChanges } = this.#config.feed;
    this.#changes = new ChangeLog(this.#store.status(), retainedChanges);
    if (enabled) {
      this.#feed = this.#parts.use(
        await Feed.bind({
          poller,
          address: endpoint.address,
          heartbeat: () => heartbeatMessage(this.#store.status()),
          highWaterMark: BUS_HIGH_WATER_MARK,
        }),
      );
    }
    const { epoch } = this.#store;
    this.#parts.defer(this.#store.watch((changes) => {
      const logged = numbered(changes);
      this.#changes.add(logged);
      for (const change of logged) this.#feed?.publish(() => changeMessage(epoch, change));
    }));
  }

  #operationContext(recency: Recency, tracing: Tracing | undefined): OperationContext {
    const limit = this.#parts.use(new LogLimit(systemClock, { lines: REQUEST_LINES_MAX }));
    const log = limit.of(logOf("request"));
    const requests = new Requests({ service: this.#config.service.id, log, tracing });
    return {
      store: this.#store,
      snapshots: new Snapshots(this.#store, systemClock),
      changes: this.#changes,
      maintenance: this.#upkeep.maintenance,
      activity: (scope) => recency.of(scope),
      feed: this.#feed?.address,
      valueBytesMax: this.#config.limits.valueBytes,
      health: () => reportOf(this.#webParts(), this.#config.service.id, this.#startedMs),
      onFault: (operation, thrown, requestId) =>
        this.#log.error("operation failed", { operation, requestId, reason: messageOf(thrown) }),
      observe: (...of) => requests.observe(...of),
      onAnswer: (...answer) => this.#metrics.answered(...answer),
    };
  }

  #serveRequests(
    poller: Poller,
    context: OperationContext,
    tracing: Tracing | undefined,
  ): void {
    const { broker, worker, service } = this.#config;
    const handler: WorkerOptions["handler"] = ({ client, body }) =>
      handleRequest(context, body, `mdp:${client.toHex()}`);
    this.#worker = this.#parts.use(
      Worker.start({
        poller,
        endpoint: broker.endpoint.address,
        service: service.id,
        dialect: broker.dialect,
        lanes: worker.lanes,
        heartbeatMs: broker.heartbeatMs,
        liveness: broker.heartbeatLiveness,
        handler: tracing ? tracing.taking(handler) : handler,
        log: this.#logLimit.of(logOf("worker")),
      }),
    );
  }
}
