/**
 * The service's ear on the bus: one SUB socket, subscribed to what the scopes need.
 *
 * @module
 */

import type { Poller } from "../zmq/poller.ts";
import { type Frames, Socket } from "../zmq/socket.ts";

/** How to listen. */
export interface SubscriberOptions {
  readonly poller: Poller;
  /** The bus's backend (XPUB); `bind` where publishers connect to the service directly. */
  readonly endpoint: { readonly mode: "connect" | "bind"; readonly address: string };
  /** Scopes to listen for from the start. */
  readonly scopes: Iterable<string>;
  /** Listen to everything: for a service that creates scopes as updates for them arrive. */
  readonly everything: boolean;
  /** Called with every message that comes. */
  readonly onMessage: (frames: Frames) => void;
}

/** Whether anything can arrive. */
export interface SubscriberStatus {
  readonly endpoint: string;
  /** True while a bus is connected; of an endpoint of our own, while it is bound. */
  readonly connected: boolean;
  readonly subscriptions: number;
}

/** Bare JSON begins with its brace (the original's `Pd.Source.new(endpoint, "")`). */
const BARE_JSON = "{";

/** Messages libzmq keeps for us while we are busy; beyond that the bus drops them uncounted. */
const RECEIVE_HIGH_WATER_MARK = 200_000;

/**
 * Listens on the bus until it is disposed of. libzmq reconnects and subscribes again by itself.
 *
 * @example
 * ```ts
 * await using subscriber = await Subscriber.start({
 *   poller, endpoint: { mode: "connect", address: "tcp://127.0.0.1:11001" },
 *   scopes: ["org.plantd.Test"], everything: false, onMessage: (frames) => console.log(frames),
 * });
 * subscriber.add("org.plantd.Furnace");
 * ```
 */
export class Subscriber implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #address: string;
  readonly #everything: boolean;
  readonly #scopes = new Set<string>();
  #connected: boolean;

  private constructor({ poller, endpoint, everything, onMessage }: SubscriberOptions) {
    this.#address = endpoint.address;
    this.#everything = everything;
    this.#connected = endpoint.mode === "bind";
    this.#socket = Socket.open(poller, "sub", {
      onMessage,
      receiveHighWaterMark: RECEIVE_HIGH_WATER_MARK,
      ...(endpoint.mode === "connect"
        ? { onConnection: (state) => void (this.#connected = state === "up") }
        : {}),
    });
  }

  /**
   * Connects (or binds) and subscribes. A bus that is not there yet is waited for in the background.
   *
   * @throws {PlantdError} `endpoint_in_use`, `endpoint_invalid`.
   */
  static async start(options: SubscriberOptions): Promise<Subscriber> {
    const subscriber = new Subscriber(options);
    try {
      subscriber.#socket.subscribe(options.everything ? "" : BARE_JSON);
      for (const scope of options.scopes) subscriber.add(scope);
      const { mode, address } = options.endpoint;
      if (mode === "bind") subscriber.#socket.bind(address);
      else subscriber.#socket.connect(address);
      return subscriber;
    } catch (error) {
      await subscriber[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Listens for `scope` from now on. */
  add(scope: string): void {
    if (this.#scopes.has(scope)) return;
    this.#scopes.add(scope);
    if (!this.#everything) this.#socket.subscribe(scope);
  }

  /** No longer listens for `scope`. */
  remove(scope: string): void {
    if (this.#scopes.delete(scope) && !this.#everything) this.#socket.unsubscribe(scope);
  }

  status(): SubscriberStatus {
    return {
      endpoint: this.#address,
      connected: this.#connected && !this.#socket.closed,
      subscriptions: this.#everything ? 1 : this.#scopes.size + 1,
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#socket.close();
  }
}
