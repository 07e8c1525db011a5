/**
 * The one place that waits for sockets. One poll(2) serves them all; each is then drained while it
 * has something, a bounded number of messages a turn, so that a flood on one starves neither the
 * others nor the timers.
 *
 * @module
 */

import { MESSAGES_PER_TURN } from "../limits.ts";
import { openWaiter, type Waiter } from "./wait.ts";

/** Something with a file descriptor that can be drained; {@link Socket} is the only kind. */
export interface PollSource {
  /** ZMQ_FD: edge-triggered, so it says "look", never "there is a message". */
  readonly fd: number;
  /** True while a message can be taken without waiting. */
  readonly readable: boolean;
  /** Takes and handles at most `messagesMax` messages. */
  drain(messagesMax: number): Promise<void>;
}

/**
 * Waits for sockets and has them drained, until it is disposed of.
 *
 * @example
 * ```ts
 * await using poller = new Poller();
 * const socket = Socket.open(poller, "dealer", { onMessage: (frames) => console.log(frames) });
 * ```
 */
export class Poller implements AsyncDisposable {
  readonly #waiter: Waiter;
  readonly #sources = new Set<PollSource>();
  /** Sources that may hold messages which no file descriptor will announce any more. */
  readonly #hot = new Set<PollSource>();
  #waiting = false;
  #stopped = false;
  #turnEnd = Promise.withResolvers<void>();
  readonly #loop: Promise<void>;

  constructor(waiter: Waiter = openWaiter()) {
    this.#waiter = waiter;
    this.#loop = this.#run();
  }

  /** `poll` where poll(2) does the waiting, `timer` where it is the 1 ms fallback. */
  get kind(): "poll" | "timer" {
    return this.#waiter.kind;
  }

  /** Sockets it serves. */
  get size(): number {
    return this.#sources.size;
  }

  /** Serves `source` from now on, beginning with what it already holds. */
  attach(source: PollSource): void {
    this.#sources.add(source);
    this.look(source);
  }

  /**
   * Has `source` looked at soon. Owed after every send: a send can take the
   * announcement of an incoming message away from the file descriptor.
   */
  look(source: PollSource): void {
    if (this.#hot.has(source) || !this.#sources.has(source)) return;
    this.#hot.add(source);
    if (this.#waiting) this.#waiter.wake();
  }

  /** Lets go of `source`; when this resolves, its file descriptor may be closed. */
  async detach(source: PollSource): Promise<void> {
    this.#sources.delete(source);
    this.#hot.delete(source);
    if (!this.#waiting) return;
    this.#waiter.wake();
    await this.#turnEnd.promise;
  }

  /** Ends the loop. Sockets still attached are no longer served; closing them is their owners' part. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#stopped) {
      this.#stopped = true;
      this.#waiter.wake();
    }
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const sources = [...this.#sources];
      // With work left over, the wait is only a look at the others and a breath for the event loop.
      const timeoutMs = this.#hot.size > 0 ? 0 : -1;
      this.#waiting = true;
      const ready = await this.#waiter.wait(sources.map((source) => source.fd), timeoutMs);
      this.#waiting = false;
      this.#turnEnd.resolve();
      this.#turnEnd = Promise.withResolvers();
      for (const index of ready) this.#hot.add(sources[index]!);
      await this.#drainHot();
    }
    this.#waiter.close();
  }

  async #drainHot(): Promise<void> {
    const turn = [...this.#hot];
    this.#hot.clear();
    for (const source of turn) {
      if (this.#stopped || !this.#sources.has(source) || !source.readable) continue;
      await source.drain(MESSAGES_PER_TURN);
      if (this.#sources.has(source) && source.readable) this.#hot.add(source);
    }
  }
}
