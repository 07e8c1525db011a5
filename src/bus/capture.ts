/**
 * The capture of a bus: a copy of every message that passes, for whoever records them (the capture socket
 * of zmq_proxy(3), a PUSH as in czmq's zproxy).
 *
 * It is a subscriber like any other, so that a capture nobody reads holds up nobody.
 *
 * @module
 */

import type { Poller } from "../zmq/poller.ts";
import { type Frames, Socket } from "../zmq/socket.ts";

/** Where to copy from and to. */
export interface CaptureOptions {
  readonly poller: Poller;
  /** Address of the bus's backend. */
  readonly backend: string;
  /** Where the PUSH binds or connects; PULLs at the other end share the messages. */
  readonly endpoint: { readonly mode: "bind" | "connect"; readonly address: string };
  /** Messages kept for a reader that is slow. */
  readonly highWaterMark: number;
  /** Called with the number of messages dropped so far, with each one: nobody read them in time. */
  readonly onDropped?: (dropped: number) => void;
}

/**
 * A running capture.
 *
 * @example
 * ```ts
 * await using capture = await Capture.start({
 *   poller,
 *   backend: "tcp://127.0.0.1:11001",
 *   endpoint: { mode: "bind", address: "tcp://127.0.0.1:11009" },
 *   highWaterMark: 100_000,
 * });
 * ```
 */
export class Capture implements AsyncDisposable {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #onDropped: (dropped: number) => void;
  #address = "";
  #dropped = 0;

  private constructor({ poller, highWaterMark, onDropped = () => {} }: CaptureOptions) {
    this.#onDropped = onDropped;
    this.#to = Socket.open(poller, "push", { sendHighWaterMark: highWaterMark });
    this.#from = Socket.open(poller, "sub", {
      receiveHighWaterMark: highWaterMark,
      onMessage: (frames) => this.#copy(frames),
    });
  }

  /** @throws {PlantdError} `endpoint_in_use`, `endpoint_invalid`; then nothing is left open. */
  static async start(options: CaptureOptions): Promise<Capture> {
    const { backend, endpoint: { mode, address } } = options;
    const capture = new Capture(options);
    try {
      if (mode === "bind") capture.#address = capture.#to.bind(address);
      else capture.#to.connect(capture.#address = address);
      capture.#from.subscribe("");
      capture.#from.connect(backend);
      return capture;
    } catch (error) {
      await capture[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The address in force. */
  get endpoint(): string {
    return this.#address;
  }

  /** Messages that nobody read in time. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Stops copying. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#from.close();
    await this.#to.close();
  }

  #copy(frames: Frames): void {
    if (this.#to.closed || this.#to.send(frames) === "sent") return;
    this.#dropped += 1;
    this.#onDropped(this.#dropped);
  }
}
