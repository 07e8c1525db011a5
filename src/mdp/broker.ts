/**
 * The Majordomo broker: a ROUTER (B1) driven by the {@link Registry}.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import { PlantdError } from "../errors.ts";
import { BROKER_REQUEST_EXPIRY_MS, MDP_LINGER_MS } from "../limits.ts";
import { LogLimit } from "../log_limit.ts";
import type { Poller } from "../zmq/poller.ts";
import { type Frames, Socket } from "../zmq/socket.ts";
import { type Log, silentLog } from "./log.ts";
import { Outbox } from "./outbox.ts";
import { Registry } from "./registry.ts";
import {
  type BrokerLimits,
  DEFAULT_BROKER_LIMITS,
  type GivenRequest,
  type RegistryAction,
  type RegistryConfig,
  type RegistryStatus,
  type SendAction,
} from "./registry_types.ts";

/** Options of a broker. */
export interface BrokerOptions {
  poller: Poller;
  /** Where to listen; `*` as port takes a free one. */
  endpoint: string;
  /** 2500 by default. */
  heartbeatMs?: number;
  /** Intervals of silence after which a worker counts as gone; 3 by default. */
  liveness?: number;
  /** How long a request waits for a worker; 60 s by default. */
  requestExpiryMs?: number;
  /** Bounds other than the default ones. */
  limits?: Partial<BrokerLimits>;
  /** Messages queued for a peer that does not read; over it they are dropped and counted. */
  sendHighWaterMark?: number;
  /** Messages queued from a peer before it has to wait. */
  receiveHighWaterMark?: number;
  /** Largest frame accepted, in bytes; a peer that sends more is disconnected. */
  messageBytesMax?: number;
  /** Told of each request that a worker is given; for traces. */
  onGiven?: ((given: GivenRequest) => void) | undefined;
  clock?: Clock;
  log?: Log;
}

/** How a broker is doing. */
export interface BrokerStatus extends RegistryStatus {
  readonly endpoint: string;
}

/** Pause before what a peer did not take is offered again, in milliseconds. */
const RETRY_MS = 5;

/**
 * Brings requests of clients to workers and replies back, for all dialects at once.
 *
 * @example
 * ```ts
 * await using broker = await Broker.bind({ poller, endpoint: "tcp://127.0.0.1:9797" });
 * ```
 */
export class Broker implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #registry: Registry;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #logLimit: LogLimit;
  #endpoint = "";
  readonly #outbox = new Outbox<SendAction>((frames) => this.#socket.send(frames));
  #cancelTick: () => void = () => {};
  #cancelRetry: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  private constructor(options: BrokerOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#logLimit = new LogLimit(this.#clock);
    this.#log = this.#logLimit.of(options.log ?? silentLog);
    this.#registry = new Registry(registryConfig(options));
    this.#socket = Socket.open(options.poller, "router", {
      onMessage: (frames) => this.#receive(frames),
      mandatory: true,
      lingerMs: MDP_LINGER_MS,
      sendHighWaterMark: options.sendHighWaterMark,
      receiveHighWaterMark: options.receiveHighWaterMark,
      messageBytesMax: options.messageBytesMax,
    });
  }

  /**
   * Opens a broker that listens at `endpoint`.
   *
   * @throws {PlantdError} `endpoint_in_use`, `endpoint_invalid`, or `config_invalid` for any other option.
   */
  static async bind(options: BrokerOptions): Promise<Broker> {
    const broker = new Broker(options);
    try {
      broker.#endpoint = broker.#socket.bind(options.endpoint);
    } catch (error) {
      await broker.#socket.close();
      throw error;
    }
    broker.#tickLater();
    return broker;
  }

  /** The address in force, with the port that `*` stood for. */
  get endpoint(): string {
    return this.#endpoint;
  }

  /** Counters and sizes, for health and logs. */
  status(): BrokerStatus {
    return { endpoint: this.#endpoint, ...this.#registry.status() };
  }

  /** Names of the services that have workers. */
  services(): string[] {
    return this.#registry.serviceNames();
  }

  /** Says DISCONNECT to the workers and closes; what waits is lost. Idempotent. */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#cancelTick();
    this.#cancelRetry?.();
    this.#perform(this.#registry.close());
    await this.#socket.close();
    this.#logLimit[Symbol.dispose]();
  }

  #tickLater(): void {
    this.#cancelTick = this.#clock.after(this.#registry.tickMs, () => {
      this.#perform(this.#registry.tick(this.#clock.monotonic()));
      this.#tickLater();
    });
  }

  #receive(message: Frames): void {
    if (this.#closed) return;
    const from = message[0]!;
    this.#perform(this.#registry.receive(from, message.slice(1), this.#clock.monotonic()));
  }

  #perform(actions: RegistryAction[]): void {
    // The registry may have more to do when a peer does not take what it is sent.
    for (const action of actions) {
      if (action.do === "send") actions.push(...this.#send(action));
      else this.#log[action.level](action.message, action.data);
    }
  }

  /** Never waits for a peer: what cannot be sent is the registry's to judge. */
  #send(action: SendAction): RegistryAction[] {
    const nowMs = this.#clock.monotonic();
    const sent = action.about === "reply"
      ? this.#outbox.send(action, nowMs)
      : this.#socket.send(action.frames);
    if (this.#outbox.isWaiting) this.#retryLater();
    if (sent === "sent" || this.#closed) return [];
    return this.#registry.undeliverable(action, sent, nowMs);
  }

  #retryLater(): void {
    if (this.#closed) return;
    this.#cancelRetry ??= this.#clock.after(RETRY_MS, () => {
      this.#cancelRetry = undefined;
      const nowMs = this.#clock.monotonic();
      for (const { action, why } of this.#outbox.retry(nowMs)) {
        this.#perform(this.#registry.undeliverable(action, why, nowMs));
      }
      if (this.#outbox.isWaiting) this.#retryLater();
    });
  }
}

function registryConfig(options: BrokerOptions): RegistryConfig {
  const { heartbeatMs = 2500, liveness = 3, requestExpiryMs = BROKER_REQUEST_EXPIRY_MS } = options;
  const limits = { ...DEFAULT_BROKER_LIMITS, ...options.limits };
  for (
    const [name, value] of Object.entries({ heartbeatMs, liveness, requestExpiryMs, ...limits })
  ) {
    if (Number.isFinite(value) && value > 0) continue;
    throw new PlantdError(
      "config_invalid",
      `cannot start the broker: ${name} must be a number over 0, found ${value}`,
      { data: { option: name } },
    );
  }
  return { heartbeatMs, liveness, requestExpiryMs, limits, onGiven: options.onGiven };
}
