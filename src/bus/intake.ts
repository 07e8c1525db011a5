/**
 * The service's PULL socket: updates from modules that would rather wait than lose one. While the service
 * has enough of them it takes no more; they stay with libzmq, and then with who sends them.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import type { Poller } from "../zmq/poller.ts";
import { type Frames, Socket } from "../zmq/socket.ts";

/** Options of an intake. */
export interface IntakeOptions {
  readonly poller: Poller;
  /** Where to listen. */
  readonly address: string;
  /** Asked before each message whether there are enough for now. */
  readonly isFull: () => boolean;
  /** Called with every message that is taken. */
  readonly onMessage: (frames: Frames) => void;
  readonly clock?: Clock;
}

/** Pause before a service that had enough is asked again, in milliseconds. */
const RETRY_MS = 5;

/** Messages that wait on this side for each sender: few, for the sender's own queue is the one that counts. */
const HIGH_WATER_MARK = 1000;

/**
 * A running intake.
 *
 * @example
 * ```ts
 * await using intake = await Intake.bind({ poller, address: "tcp://127.0.0.1:11003", isFull, onMessage });
 * ```
 */
export class Intake implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #clock: Clock;
  #address = "";
  #cancelRetry: (() => void) | undefined;

  private constructor({ poller, isFull, onMessage, clock = systemClock }: IntakeOptions) {
    this.#clock = clock;
    this.#socket = Socket.open(poller, "pull", {
      onMessage,
      receiveHighWaterMark: HIGH_WATER_MARK,
      isPaused: () => isFull() && this.#retryLater(),
    });
  }

  /** @throws {PlantdError} `endpoint_in_use`, `endpoint_invalid`. */
  static async bind(options: IntakeOptions): Promise<Intake> {
    const intake = new Intake(options);
    try {
      intake.#address = intake.#socket.bind(options.address);
      return intake;
    } catch (error) {
      await intake[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The address in force. */
  get address(): string {
    return this.#address;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cancelRetry?.();
    await this.#socket.close();
  }

  #retryLater(): true {
    this.#cancelRetry ??= this.#clock.after(RETRY_MS, () => {
      this.#cancelRetry = undefined;
      this.#socket.resume();
    });
    return true;
  }
}
