/**
 * The composition root: builds the service from a configuration, runs it, and takes it down again in
 * reverse order.
 *
 * @module
 */

import { openEnvelope } from "./bus/envelope.ts";
import { Subscriber } from "./bus/subscriber.ts";
import { systemClock } from "./clock.ts";
import type { StateConfig } from "./config/schema.ts";
import { messageOf } from "./errors.ts";
import { type Check, HealthServer, overall } from "./http/health.ts";
import { COMMIT_MS_MAX, SCOPE_BYTES_MAX } from "./limits.ts";
import { type Log, logOf } from "./log.ts";
import { Worker } from "./mdp/worker.ts";
import { Ingest } from "./state/ingest.ts";
import type { OperationContext } from "./state/context.ts";
import { handleRequest } from "./state/operations.ts";
import { Snapshots } from "./state/snapshots.ts";
import type { Change, Store } from "./state/store.ts";
import { openDenoKv } from "./store/deno_kv.ts";
import { DurableStore } from "./store/durable_store.ts";
import { VERSION } from "./version.ts";
import { Poller } from "./zmq/poller.ts";

/** Scopes whose bus counters a `health` reply tells one by one. */
const HEALTH_SCOPES_MAX = 256;

/** What there is to say before there is anything to check. */
const STARTING: Check = {
  name: "service:start",
  componentType: "component",
  status: "fail",
  output: "the service is starting",
};

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
  readonly #log: Log = logOf("service");
  #store!: Store;
  #ingest!: Ingest;
  #subscriber!: Subscriber;
  #worker!: Worker;
  #health!: HealthServer;
  #isStarted = false;

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

  /** Where health is served. */
  get healthUrl(): string {
    return this.#health.url;
  }

  /** The parts of the service as checks, for `/healthz`. */
  checks(): readonly Check[] {
    if (!this.#isStarted) return [STARTING];
    return [this.#storeCheck(), this.#brokerCheck(), this.#busCheck()];
  }

  /** One line for people: that it serves, or what it lacks. */
  summary(): string {
    const { broker, service } = this.#config;
    const { available, failure } = this.#store.status();
    const bus = this.#subscriber.status();
    const lacks = [
      ...(available ? [] : [failure ?? "the store is closed"]),
      ...(this.#worker.status().connected > 0
        ? []
        : [`waiting for the broker at ${broker.endpoint.address}`]),
      ...(bus.connected ? [] : [`waiting for the bus at ${bus.endpoint}`]),
    ];
    return lacks.length === 0 ? `serving ${service.id}` : lacks.join("; ");
  }

  /** Why only a restart helps; undefined while the service is able to work, or to wait. */
  stuck(): string | undefined {
    const { commitMs = 0 } = this.#store.status();
    if (commitMs <= COMMIT_MS_MAX) return undefined;
    return `the disk has not finished a commit for ${commitMs} ms`;
  }

  /** Stops in reverse order of start; what does not end in time is abandoned. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
  }

  async #start(): Promise<void> {
    const { health, service } = this.#config;
    // First, so that a port which is taken leaves no database behind, and a long start is seen.
    this.#health = this.#parts.use(
      HealthServer.start({
        ...health,
        source: { serviceId: service.id, releaseId: VERSION, checks: () => this.checks() },
      }),
    );
    const poller = this.#parts.use(new Poller());
    await this.#openStore();
    await this.#listenToBus(poller);
    this.#serveRequests(poller);
    this.#isStarted = true;
  }

  async #openStore(): Promise<void> {
    const { path } = this.#config.database;
    const log = logOf("store");
    const startMs = performance.now();
    const onPurgeFailure = (thrown: unknown) =>
      log.warn("garbage was not purged; the next start tries again", { reason: messageOf(thrown) });
    const onFailure = (reason: string | undefined) =>
      reason === undefined
        ? log.info("writes are stored again")
        : log.error("writes fail; reads are served", { reason });
    this.#store = this.#parts.use(
      new DurableStore(await openDenoKv({ path, onPurgeFailure }), systemClock, onFailure),
    );
    const { scopes, keys, revision, epoch, damaged } = this.#store.status();
    const tookMs = Math.round(performance.now() - startMs);
    log.info("database opened", { path, scopes, keys, revision, epoch, tookMs });
    if (damaged > 0) log.error("damaged records are not served", { damaged });
  }

  async #listenToBus(poller: Poller): Promise<void> {
    const { bus, limits } = this.#config;
    const log = logOf("bus");
    this.#ingest = new Ingest({
      store: this.#store,
      valueBytesMax: limits.valueBytes,
      queueMax: bus.queue,
      createScopes: bus.createScopes,
      defaultScope: bus.defaultScope,
      onRejected: (scope, reason, sentence) =>
        log.debug("update rejected", { scope: scope.slice(0, SCOPE_BYTES_MAX), reason, sentence }),
    });
    this.#subscriber = this.#parts.use(
      await Subscriber.start({
        poller,
        endpoint: bus.endpoint,
        scopes: this.#store.scopes(),
        everything: bus.createScopes,
        onMessage: (frames) => this.#takeUpdate(frames),
      }),
    );
    this.#parts.defer(this.#store.watch((changes) => this.#followScopes(changes)));
  }

  #serveRequests(poller: Poller): void {
    const { broker, worker, service, limits } = this.#config;
    const context: OperationContext = {
      store: this.#store,
      snapshots: new Snapshots(this.#store, systemClock),
      valueBytesMax: limits.valueBytes,
      health: () => this.#report(),
      onFault: (operation, thrown) =>
        this.#log.error("operation failed", { operation, reason: messageOf(thrown) }),
    };
    this.#worker = this.#parts.use(
      Worker.start({
        poller,
        endpoint: broker.endpoint.address,
        service: service.id,
        dialect: broker.dialect,
        lanes: worker.lanes,
        heartbeatMs: broker.heartbeatMs,
        liveness: broker.heartbeatLiveness,
        handler: ({ client, body }) => handleRequest(context, body, `mdp:${client.toHex()}`),
        log: logOf("worker"),
      }),
    );
  }

  #takeUpdate(frames: readonly Uint8Array[]): void {
    const envelope = openEnvelope(frames);
    if (typeof envelope === "string") return this.#ingest.refuse(envelope);
    for (const body of envelope.bodies) this.#ingest.take(envelope.scope, body);
  }

  /** Scopes that come are listened for at once, those that go no longer. */
  #followScopes(changes: readonly Change[]): void {
    for (const { operation, scope } of changes) {
      if (operation === "create-scope") this.#subscriber.add(scope);
      else if (operation === "delete-scope") this.#subscriber.remove(scope);
    }
  }

  /** The data of a `health` reply. */
  #report(): Readonly<Record<string, unknown>> {
    const { available, failure, pending, commitMs, ...store } = this.#store.status();
    return {
      status: overall(this.checks()) === "fail" ? "unhealthy" : "healthy",
      service: this.#config.service.id,
      store_available: available,
      store_failure: failure,
      version: VERSION,
      uptime_s: Math.round((performance.now() - this.#startedMs) / 1000),
      ...store,
      commits_pending: pending,
      commit_ms: commitMs,
      bus: {
        connected: this.#subscriber.status().connected,
        ...this.#ingest.totals(),
        scopes: this.#ingest.byScope(HEALTH_SCOPES_MAX),
      },
    };
  }

  #storeCheck(): Check {
    const { available, failure, damaged, revision } = this.#store.status();
    const check = {
      name: "store:revision",
      componentType: "datastore",
      observedValue: revision,
    } as const;
    if (!available) return { ...check, status: "fail", output: failure ?? "the store is closed" };
    if (damaged === 0) return { ...check, status: "pass" };
    return { ...check, status: "warn", output: `${damaged} records are damaged and not served` };
  }

  #brokerCheck(): Check {
    const { connected, lanes } = this.#worker.status();
    const check = {
      name: "broker:lanes",
      componentType: "system",
      observedValue: connected,
      observedUnit: "lanes",
    } as const;
    if (connected > 0) return { ...check, status: "pass" };
    const { address } = this.#config.broker.endpoint;
    return { ...check, status: "fail", output: `no broker answers ${lanes} lanes at ${address}` };
  }

  #busCheck(): Check {
    const { connected, endpoint, subscriptions } = this.#subscriber.status();
    const check = {
      name: "bus:subscriptions",
      componentType: "system",
      observedValue: subscriptions,
      observedUnit: "subscriptions",
    } as const;
    if (connected) return { ...check, status: "pass" };
    return { ...check, status: "fail", output: `the bus at ${endpoint} is not connected` };
  }
}
