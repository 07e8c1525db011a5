/**
 * The broker's book-keeping, without sockets, timers or a clock: a message, the passing of time or a
 * failed send goes in, what is to be sent comes out. RFC 7 and RFC 18, the broker's part of
 * MDP/Client and MDP/Worker.
 *
 * What a worker gets is never more than one request; who answers a request it does not hold is sent
 * DISCONNECT, and no client sees the answer. The rules are in one file because each of them relies on
 * the others; queues, bounds and memory are in services.ts.
 *
 * @module
 */

import { ADDRESS_BYTES_MAX, BROKER_ENDED_MAX } from "../limits.ts";
import { sameBytes } from "../same_bytes.ts";
import { Aliases } from "./alias.ts";
import {
  answerBroker,
  answerMmi,
  BROKER_SERVICE,
  type BrokerView,
  MMI_PREFIX,
  type ServiceView,
} from "./builtin.ts";
import {
  bytesOf,
  decodeAtBroker,
  type Dialect,
  encodeToClient,
  encodeToWorker,
  type Frames,
  type Invalid,
  type ToBroker,
} from "./frames.ts";
import { latin1 } from "./names.ts";
import {
  newCounters,
  type RegistryAction,
  type RegistryConfig,
  type RegistryCounters,
  type RegistryStatus,
  type SendAction,
} from "./registry_types.ts";
import { type BrokerRequest, type BrokerService, type BrokerWorker, Services } from "./services.ts";

/** A command of a registered worker's that answers a request. */
type Answer = Extract<ToBroker, { kind: "partial" | "final" }>;

/**
 * Services, workers, and the requests between them.
 *
 * @example
 * ```ts
 * const registry = new Registry(config);
 * for (const action of registry.receive(address, frames, nowMs)) perform(action);
 * ```
 */
export class Registry implements BrokerView {
  readonly #config: RegistryConfig;
  readonly #services: Services;
  readonly #aliases: Aliases;
  readonly #workers = new Map<string, BrokerWorker>();
  /** Conversations that are over, by peer, and until when to remember: nothing more is said to them. */
  readonly #ended = new Map<string, number>();
  readonly #counters: RegistryCounters = newCounters();
  #actions: RegistryAction[] = [];

  /** @param aliases What workers know clients by; by default under a key of this registry's own. */
  constructor(config: RegistryConfig, aliases = new Aliases()) {
    this.#config = config;
    this.#aliases = aliases;
    this.#services = new Services(config.limits);
  }

  /** How often {@link tick} wants to be called. */
  get tickMs(): number {
    const { heartbeatMs, requestExpiryMs } = this.#config;
    return Math.min(Math.max(Math.min(heartbeatMs, requestExpiryMs) / 4, 5), 1000);
  }

  /** Counters and sizes. */
  status(): RegistryStatus {
    return {
      ...this.#counters,
      services: this.#services.size,
      workers: this.#workers.size,
      queued: this.#services.queued,
      bytes: this.#services.bytes,
    };
  }

  serviceNames(): string[] {
    return this.#services.servedNames();
  }

  service(name: string): ServiceView | undefined {
    const service = this.#services.get(name);
    if (!service || service.workers.size === 0) return undefined;
    const { workers, queue } = service;
    return { workers: workers.size, queued: queue.size, clients: queue.clients };
  }

  /** A message from the peer at `from`; `frames` are without the routing id. */
  receive(from: Uint8Array, frames: Frames, nowMs: number): RegistryAction[] {
    // libzmq passes on longer identities than it makes, which are no address to the other end.
    const command: ToBroker | Invalid = from.length > ADDRESS_BYTES_MAX
      ? { kind: "invalid", reason: "bad_address" }
      : decodeAtBroker(frames);
    if (command.kind === "invalid") {
      // B9: dropped. It is no sign of life either.
      this.#counters.invalid += 1;
      this.#note("warn", "an invalid message was dropped", { reason: command.reason });
    } else if (command.kind === "request") {
      this.#onRequest(from, command, nowMs);
    } else {
      this.#onWorker(from, latin1(from), command, nowMs);
    }
    return this.#take();
  }

