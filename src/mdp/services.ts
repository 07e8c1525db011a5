/**
 * The broker's services and what waits for them: queues, bounds and the memory they stand for. It
 * counts, and knows nothing of messages; {@link Registry} decides.
 *
 * @module
 */

import { MDP_FRAMES_MAX, MESSAGE_BYTES_MAX } from "../limits.ts";
import { FairQueue } from "./fair_queue.ts";
import { bytesOf, type Dialect, type Frames, toKeep } from "./frames.ts";
import type { BrokerLimits } from "./registry_types.ts";

/** One request, from its arrival to its reply. */
export interface BrokerRequest {
  readonly client: Uint8Array;
  readonly clientKey: string;
  /** The client's address as workers have it. */
  readonly alias: Uint8Array;
  readonly dialect: Dialect;
  readonly service: string;
  readonly body: Frames;
  readonly bytes: number;
  readonly expiresAtMs: number;
  /** Workers it was given to. */
  tries: number;
  /** Partial replies kept for a client whose dialect has none. */
  partials: Uint8Array[];
  partialBytes: number;
  /** Part of a reply is out or was too much: another worker's must not be mixed with it. */
  begun: boolean;
}

/** A registered worker. */
export interface BrokerWorker {
  readonly address: Uint8Array;
  readonly key: string;
  readonly dialect: Dialect;
  readonly service: BrokerService;
  request: BrokerRequest | undefined;
  heardAtMs: number;
  sentAtMs: number;
}

/** A service someone offers or asks for. */
export interface BrokerService {
  readonly name: string;
  readonly workers: Set<BrokerWorker>;
  /** Workers without a request, the longest idle first. */
  readonly idle: Set<BrokerWorker>;
  readonly queue: FairQueue<BrokerRequest>;
}

/** Which bound a request would break. */
export type Refusal =
  | "bytes"
  | "queued"
  | "services"
  | "service_queued"
  | "service_bytes"
  | "client_queued";

/** Frames of a reply besides its body, at most; joined replies stay under the limit with them. */
const ENVELOPE_FRAMES = 6;

/**
 * All services. Those that have neither workers nor requests are forgotten.
 *
 * @example
 * ```ts
 * const services = new Services(limits);
 * const service = services.open("echo");
 * if (!services.refusal(request, service)) services.enqueue(service, request);
 * ```
 */
export class Services {
  readonly #limits: BrokerLimits;
  readonly #byName = new Map<string, BrokerService>();
  /** How many have workers. */
  #served = 0;
  #queued = 0;
  #bytes = 0;

  constructor(limits: BrokerLimits) {
    this.#limits = limits;
  }

  /** Services in memory. */
  get size(): number {
    return this.#byName.size;
  }

  /** Requests that wait for a worker. */
  get queued(): number {
    return this.#queued;
  }

  /** Bytes of all requests and joined partial replies in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The service of that name, if someone offers it or waits for it. */
  get(name: string): BrokerService | undefined {
    return this.#byName.get(name);
  }

