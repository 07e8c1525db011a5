/**
 * The one place that waits for sockets. One poll(2) serves them all; each is then drained while it
 * has something, a bounded number of messages a turn, so that a flood on one starves neither the
 * others nor the timers.
 *
 * @module
 */

import { Waiter } from "./wait.ts";

/** Something with a file descriptor that can be drained: a socket, or what watches its connections. */
export interface PollSource {
  /** ZMQ_FD: edge-triggered, so it says "look", never "there is a message". */
  readonly fd: number;
  /** True while a message can be taken without waiting. To ask costs two system calls. */
  readonly readable: boolean;
  /** Takes and handles messages until there are none, or enough for a turn: then it returns true. */
  drain(): boolean;
}

/** Options of a poller. */
export interface PollerOptions {
  /**
   * After it had something to do it waits so long on the program's own thread, in milliseconds, before it
   * has another one wait; 0 by default. Two hops between threads are saved where the next message is
   * near, but nothing else runs meanwhile: only for programs that have sockets and nothing else.
   */
  readonly patienceMs?: number;
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
  readonly #waiter = new Waiter();
  readonly #sources = new Set<PollSource>();
  /** The same in the order in which the waiter has them; undefined when it must be told anew. */
  #watched: readonly PollSource[] | undefined;
  /** Sources that may hold messages which no file descriptor will announce any more. */
  readonly #hot = new Set<PollSource>();
  #waiting = false;
  #stopped = false;
  #waitEnd = Promise.withResolvers<void>();
  readonly #patienceMs: number;
  readonly #loop: Promise<void>;

  constructor({ patienceMs = 0 }: PollerOptions = {}) {
    this.#patienceMs = patienceMs;
    this.#loop = this.#run();
  }

  /** Sockets it serves. */
  get size(): number {
    return this.#sources.size;
  }

  /** Serves `source` from now on, beginning with what it already holds. */
  attach(source: PollSource): void {
    this.#sources.add(source);
    this.#watched = undefined;
    this.#look(source);
  }

  /**
   * Owed after every send on `source`: a send can take the announcement of an incoming message away from
   * the file descriptor.
   */
  sent(source: PollSource): void {
    if (!this.#sources.has(source)) return;
    // While it waits, waking it is the dearer part; else the next turn looks, once for many sends.
    if (!this.#waiting || source.readable) this.#look(source);
  }

  /** Lets go of `source`; when this resolves, its file descriptor may be closed. */
  async detach(source: PollSource): Promise<void> {
    this.#sources.delete(source);
    this.#watched = undefined;
    this.#hot.delete(source);
    if (!this.#waiting) return;
    this.#waiter.wake();
    await this.#waitEnd.promise;
  }

  /** Ends the loop. Sockets still attached are no longer served; closing them is their owners' part. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#stopped) {
      this.#stopped = true;
      this.#waiter.wake();
    }
    await this.#loop;
  }

  #look(source: PollSource): void {
    if (this.#hot.has(source)) return;
    this.#hot.add(source);
    if (this.#waiting) this.#waiter.wake();
  }

  async #run(): Promise<void> {
    let patienceMs = 0;
    while (!this.#stopped) {
      this.#hearAnnouncements(this.#hot.size === 0 ? patienceMs : 0);
      if (this.#hot.size === 0) {
        patienceMs = 0;
        await this.#wait();
      } else {
        patienceMs = this.#patienceMs;
        this.#drainAll();
        // A breath for the rest of the program: timers, files, the web server.
        await new Promise((done) => setImmediate(done));
      }
    }
    this.#waiter.close();
  }

  /** Has those looked at whose file descriptors say so. */
  #hearAnnouncements(patienceMs: number): void {
    if (!this.#watched) {
      this.#watched = [...this.#sources];
      this.#waiter.watch(this.#watched.map(({ fd }) => fd));
    }
    for (const index of this.#waiter.ready(patienceMs)) this.#hot.add(this.#watched[index]!);
  }

  async #wait(): Promise<void> {
    this.#waiting = true;
    await this.#waiter.wait();
    this.#waiting = false;
    this.#waitEnd.resolve();
    this.#waitEnd = Promise.withResolvers();
  }

  #drainAll(): void {
    const turn = [...this.#hot];
    this.#hot.clear();
    for (const source of turn) {
      if (this.#stopped || !this.#sources.has(source)) continue;
      if (source.drain() && this.#sources.has(source)) this.#hot.add(source);
    }
  }
}