  /** Time passed: beats, forgets the silent, expires what waited too long. */
  tick(nowMs: number): RegistryAction[] {
    const { heartbeatMs, liveness } = this.#config;
    const beatAfterMs = Math.max(heartbeatMs - this.tickMs, 0);
    const silent: BrokerWorker[] = [];
    for (const worker of this.#workers.values()) {
      if (nowMs - worker.heardAtMs > heartbeatMs * liveness) {
        silent.push(worker);
        // Before any of their requests is given away: it must not go to another silent one.
        worker.service.idle.delete(worker);
      } else if (nowMs - worker.sentAtMs >= beatAfterMs) {
        this.#beat(worker, nowMs);
      }
    }
    for (const worker of silent) {
      this.#counters.silent += 1;
      this.#note("warn", "a silent worker was forgotten", { service: worker.service.name });
      this.#remove(worker, nowMs);
    }
    for (const request of this.#services.expire(nowMs)) this.#expired(request);
    for (const [key, untilMs] of this.#ended) {
      if (untilMs > nowMs) break;
      this.#ended.delete(key);
    }
    return this.#take();
  }

  /** `action` could not be sent: no such peer, or one that does not read. */
  undeliverable(action: SendAction, why: "unroutable" | "full", nowMs: number): RegistryAction[] {
    this.#counters[why] += 1;
    const worker = this.#workers.get(action.key);
    if (action.about === "request" && worker?.request) {
      // It never got there, so it does not count as given to a worker.
      worker.request.tries -= 1;
      this.#remove(worker, nowMs);
    } else if (action.about === "heartbeat" && why === "unroutable" && worker) {
      this.#remove(worker, nowMs);
    } else if (action.about === "reply" && why === "unroutable") {
      this.#counters.forgotten += this.#services.forget(action.key).length;
    }
    return this.#take();
  }

  /** DISCONNECT for every worker; to be called before the socket is closed. */
  close(): RegistryAction[] {
    for (const worker of this.#workers.values()) this.#disconnect(worker);
    this.#workers.clear();
    return this.#take();
  }

  #onRequest(
    from: Uint8Array,
    command: Extract<ToBroker, { kind: "request" }>,
    nowMs: number,
  ): void {
    this.#counters.requests += 1;
    const { service: name, dialect, body } = command;
    const service = this.#services.get(name);
    if (name.startsWith(MMI_PREFIX)) {
      return this.#answer(from, dialect, name, answerMmi(name, body, this));
    }
    if (name === BROKER_SERVICE && !service?.workers.size) {
      return this.#answer(from, dialect, name, answerBroker(body, this));
    }
    const request: BrokerRequest = {
      client: from,
      clientKey: latin1(from),
      alias: this.#aliases.of(from),
      dialect,
      service: name,
      body,
      bytes: bytesOf(body),
      expiresAtMs: nowMs + this.#config.requestExpiryMs,
      tries: 0,
      partials: [],
      partialBytes: 0,
      begun: false,
    };
    const refusal = this.#services.refusal(request, service);
    if (refusal) {
      this.#counters.refused += 1;
      this.#note("warn", "a request was refused", { reason: refusal, service: name });
      return;
    }
    this.#services.admit(request);
    const target = service ?? this.#services.open(name);
    const idle = first(target.idle);
    if (idle) return this.#hand(idle, request, nowMs);
    this.#services.enqueue(target, request);
  }

  #onWorker(
    from: Uint8Array,
    key: string,
    command: Exclude<ToBroker, { kind: "request" }>,
    nowMs: number,
  ): void {
    const worker = this.#workers.get(key);
    if (command.kind === "disconnect") {
      // B7: nothing is sent to it any more, before its next READY.
      this.#end(key, nowMs);
      if (worker) this.#remove(worker, nowMs);
      return;
    }
    if (!worker) {
      if (command.kind === "ready") return this.#onReady(from, key, command, nowMs);
      if (this.#ended.has(key)) return;
      // B8: HEARTBEAT or REPLY before READY. After a restart of the broker this is how workers learn it.
      return this.#reject(from, key, command.dialect, nowMs);
    }
    if (command.kind === "ready" || command.dialect !== worker.dialect) {
      return this.#expel(worker, nowMs);
    }
    worker.heardAtMs = nowMs;
    if (command.kind !== "heartbeat") this.#onAnswer(worker, command, nowMs);
  }

  #onReady(
    from: Uint8Array,
    key: string,
    { dialect, service: name }: Extract<ToBroker, { kind: "ready" }>,
    nowMs: number,
  ): void {
    if (name.startsWith(MMI_PREFIX)) return this.#reject(from, key, dialect, nowMs);
    if (this.#workers.size >= this.#config.limits.workersMax) {
      this.#counters.refused += 1;
      this.#note("warn", "a worker was refused", { reason: "workers", service: name });
      return this.#reject(from, key, dialect, nowMs);
    }
    const service = this.#services.open(name);
    const worker: BrokerWorker = {
      // As long as it is registered.
      address: from.slice(),
      key,
      dialect,
      service,
      request: undefined,
      heardAtMs: nowMs,
      sentAtMs: nowMs,
    };
    this.#services.join(worker);
    this.#workers.set(key, worker);
    this.#ended.delete(key);
    this.#note("debug", "a worker registered", { service: name, dialect });
    this.#free(worker, nowMs);
    // A first beat at once: the worker knows that it was heard, and in which dialect.
    if (!worker.request) this.#beat(worker, nowMs);
  }