  /** Names of the services that have workers. */
  servedNames(): string[] {
    return [...this.#byName.values()].filter((s) => s.workers.size > 0).map((s) => s.name);
  }

  /** The service of that name, made if need be. */
  open(name: string): BrokerService {
    const known = this.#byName.get(name);
    if (known) return known;
    const service = { name, workers: new Set(), idle: new Set(), queue: new FairQueue() };
    this.#byName.set(name, service as BrokerService);
    return service as BrokerService;
  }

  /** Adds a worker, not idle yet. */
  join(worker: BrokerWorker): void {
    const { workers } = worker.service;
    if (workers.size === 0) this.#served += 1;
    workers.add(worker);
  }

  /** Takes a worker out; its request is the caller's to deal with. */
  leave(worker: BrokerWorker): void {
    const { workers, idle } = worker.service;
    workers.delete(worker);
    idle.delete(worker);
    if (workers.size === 0) this.#served -= 1;
  }

  /** Which bound `request` would break, if any. */
  refusal(request: BrokerRequest, service: BrokerService | undefined): Refusal | undefined {
    const limits = this.#limits;
    const bytes = this.#bytes + request.bytes;
    if (bytes > limits.bytesMax) return "bytes";
    if (service && service.idle.size > 0) return undefined;
    // Requests for services that nobody offers must not crowd out those which are served.
    const share = service && service.workers.size > 0 ? 1 : 0.5;
    if (bytes > limits.bytesMax * share) return "bytes";
    if (this.#queued >= limits.queuedMax * share) return "queued";
    if (!service) {
      return this.#byName.size - this.#served >= limits.unservedMax ? "services" : undefined;
    }
    const { queue } = service;
    if (queue.size >= limits.serviceQueuedMax) return "service_queued";
    if (queue.bytes + request.bytes > limits.serviceQueuedBytesMax) return "service_bytes";
    if (queue.sizeOf(request.clientKey) >= limits.serviceQueuedMax / 2) return "client_queued";
    return undefined;
  }

  /** `request` is in memory from now on. */
  admit(request: BrokerRequest): void {
    this.#bytes += request.bytes;
  }

  /** `request` is in memory no longer. */
  release(request: BrokerRequest): void {
    this.#bytes -= request.bytes + request.partialBytes;
  }

  /** Has `request` wait for a worker. */
  enqueue(service: BrokerService, request: BrokerRequest): void {
    const [client, alias, ...body] = toKeep([request.client, request.alias, ...request.body]);
    service.queue.push({ ...request, client: client!, alias: alias!, body });
    this.#queued += 1;
  }

  /** Has `request`, which had its turn, wait before all others. */
  giveBack(service: BrokerService, request: BrokerRequest): void {
    service.queue.giveBack(request);
    this.#queued += 1;
  }

  /** The request whose turn it is. */
  next(service: BrokerService): BrokerRequest | undefined {
    const request = service.queue.shift();
    if (request) this.#queued -= 1;
    return request;
  }

  /** Takes out and releases what expired by `nowMs`. */
  expire(nowMs: number): BrokerRequest[] {
    return this.#takeOut((service) => service.queue.expire(nowMs));
  }

  /** Takes out and releases what a client waits for. */
  forget(clientKey: string): BrokerRequest[] {
    return this.#takeOut((service) => service.queue.forget(clientKey));
  }

  /** Keeps a partial reply; false when a reply would get too large. */
  keepPartial(request: BrokerRequest, body: Frames): boolean {
    const bytes = bytesOf(body);
    if (
      request.partials.length + body.length > MDP_FRAMES_MAX - ENVELOPE_FRAMES ||
      request.partialBytes + bytes > MESSAGE_BYTES_MAX ||
      this.#bytes + bytes > this.#limits.bytesMax
    ) return false;
    request.partials.push(...toKeep(body));
    request.partialBytes += bytes;
    this.#bytes += bytes;
    return true;
  }

  /** Forgets what was kept for `request`: another worker begins anew. */
  dropPartials(request: BrokerRequest): void {
    this.#bytes -= request.partialBytes;
    request.partials = [];
    request.partialBytes = 0;
  }

  /** Forgets `service` when it has neither workers nor requests. */
  dropIfUnused(service: BrokerService): void {
    if (service.workers.size === 0 && service.queue.size === 0) this.#byName.delete(service.name);
  }

  #takeOut(from: (service: BrokerService) => BrokerRequest[]): BrokerRequest[] {
    const all: BrokerRequest[] = [];
    for (const service of this.#byName.values()) {
      if (service.queue.size === 0) continue;
      for (const request of from(service)) {
        this.#queued -= 1;
        this.release(request);
        all.push(request);
      }
      this.dropIfUnused(service);
    }
    return all;
  }
}
