/**
 * libzmq's own proxy between two sockets, on a thread of its own: messages pass without ever entering
 * JavaScript.
 *
 * @module
 */

import * as zmq from "zeromq";
import { bindNative, connectNative, prepare } from "./native.ts";

/** One side of a proxy. */
export interface ProxySide {
  readonly mode: "bind" | "connect";
  readonly address: string;
}

/** How to forward. */
export interface ProxyOptions {
  /** Where publishers connect (XSUB). */
  readonly frontend: ProxySide;
  /** Where subscribers connect (XPUB). */
  readonly backend: ProxySide;
  /** Messages kept for each subscriber that is slow, and from each publisher; more are dropped. */
  readonly highWaterMark: number;
}

/**
 * A running XSUB/XPUB proxy (zmq_proxy_steerable(3)).
 *
 * @example
 * ```ts
 * await using proxy = await Proxy.start({
 *   frontend: { mode: "bind", address: "tcp://127.0.0.1:11000" },
 *   backend: { mode: "bind", address: "tcp://127.0.0.1:11001" },
 *   highWaterMark: 100_000,
 * });
 * ```
 */
export class Proxy implements AsyncDisposable {
  readonly frontend: string;
  readonly backend: string;
  readonly #native: zmq.Proxy;
  readonly #ended: Promise<void>;
  #running = true;

  private constructor(native: zmq.Proxy, frontend: string, backend: string) {
    this.#native = native;
    this.frontend = frontend;
    this.backend = backend;
    this.#ended = native.run().finally(() => this.#running = false);
  }

  /**
   * Binds (or connects) both sides and starts forwarding.
   *
   * @throws {PlantdError} `endpoint_in_use`, `endpoint_invalid`; then neither side is left open.
   */
  static async start({ frontend, backend, highWaterMark }: ProxyOptions): Promise<Proxy> {
    const front = new zmq.XSubscriber();
    const back = new zmq.XPublisher();
    try {
      for (const socket of [front, back]) {
        prepare(socket, {
          sends: true,
          receives: true,
          sendHighWaterMark: highWaterMark,
          receiveHighWaterMark: highWaterMark,
        });
      }
      const at = [await attach(front, frontend), await attach(back, backend)] as const;
      return new Proxy(new zmq.Proxy(front, back), ...at);
    } catch (error) {
      front.close();
      back.close();
      throw error;
    }
  }

  /** False once it has ended, by itself or because it was disposed of. */
  get running(): boolean {
    return this.#running;
  }

  /** Stops forwarding and closes both sides. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#running) this.#native.terminate();
    await this.#ended;
  }
}

async function attach(socket: zmq.Socket, { mode, address }: ProxySide): Promise<string> {
  if (mode === "bind") return await bindNative(socket, address);
  connectNative(socket, address);
  return address;
}
