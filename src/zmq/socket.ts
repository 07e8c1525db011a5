/**
 * ZeroMQ sockets as the rest of the program sees them: opened with options that cannot crash the
 * addon, drained by the {@link Poller}, sent to without waiting.
 *
 * @module
 */

import * as zmq from "zeromq";
import { PlantdError } from "../errors.ts";
import { MESSAGES_PER_TURN } from "../limits.ts";
import { seedRand } from "./libc.ts";
import { bindNative, connectNative, prepare } from "./native.ts";
import type { Poller, PollSource } from "./poller.ts";

/** One message: its frames in order. What came in belongs to the receiver. */
export type Frames = readonly Uint8Array[];

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

/**
 * What became of a message: handed to libzmq, refused because the high-water mark is reached (try
 * again later), or refused because no such peer is connected (`mandatory` ROUTER only).
 */
export type Sent = "sent" | "full" | "unroutable";

/** Options of a socket; all have defaults that suit a control network. */
export interface SocketOptions {
  /** Called with every message, in order; it must not throw. */
  onMessage?: (frames: Frames) => void;
  /** Called when a peer's connection comes up (after the handshake) or goes down. */
  onConnection?: (state: "up" | "down", address: string) => void;
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
  /** ROUTER: answer "unroutable" instead of dropping in silence. */
  mandatory?: boolean | undefined;
  /** Messages taken in one turn before others get theirs; 128 by default. 1 where they come singly. */
  messagesPerTurn?: number | undefined;
  /** DEALER, REQ: the identity the peer's ROUTER sees; libzmq makes one up otherwise. */
  routingId?: string | undefined;
}

/** Messages taken in one turn after which the next one is taken unasked. */
const LIKELY_AFTER = 4;

/** Number of ZMQ_FD, which the addon's types protect (zmq_getsockopt(3)). */
const ZMQ_FD = 14;

const CONSTRUCTORS = {
  router: zmq.Router,
  dealer: zmq.Dealer,
  req: zmq.Request,
  pub: zmq.Publisher,
  sub: zmq.Subscriber,
  xpub: zmq.XPublisher,
  xsub: zmq.XSubscriber,
  push: zmq.Push,
  pull: zmq.Pull,
} as const;

/** What all of the addon's sockets have, readable and writable ones alike. */
type NativeSocket = zmq.Socket & {
  receive?: () => Promise<Uint8Array[]>;
  send?: (frames: Uint8Array[]) => Promise<void>;
  readonly readable: boolean;
  getInt32Option(option: number): number;
};

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
  readonly #native: NativeSocket;
  readonly #poller: Poller;
  readonly #onMessage: ((frames: Frames) => void) | undefined;
  readonly #messagesPerTurn: number;
  readonly #observing: Promise<void> | undefined;
  #closed = false;

  private constructor(poller: Poller, kind: SocketKind, options: SocketOptions) {
    this.kind = kind;
    this.#poller = poller;
    this.#onMessage = options.onMessage;
    this.#messagesPerTurn = options.messagesPerTurn ?? MESSAGES_PER_TURN;
    if (kind === "router") seedRand();
    // Constructed empty and set up option by option: a constructor that throws crashes at exit.
    // `as unknown`: the addon types ZMQ_FD's getter as protected.
    this.#native = new CONSTRUCTORS[kind]() as unknown as NativeSocket;
    prepare(this.#native, {
      ...options,
      sends: kind !== "sub" && kind !== "pull",
      receives: kind !== "pub" && kind !== "push",
    });
    this.fd = this.#native.getInt32Option(ZMQ_FD);
    this.#observing = options.onConnection && this.#observe(options.onConnection);
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

  get readable(): boolean {
    return !this.#closed && this.#native.readable;
  }

  /**
   * Binds to `address` and returns the address in force, with the port that `*` stood for.
   *
   * @throws {PlantdError} `endpoint_in_use` when someone else has it, `endpoint_invalid` otherwise.
   */
  async bind(address: string): Promise<string> {
    // The addon refuses every other call while it binds, `readable` included.
    await this.#poller.detach(this);
    const bound = await bindNative(this.#native, address);
    this.#attach();
    return bound;
  }

  /**
   * Connects to `address`, now or when the peer comes up; libzmq reconnects by itself.
   *
   * @throws {PlantdError} `endpoint_invalid` when the address is not one.
   */
  connect(address: string): void {
    connectNative(this.#native, address);
    this.#attach();
  }

  /** SUB: messages whose first frame begins with `prefix` are delivered from now on. */
  subscribe(prefix: string | Uint8Array): void {
    (this.#native as unknown as zmq.Subscriber).subscribe(prefix as string);
  }

  /** SUB: takes one {@link subscribe} of the same `prefix` back. */
  unsubscribe(prefix: string | Uint8Array): void {
    (this.#native as unknown as zmq.Subscriber).unsubscribe(prefix as string);
  }

  /**
   * Hands one message to libzmq, whole or not at all. Messages are taken in the order of the calls,
   * whether or not the earlier promises have resolved.
   *
   * @throws {PlantdError} `socket_closed` after {@link close}.
   */
  async send(frames: Frames): Promise<Sent> {
    if (this.#closed) throw new PlantdError("socket_closed", "cannot send: the socket is closed");
    try {
      await this.#native.send!(frames as Uint8Array[]);
      return "sent";
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === "EAGAIN") return "full";
      if (code === "EHOSTUNREACH") return "unroutable";
      throw error;
    } finally {
      if (!this.#closed) this.#poller.sent(this);
    }
  }

  async drain(announced: boolean): Promise<boolean> {
    for (let taken = 0; taken < this.#messagesPerTurn; taken += 1) {
      // Asking costs half of taking; taking in vain costs three times as much. What was announced is
      // there most of the time, and behind many messages there are more.
      const isLikely = (announced && taken === 0) || taken >= LIKELY_AFTER;
      if (!isLikely && !this.readable) return false;
      let frames: Frames;
      try {
        frames = await this.#native.receive!();
      } catch (error) {
        // `readable` can be taken back: libzmq drops a half-received message when its peer vanishes.
        if ((error as { code?: string }).code === "EAGAIN" || this.#closed) return false;
        throw error;
      }
      this.#onMessage!(frames);
    }
    return true;
  }

  /** Closes the socket; what is unsent has `lingerMs` to leave, in the background. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    openCount -= 1;
    await this.#poller.detach(this);
    this.#native.close();
    await this.#observing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #attach(): void {
    if (this.#onMessage && !this.#closed) this.#poller.attach(this);
  }

  /**
   * Follows the socket's monitor to its end, which comes when the socket is closed. Closing waits for
   * it: an observer that is still at it when the process ends crashes the addon.
   */
  async #observe(onConnection: NonNullable<SocketOptions["onConnection"]>): Promise<void> {
    try {
      for await (const event of this.#native.events) {
        if (this.#closed) continue;
        const address = "address" in event ? event.address ?? "" : "";
        if (event.type === "handshake") onConnection("up", address);
        else if (event.type === "disconnect") onConnection("down", address);
      }
    } catch (error) {
      // A receive that was pending when the socket went away.
      if (!this.#closed) throw error;
    }
  }
}
