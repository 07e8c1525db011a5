/**
 * libzmq's own proxy between two sockets, on a thread of its own: messages pass without ever entering
 * JavaScript.
 *
 * @module
 */

import { closeHandle, cString, type Handle, lib, openHandle, runProxy } from "./libzmq.ts";
import { send } from "./message.ts";
import { bindNative, connectNative, openNative } from "./native.ts";

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
 * await using proxy = Proxy.start({
 *   frontend: { mode: "bind", address: "tcp://127.0.0.1:11000" },
 *   backend: { mode: "bind", address: "tcp://127.0.0.1:11001" },
 *   highWaterMark: 100_000,
 * });
 * ```
 */
export class Proxy implements AsyncDisposable {
  readonly frontend: string;
  readonly backend: string;
  /** What it is told TERMINATE by. */
  readonly #control: Handle;
  readonly #ended: Promise<void>;
  #running = true;

  private constructor([front, back]: readonly [Handle, Handle], at: readonly [string, string]) {
    [this.frontend, this.backend] = at;
    const [control, controlled] = pairOfSockets();
    this.#control = control;
    this.#ended = runProxy(front, back, controlled).finally(() => {
      this.#running = false;
      closeHandle(control);
      closeHandle(controlled);
    });
  }

  /**
   * Binds (or connects) both sides and starts forwarding.
   *
   * @throws {PlantdError} `endpoint_in_use`, `endpoint_invalid`; then neither side is left open.
   */
  static start({ frontend, backend, highWaterMark }: ProxyOptions): Proxy {
    const marks = { sendHighWaterMark: highWaterMark, receiveHighWaterMark: highWaterMark };
    const front = openNative("xsub", marks);
    const back = openNative("xpub", marks);
    try {
      return new Proxy([front, back], [attach(front, frontend), attach(back, backend)]);
    } catch (error) {
      closeHandle(front);
      closeHandle(back);
      throw error;
    }
  }

  /** False once it has ended, by itself or because it was disposed of. */
  get running(): boolean {
    return this.#running;
  }

  /** Stops forwarding and closes both sides. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#running) send(this.#control, [new TextEncoder().encode("TERMINATE")]);
    await this.#ended;
  }
}

/** Counts names: each is used once in a process. */
let pairs = 0;

function pairOfSockets(): readonly [Handle, Handle] {
  pairs += 1;
  const address = cString(`inproc://proxy-${pairs}`);
  const ends = [openHandle("pair"), openHandle("pair")] as const;
  lib.zmq_bind(ends[0], address);
  lib.zmq_connect(ends[1], address);
  return ends;
}

function attach(handle: Handle, { mode, address }: ProxySide): string {
  if (mode === "bind") return bindNative(handle, address);
  connectNative(handle, address);
  return address;
}