  #onAnswer(worker: BrokerWorker, answer: Answer, nowMs: number): void {
    const { request } = worker;
    // B8: nobody asked, or somebody else did.
    if (!request || !sameBytes(answer.client, request.alias)) return this.#expel(worker, nowMs);
    const joined = request.partials.length > 0;
    if (answer.kind === "final" && !joined) {
      return this.#complete(worker, request, answer.body, nowMs);
    }
    if (answer.kind === "partial" && request.dialect === "mdp02") {
      request.begun = true;
      const { service } = request;
      const frames = encodeToClient({ ...answer, dialect: "mdp02", service, kind: "partial" });
      return this.#send(request.client, request.clientKey, "reply", frames);
    }
    // The client can have only one reply, so it gets them joined.
    if (!this.#services.keepPartial(request, answer.body)) {
      this.#counters.refused += 1;
      this.#note("warn", "partial replies were too much", { service: request.service });
      request.begun = true; // Another worker would only do the same.
      return this.#expel(worker, nowMs);
    }
    if (answer.kind === "final") this.#complete(worker, request, request.partials, nowMs);
  }

  #complete(worker: BrokerWorker, request: BrokerRequest, body: Frames, nowMs: number): void {
    this.#counters.replies += 1;
    worker.request = undefined;
    this.#services.release(request);
    this.#answer(request.client, request.dialect, request.service, body);
    this.#free(worker, nowMs);
  }

  /** `worker` has no request: it gets the next one or waits. */
  #free(worker: BrokerWorker, nowMs: number): void {
    let request = this.#services.next(worker.service);
    while (request && request.expiresAtMs <= nowMs) {
      this.#services.release(request);
      this.#expired(request);
      request = this.#services.next(worker.service);
    }
    if (request) this.#hand(worker, request, nowMs);
    else worker.service.idle.add(worker);
  }

  #hand(worker: BrokerWorker, request: BrokerRequest, nowMs: number): void {
    worker.service.idle.delete(worker);
    worker.request = request;
    worker.sentAtMs = nowMs;
    request.tries += 1;
    const { dialect } = worker;
    const { alias: client, body } = request;
    const { onGiven, requestExpiryMs } = this.#config;
    if (onGiven) {
      const waitedMs = nowMs - (request.expiresAtMs - requestExpiryMs);
      onGiven({ service: request.service, alias: client, body, waitedMs });
    }
    const frames = encodeToWorker({ kind: "request", dialect, client, body });
    this.#send(worker.address, worker.key, "request", frames);
  }

  #beat(worker: BrokerWorker, nowMs: number): void {
    worker.sentAtMs = nowMs;
    const frames = encodeToWorker({ kind: "heartbeat", dialect: worker.dialect });
    this.#send(worker.address, worker.key, "heartbeat", frames);
  }

  /** B8: DISCONNECT, and nothing more. */
  #expel(worker: BrokerWorker, nowMs: number): void {
    this.#remove(worker, nowMs);
    this.#reject(worker.address, worker.key, worker.dialect, nowMs);
  }

  #reject(address: Uint8Array, key: string, dialect: Dialect, nowMs: number): void {
    this.#counters.disconnected += 1;
    this.#note("warn", "a worker was sent DISCONNECT", { dialect });
    this.#end(key, nowMs);
    this.#disconnect({ address, key, dialect });
  }

  #disconnect({ address, key, dialect }: Pick<BrokerWorker, "address" | "key" | "dialect">): void {
    this.#send(address, key, "disconnect", encodeToWorker({ kind: "disconnect", dialect }));
  }

  #end(key: string, nowMs: number): void {
    const { heartbeatMs, liveness } = this.#config;
    this.#ended.delete(key); // So that the Map stays in the order of time.
    this.#ended.set(key, nowMs + heartbeatMs * liveness);
    if (this.#ended.size > BROKER_ENDED_MAX) this.#ended.delete(first(this.#ended.keys())!);
  }

  /** Takes a worker out; its request goes to another one, once (B12). */
  #remove(worker: BrokerWorker, nowMs: number): void {
    const { service, request } = worker;
    this.#workers.delete(worker.key);
    this.#services.leave(worker);
    worker.request = undefined;
    if (request) this.#retry(service, request, nowMs);
    this.#services.dropIfUnused(service);
  }

  #retry(service: BrokerService, request: BrokerRequest, nowMs: number): void {
    this.#services.dropPartials(request);
    if (request.tries > 1 || request.begun) {
      this.#counters.lost += 1;
      this.#note("warn", "a request was lost with its worker", { service: service.name });
      return this.#services.release(request);
    }
    if (request.tries > 0) this.#counters.retried += 1;
    const idle = first(service.idle);
    if (idle) return this.#hand(idle, request, nowMs);
    this.#services.giveBack(service, request);
  }

  #expired(request: BrokerRequest): void {
    this.#counters.expired += 1;
    this.#note("warn", "a request expired", { service: request.service });
  }

  #answer(client: Uint8Array, dialect: Dialect, service: string, body: Frames): void {
    const frames = encodeToClient({ kind: "final", dialect, service, body });
    this.#send(client, undefined, "reply", frames);
  }

  #send(
    to: Uint8Array,
    key: string | undefined,
    about: SendAction["about"],
    frames: Uint8Array[],
  ): void {
    frames.unshift(to);
    this.#actions.push({ do: "send", key: key ?? latin1(to), about, frames });
  }

  #note(level: "debug" | "warn", message: string, data: Record<string, string>): void {
    this.#actions.push({ do: "note", level, message, data });
  }

  #take(): RegistryAction[] {
    const actions = this.#actions;
    this.#actions = [];
    return actions;
  }
}

function first<T>(items: Iterable<T>): T | undefined {
  for (const item of items) return item;
  return undefined;
}
