/**
 * ZeroMQ sockets as the rest of the program sees them: opened with options that cannot crash the
 * addon, drained by the {@link Poller}, sent to without waiting.
 *
 * @module
 */

import { PlantdError } from "../errors.ts";
import { MESSAGES_PER_TURN } from "../limits.ts";
import { closeHandle, type Handle, ZMQ } from "./libzmq.ts";
import { type Frames, receive, send, type Sent } from "./message.ts";
import { Monitor, type OnConnection } from "./monitor.ts";
import { bindNative, connectNative, intOption, openNative, setOption } from "./native.ts";
import type { Poller, PollSource } from "./poller.ts";

export type { Frames, Sent };

/** The socket types in use, by their libzmq names. */
export type SocketKind =
  | "router"
  | "dealer"
  | "req"
  | "pub"
  | "sub"
  | "xpub"
  | "xsub"
  | "push"
  | "pull";

/** Options of a socket; all have defaults that suit a control network. */
export interface SocketOptions {
  /** Called with every message, in order; it must not throw. */
  onMessage?: (frames: Frames) => void;
  /** Called when a peer's connection comes up (after the handshake) or goes down. */
  onConnection?: OnConnection;
  /** Messages queued for each peer before a send answers "full" (PUB drops instead). */
  sendHighWaterMark?: number | undefined;
  /** Messages queued from each peer before its sender has to wait (a PUB drops instead). */
  receiveHighWaterMark?: number | undefined;
  /** Largest message accepted, in bytes; a peer that sends more is disconnected. */
  messageBytesMax?: number | undefined;
  /** How long closing waits for what is still to be sent, in milliseconds. */
  lingerMs?: number | undefined;
  /** Pause before the first reconnect, in milliseconds. */
  reconnectMs?: number | undefined;
  /** Asked before each message; while it says true none is taken, and {@link Socket.resume} goes on. */
  isPaused?: (() => boolean) | undefined;
  /** Asked around each message; where that makes it true, none is looked for before something is sent. */
  isBusy?: (() => boolean) | undefined;
  /** Messages taken in one turn before others get theirs; 128 by default. 1 where they come singly. */
  messagesPerTurn?: number | undefined;
  /** ROUTER: answer "unroutable" instead of dropping in silence. */
  mandatory?: boolean | undefined;
  /** DEALER, REQ: the identity the peer's ROUTER sees; libzmq makes one up otherwise. */
  routingId?: string | undefined;
}

/** Bit of the option EVENTS (zmq_getsockopt(3)). */
const POLLIN = 1;

/** Sockets open in this process; Deno's sanitizers do not see them, so tests count for themselves. */
export function openSocketCount(): number {
  return openCount;
}
let openCount = 0;

/**
 * A ZeroMQ socket.
 *
 * @example
 * ```ts
 * await using poller = new Poller();
 * await using socket = Socket.open(poller, "router", { onMessage: ([id]) => socket.send([id, hello]) });
 * const address = await socket.bind("tcp://127.0.0.1:*"); // "tcp://127.0.0.1:40123"
 * ```
 */
export class Socket implements PollSource, AsyncDisposable {
  readonly kind: SocketKind;
  readonly fd: number;
  readonly #handle: Handle;
  readonly #poller: Poller;
  readonly #onMessage: ((frames: Frames) => void) | undefined;
  readonly #monitor: Monitor | undefined;
  readonly #isPaused: (() => boolean) | undefined;
  readonly #isBusy: (() => boolean) | undefined;
  readonly #messagesPerTurn: number;
  #closed = false;
  /** Being drained, which looks until nothing is left. */
  #draining = false;

  private constructor(poller: Poller, kind: SocketKind, options: SocketOptions) {
    this.kind = kind;
    this.#poller = poller;
    this.#onMessage = options.onMessage;
    this.#isPaused = options.isPaused;
    this.#isBusy = options.isBusy;
    this.#messagesPerTurn = options.messagesPerTurn ?? MESSAGES_PER_TURN;
    this.#handle = openNative(kind, options);
    this.fd = intOption(this.#handle, ZMQ.FD);
    const { onConnection } = options;
    this.#monitor = onConnection &&
      new Monitor(poller, this.#handle, (state, address) => {
        if (!this.#closed) onConnection(state, address);
      });
    openCount += 1;
  }

  /** Opens a socket and puts it under the care of `poller`. */
  static open(poller: Poller, kind: SocketKind, options: SocketOptions = {}): Socket {
    return new Socket(poller, kind, options);
  }

  /** True once {@link close} was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Connections of others that are open, of a bound socket with `onConnection`. */
  get accepted(): number {
    return this.#monitor?.accepted ?? 0;
  }

  get readable(): boolean {
    return !this.#closed && (intOption(this.#handle, ZMQ.EVENTS) & POLLIN) !== 0;
  }

  /**
   * Binds to `address` and returns the address in force, with the port that `*` stood for.
   *
   * @throws {PlantdError} `endpoint_in_use` when someone else has it, `endpoint_invalid` otherwise.
   */
  bind(address: string): string {
    const bound = bindNative(this.#handle, address);
    this.#attach();
    return bound;
  }

  /**
   * Connects to `address`, now or when the peer comes up; libzmq reconnects by itself.
   *
   * @throws {PlantdError} `endpoint_invalid` when the address is not one.
   */
  connect(address: string): void {
    connectNative(this.#handle, address);
    this.#attach();
  }

  /** SUB: messages whose first frame begins with `prefix` are delivered from now on. */
  subscribe(prefix: string): void {
    setOption(this.#handle, ZMQ.SUBSCRIBE, new TextEncoder().encode(prefix));
  }

  /** SUB: takes one {@link subscribe} of the same `prefix` back. */
  unsubscribe(prefix: string): void {
    setOption(this.#handle, ZMQ.UNSUBSCRIBE, new TextEncoder().encode(prefix));
  }

  /**
   * Hands one message to libzmq, whole or not at all.
   *
   * @throws {PlantdError} `socket_closed` after {@link close}.
   */
  send(frames: Frames): Sent {
    if (this.#closed) throw new PlantdError("socket_closed", "cannot send: the socket is closed");
    try {
      return send(this.#handle, frames);
    } finally {
      if (!this.#draining) this.#poller.sent(this);
    }
  }

  drain(): boolean {
    this.#draining = true;
    try {
      for (let taken = 0; taken < this.#messagesPerTurn && !this.#closed; taken += 1) {
        if (this.#isPaused?.()) return false;
        const frames = receive(this.#handle);
        if (!frames) return false;
        const wasBusy = this.#isBusy?.() ?? false;
        this.#onMessage!(frames);
        if (!wasBusy && this.#isBusy?.()) return false;
      }
      return !this.#closed;
    } finally {
      this.#draining = false;
    }
  }

  /** Looks again for messages that were left where they were while it was paused. */
  resume(): void {
    if (!this.#closed) this.#poller.sent(this);
  }

  /** Closes the socket; what is unsent has `lingerMs` to leave, in the background. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    openCount -= 1;
    await this.#monitor?.close();
    await this.#poller.detach(this);
    closeHandle(this.#handle);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #attach(): void {
    if (this.#onMessage && !this.#closed) this.#poller.attach(this);
  }
}
