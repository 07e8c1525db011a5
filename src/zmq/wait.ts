/**
 * Waiting for file descriptors. poll(2) runs on a thread of its own through the foreign function
 * interface, so that the event loop goes on meanwhile; where that is refused or the platform has no
 * poll(2), a timer of one millisecond takes its place.
 *
 * Why not the addon's own `receive()`: Deno's `uv_poll` fires once and stops (denoland/deno#36317), so
 * that a pending receive goes deaf when a peer connects or restarts.
 *
 * @module
 */

import { openLibc } from "./libc.ts";

/** `events` and `revents` of poll(2): there is something to read. The same number on every POSIX. */
const POLLIN = 0x001;
/** Bytes of a `struct pollfd`: int fd, short events, short revents. */
const POLLFD_BYTES = 8;
/** Turn of the fallback, and the pause after a poll(2) that failed, in milliseconds. */
const FALLBACK_MS = 1;

const SYMBOLS = {
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32", nonblocking: true },
  /** The same on this thread: a look without waiting costs a twentieth of a hop to another thread. */
  pollNow: { name: "poll", parameters: ["buffer", "usize", "i32"], result: "i32" },
  pipe: { parameters: ["buffer"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Tells which of some file descriptors can be read, and waits until one can. */
export interface Waiter {
  /** How it waits, for health and logs. */
  readonly kind: "poll" | "timer";
  /** From now on these are meant; no wait may be under way. */
  watch(fds: readonly number[]): void;
  /**
   * Indexes of those watched that may have something to read now. Too many is harmless, the caller looks
   * again.
   */
  ready(): readonly number[];
  /** Resolves when one of them may have something to read, or upon {@link wake}. One call at a time. */
  wait(): Promise<void>;
  /** Ends the wait that is under way, or the next one, at once. */
  wake(): void;
  /** Frees what it holds; no wait may be under way. */
  close(): void;
}

/**
 * The best waiter this machine and these permissions allow.
 *
 * @example
 * ```ts
 * const waiter = openWaiter();
 * waiter.watch([fd]);
 * await waiter.wait();
 * waiter.ready(); // [0]
 * ```
 */
export function openWaiter(): Waiter {
  const libc = openLibc(SYMBOLS);
  return libc ? new PollWaiter(libc) : new TimerWaiter();
}

class PollWaiter implements Waiter {
  readonly kind = "poll";
  readonly #libc: Deno.DynamicLibrary<typeof SYMBOLS>;
  readonly #wakeRead: number;
  readonly #wakeWrite: number;
  readonly #byte = new Uint8Array(64);
  /** A `struct pollfd` for each file descriptor, and one for the pipe that {@link wake} writes to. */
  #asked = new DataView(new ArrayBuffer(0));
  #bytes = new Uint8Array(0);
  #count = 0;
  #woken = false;

  constructor(libc: Deno.DynamicLibrary<typeof SYMBOLS>) {
    this.#libc = libc;
    const ends = new Int32Array(2);
    if (libc.symbols.pipe(ends) !== 0) throw new Error("pipe(2) failed");
    [this.#wakeRead, this.#wakeWrite] = ends as unknown as [number, number];
    this.watch([]);
  }

  watch(fds: readonly number[]): void {
    this.#count = fds.length;
    this.#bytes = new Uint8Array((fds.length + 1) * POLLFD_BYTES);
    this.#asked = new DataView(this.#bytes.buffer);
    [...fds, this.#wakeRead].forEach((fd, i) => {
      this.#asked.setInt32(i * POLLFD_BYTES, fd, true);
      this.#asked.setInt16(i * POLLFD_BYTES + 4, POLLIN, true);
    });
  }

  ready(): readonly number[] {
    const found = this.#libc.symbols.pollNow(this.#bytes, BigInt(this.#count), 0);
    if (found === 0) return [];
    const indexes: number[] = [];
    // Below zero it could not tell, so each may be ready.
    for (let i = 0; i < this.#count; i++) if (found < 0 || this.#answer(i) !== 0) indexes.push(i);
    return indexes;
  }

  async wait(): Promise<void> {
    const found = await this.#libc.symbols.poll(this.#bytes, BigInt(this.#count + 1), -1);
    if (found < 0) {
      // EINTR, or no memory just now. Pause so as never to spin.
      await new Promise((done) => setTimeout(done, FALLBACK_MS));
    } else if (this.#answer(this.#count) !== 0) {
      this.#libc.symbols.read(this.#wakeRead, this.#byte, BigInt(this.#byte.length));
      this.#woken = false;
    }
  }

  wake(): void {
    // One byte at the most is ever in the pipe: it cannot fill up and block.
    if (this.#woken) return;
    this.#woken = true;
    this.#libc.symbols.write(this.#wakeWrite, this.#byte, 1n);
  }

  close(): void {
    this.#libc.symbols.close(this.#wakeRead);
    this.#libc.symbols.close(this.#wakeWrite);
    this.#libc.close();
  }

  #answer(index: number): number {
    return this.#asked.getInt16(index * POLLFD_BYTES + 6, true);
  }
}

class TimerWaiter implements Waiter {
  readonly kind = "timer";
  #indexes: readonly number[] = [];
  #toldAtMs = -Infinity;

  watch(fds: readonly number[]): void {
    this.#indexes = fds.map((_, i) => i);
  }

  ready(): readonly number[] {
    const nowMs = performance.now();
    if (nowMs - this.#toldAtMs < FALLBACK_MS) return [];
    this.#toldAtMs = nowMs;
    return this.#indexes;
  }

  async wait(): Promise<void> {
    await new Promise((done) => setTimeout(done, FALLBACK_MS));
  }

  wake(): void {}

  close(): void {}
}
