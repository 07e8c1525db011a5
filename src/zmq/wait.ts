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

/** `events` and `revents` of poll(2): there is something to read. The same number on every POSIX. */
const POLLIN = 0x001;
/** Bytes of a `struct pollfd`: int fd, short events, short revents. */
const POLLFD_BYTES = 8;
/** Turn of the fallback, and the pause after a poll(2) that failed. */
const FALLBACK_MS = 1;

/** Names under which the C library is found, most likely first. */
const C_LIBRARIES = ["libc.so.6", "libSystem.B.dylib", "libc.so", "libc.musl-x86_64.so.1"];

const SYMBOLS = {
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32", nonblocking: true },
  pipe: { parameters: ["buffer"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Waits until one of some file descriptors can be read, or until it is woken. */
export interface Waiter {
  /** How it waits, for health and logs. */
  readonly kind: "poll" | "timer";
  /**
   * Resolves with the indexes into `fds` that may have something to read. Too many is harmless, the
   * caller looks again; `timeoutMs` of -1 waits for ever. One call at a time.
   */
  wait(fds: readonly number[], timeoutMs: number): Promise<readonly number[]>;
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
 * const ready = await waiter.wait([fd], -1); // [0]
 * ```
 */
export function openWaiter(): Waiter {
  for (const name of C_LIBRARIES) {
    try {
      return new PollWaiter(Deno.dlopen(name, SYMBOLS));
    } catch {
      // Not this name, or no permission for it: the next one, and in the end the timer.
    }
  }
  return new TimerWaiter();
}

class PollWaiter implements Waiter {
  readonly kind = "poll";
  readonly #libc: Deno.DynamicLibrary<typeof SYMBOLS>;
  readonly #wakeRead: number;
  readonly #wakeWrite: number;
  readonly #byte = new Uint8Array(64);
  #buffer = new DataView(new ArrayBuffer(64 * POLLFD_BYTES));
  #woken = false;

  constructor(libc: Deno.DynamicLibrary<typeof SYMBOLS>) {
    this.#libc = libc;
    const ends = new Int32Array(2);
    if (libc.symbols.pipe(ends) !== 0) throw new Error("pipe(2) failed");
    [this.#wakeRead, this.#wakeWrite] = ends as unknown as [number, number];
  }

  async wait(fds: readonly number[], timeoutMs: number): Promise<readonly number[]> {
    const count = fds.length + 1;
    if (this.#buffer.byteLength < count * POLLFD_BYTES) {
      this.#buffer = new DataView(new ArrayBuffer(2 * count * POLLFD_BYTES));
    }
    fds.forEach((fd, i) => this.#ask(i, fd));
    this.#ask(fds.length, this.#wakeRead);

    const bytes = new Uint8Array(this.#buffer.buffer);
    const ready = await this.#libc.symbols.poll(bytes, BigInt(count), timeoutMs);
    if (ready < 0) {
      // EINTR, or no memory just now. Everything may be ready; pause so as never to spin.
      await new Promise((done) => setTimeout(done, FALLBACK_MS));
      return fds.map((_, i) => i);
    }
    if (this.#answer(fds.length) !== 0) {
      this.#libc.symbols.read(this.#wakeRead, this.#byte, BigInt(this.#byte.length));
      this.#woken = false;
    }
    const indexes: number[] = [];
    for (let i = 0; i < fds.length; i++) if (this.#answer(i) !== 0) indexes.push(i);
    return indexes;
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

  #ask(index: number, fd: number): void {
    const at = index * POLLFD_BYTES;
    this.#buffer.setInt32(at, fd, true);
    this.#buffer.setInt16(at + 4, POLLIN, true);
    this.#buffer.setInt16(at + 6, 0, true);
  }

  #answer(index: number): number {
    return this.#buffer.getInt16(index * POLLFD_BYTES + 6, true);
  }
}

class TimerWaiter implements Waiter {
  readonly kind = "timer";

  async wait(fds: readonly number[], timeoutMs: number): Promise<readonly number[]> {
    await new Promise((done) => setTimeout(done, timeoutMs === 0 ? 0 : FALLBACK_MS));
    return fds.map((_, i) => i);
  }

  wake(): void {}

  close(): void {}
}
