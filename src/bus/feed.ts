/**
 * The change feed's socket: a PUB that tells everyone who subscribes, and a heartbeat. As an XPUB, which
 * hears of subscriptions, it makes no message before the first one.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import { FEED_HEARTBEAT_MS } from "../limits.ts";
import type { Poller } from "../zmq/poller.ts";
import { type Frames, Socket } from "../zmq/socket.ts";

/** Options of a feed. */
export interface FeedOptions {
  readonly poller: Poller;
  /** Where to listen. */
  readonly address: string;
  /** The message sent every second, so that a lost last message is noticed too. */
  readonly heartbeat: () => Frames;
  /** Messages kept for each subscriber that is slow; what comes on top is lost to that one. */
  readonly highWaterMark: number;
  readonly clock?: Clock;
}

/**
 * A running feed.
 *
 * @example
 * ```ts
 * await using feed = await Feed.bind({ poller, address: "tcp://127.0.0.1:11002", heartbeat, highWaterMark });
 * feed.publish(() => [topic, body]);
 * ```
 */
export class Feed implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #heartbeat: () => Frames;
  readonly #clock: Clock;
  #address = "";
  #cancelBeat: () => void = () => {};
  /** Whether anybody ever subscribed: who has left since cannot be told, a peer may say so of another. */
  #isWanted = false;

  private constructor({ poller, heartbeat, highWaterMark, clock = systemClock }: FeedOptions) {
    this.#heartbeat = heartbeat;
    this.#clock = clock;
    this.#socket = Socket.open(poller, "xpub", {
      sendHighWaterMark: highWaterMark,
      onMessage: () => void (this.#isWanted = true),
      onConnection() {}, // So that they are counted.
    });
  }

  /** @throws {PlantdError} `endpoint_in_use`, `endpoint_invalid`. */
  static async bind(options: FeedOptions): Promise<Feed> {
    const feed = new Feed(options);
    try {
      feed.#address = feed.#socket.bind(options.address);
    } catch (error) {
      await feed.#socket.close();
      throw error;
    }
    feed.#beat();
    return feed;
  }

  /** The address in force. */
  get address(): string {
    return this.#address;
  }

  /** Connections of those who listen. */
  get subscribers(): number {
    return this.#socket.accepted;
  }

  /** Sends what `make` returns to whoever subscribed to how its first frame begins. */
  publish(make: () => Frames): void {
    // It never says "full": it drops for the subscriber that is slow.
    if (this.#isWanted && !this.#socket.closed) this.#socket.send(make());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cancelBeat();
    await this.#socket.close();
  }

  #beat(): void {
    this.#cancelBeat = this.#clock.after(FEED_HEARTBEAT_MS, () => this.#beat());
    this.publish(this.#heartbeat);
  }
}
