/**
 * Waiting for file descriptors. poll(2) runs on a thread of its own through the foreign function
 * interface, so that the event loop goes on meanwhile.
 *
 * @module
 */

import { lib } from "./libzmq.ts";

/** `events` and `revents` of poll(2): there is something to read. The same number on every POSIX. */
const POLLIN = 0x001;
/** Bytes of a `struct pollfd`: int fd, short events, short revents. */
const POLLFD_BYTES = 8;
/** Pause after a poll(2) that failed, in milliseconds. */
const PAUSE_MS = 1;

/**
 * Tells which of some file descriptors can be read, and waits until one can.
 *
 * @example
 * ```ts
 * const waiter = new Waiter();
 * waiter.watch([fd]);
 * await waiter.wait();
 * waiter.ready(); // [0]
 * ```
 */
export class Waiter {
  readonly #wakeRead: number;
  readonly #wakeWrite: number;
  readonly #byte = new Uint8Array(64);
  /** A `struct pollfd` for each file descriptor, and one for the pipe that {@link wake} writes to. */
  #asked = new DataView(new ArrayBuffer(0));
  #bytes = new Uint8Array(0);
  #count = 0;
  #woken = false;

  constructor() {
    const ends = new Int32Array(2);
    if (lib.pipe(ends) !== 0) throw new Error("pipe(2) failed");
    [this.#wakeRead, this.#wakeWrite] = ends as unknown as [number, number];
    this.watch([]);
  }

  /** From now on these are meant; no wait may be under way. */
  watch(fds: readonly number[]): void {
    this.#count = fds.length;
    this.#bytes = new Uint8Array((fds.length + 1) * POLLFD_BYTES);
    this.#asked = new DataView(this.#bytes.buffer);
    [...fds, this.#wakeRead].forEach((fd, i) => {
      this.#asked.setInt32(i * POLLFD_BYTES, fd, true);
      this.#asked.setInt16(i * POLLFD_BYTES + 4, POLLIN, true);
    });
  }

  /**
   * Indexes of those watched that may have something to read now, or within `patienceMs`, during which the
   * whole program waits. Too many is harmless, the caller looks again.
   */
  ready(patienceMs = 0): readonly number[] {
    const found = lib.pollHere(this.#bytes, BigInt(this.#count), patienceMs);
    if (found === 0) return [];
    const indexes: number[] = [];
    // Below zero it could not tell, so each may be ready.
    for (let i = 0; i < this.#count; i++) if (found < 0 || this.#answer(i) !== 0) indexes.push(i);
    return indexes;
  }

  /** Resolves when one of them may have something to read, or upon {@link wake}. One call at a time. */
  async wait(): Promise<void> {
    const found = await lib.poll(this.#bytes, BigInt(this.#count + 1), -1);
    if (found < 0) {
      // EINTR, or no memory just now. Pause so as never to spin.
      await new Promise((done) => setTimeout(done, PAUSE_MS));
    } else if (this.#answer(this.#count) !== 0) {
      lib.read(this.#wakeRead, this.#byte, BigInt(this.#byte.length));
      this.#woken = false;
    }
  }

  /** Ends the wait that is under way, or the next one, at once. */
  wake(): void {
    // One byte at the most is ever in the pipe: it cannot fill up and block.
    if (this.#woken) return;
    this.#woken = true;
    lib.write(this.#wakeWrite, this.#byte, 1n);
  }

  /** Frees what it holds; no wait may be under way. */
  close(): void {
    lib.close(this.#wakeRead);
    lib.close(this.#wakeWrite);
  }

  #answer(index: number): number {
    return this.#asked.getInt16(index * POLLFD_BYTES + 6, true);
  }
}
