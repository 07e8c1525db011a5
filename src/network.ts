/**
 * What the service needs around it, for hosts and desks that have none: a Majordomo broker and buses,
 * in this process.
 *
 * @module
 */

import type { Endpoint } from "./config/endpoint.ts";
import { Capture } from "./bus/capture.ts";
import { systemClock } from "./clock.ts";
import { PlantdError } from "./errors.ts";
import { logOf } from "./log.ts";
import { LogLimit } from "./log_limit.ts";
import { Broker } from "./mdp/broker.ts";
import { Tracing } from "./telemetry/tracing.ts";
import { connectable } from "./zmq/address.ts";
import { Poller } from "./zmq/poller.ts";
import { Proxy } from "./zmq/proxy.ts";

/** How often it is said that a capture drops, in milliseconds. */
const DROPPED_LOG_MS = 60_000;

/** For how long a broker that is a program of its own waits for the next message where it is, in milliseconds. */
const PATIENCE_MS = 1;

/** What to run. */
export interface NetworkOptions {
  /** Whether the process does nothing else; see PollerOptions. */
  readonly isAlone?: boolean;
  /** Where the broker listens. */
  readonly endpoint: string;
  readonly heartbeatMs: number;
  readonly liveness: number;
  readonly requestExpiryMs?: number;
  /** Messages kept on a bus for each slow subscriber. */
  readonly highWaterMark: number;
  readonly buses: readonly {
    readonly name: string;
    readonly frontend: Endpoint;
    readonly backend: Endpoint;
    /** Where a copy of every message goes. */
    readonly capture?: Endpoint | undefined;
  }[];
}

/** A bus that runs, with the addresses in force. */
export interface RunningBus {
  readonly name: string;
  /** Where publishers connect. */
  readonly frontend: string;
  /** Where subscribers connect. */
  readonly backend: string;
  /** Where a recorder gets a copy of every message. */
  readonly capture?: string;
}

/**
 * A running broker with its buses.
 *
 * @example
 * ```ts
 * await using network = await Network.start({ endpoint: "tcp://127.0.0.1:9797", ... });
 * ```
 */
export class Network implements AsyncDisposable {
  readonly buses: RunningBus[] = [];
  readonly #parts = new AsyncDisposableStack();
  #endpoint = "";

  private constructor() {}

  /**
   * Binds everything, or nothing.
   *
   * @throws {PlantdError} `endpoint_in_use`, `endpoint_invalid`.
   */
  static async start(options: NetworkOptions): Promise<Network> {
    const network = new Network();
    try {
      await network.#start(options);
      return network;
    } catch (error) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Where the broker listens. */
  get endpoint(): string {
    return this.#endpoint;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
  }

  async #start(options: NetworkOptions): Promise<void> {
    const poller = this.#parts.use(new Poller(options.isAlone ? { patienceMs: PATIENCE_MS } : {}));
    const tracing = await Tracing.load();
    const broker = this.#parts.use(
      await named("the broker", () =>
        Broker.bind({
          poller,
          ...options,
          log: logOf("broker"),
          onGiven: tracing && ((given) => tracing.given(given)),
        })),
    );
    this.#endpoint = broker.endpoint;
    for (const bus of options.buses) {
      const running = await named(
        `the ${bus.name} bus`,
        () => this.#startBus(poller, bus, options.highWaterMark),
      );
      this.buses.push(running);
    }
  }

  async #startBus(
    poller: Poller,
    { name, frontend, backend, capture }: NetworkOptions["buses"][number],
    highWaterMark: number,
  ): Promise<RunningBus> {
    const proxy = this.#parts.use(Proxy.start({ frontend, backend, highWaterMark }));
    const running = { name, frontend: proxy.frontend, backend: proxy.backend };
    if (capture === undefined) return running;
    const log = logOf("bus");
    if (capture.address.startsWith("inproc:")) {
      log.warn("nobody outside of this process could read the capture; it is left out", {
        bus: name,
        capture: capture.address,
      });
      return running;
    }
    const limit = this.#parts.use(new LogLimit(systemClock, { intervalMs: DROPPED_LOG_MS }));
    const limited = limit.of(log);
    const started = await Capture.start({
      poller,
      backend: connectable(proxy.backend),
      endpoint: capture,
      highWaterMark,
      onDropped: (dropped) =>
        limited.warn("messages of the bus were not captured, nobody reads them", {
          bus: name,
          dropped,
        }),
    });
    return { ...running, capture: this.#parts.use(started).endpoint };
  }
}

/** Says in the error which part it was. */
async function named<T>(part: string, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    if (!(error instanceof PlantdError)) throw error;
    const { code, message, data, hint } = error;
    throw new PlantdError(code, `${part} cannot start: ${message}`, {
      data,
      cause: error,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}
