/**
 * Tells the service manager how the process is doing, as sd_notify(3) does: datagrams to the socket
 * that NOTIFY_SOCKET names, through the C library, because Deno has no datagrams to abstract
 * addresses.
 *
 * @module
 */

import type { Log } from "./log.ts";

/** Numbers of Linux, the same on x86-64 and AArch64 (socket(2), send(2)). */
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** Bytes of `sun_path` in a `struct sockaddr_un` (unix(7)). */
const PATH_BYTES_MAX = 108;

/** Longest status in characters; it is one line of `systemctl status`. */
const STATUS_CHARS_MAX = 256;

const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  sendto: {
    parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"],
    result: "isize",
  },
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const encoder = new TextEncoder();

/**
 * A line to the service manager. Nothing here throws or waits: what cannot be sent is counted, logged
 * at `debug`, and the caller told, who may try again.
 *
 * @example
 * ```ts
 * using notifier = SdNotifier.open("/run/systemd/notify", logOf("systemd"));
 * notifier?.ready("waiting for the broker at tcp://127.0.0.1:9797");
 * ```
 */
export class SdNotifier implements Disposable {
  /** Notifications that could not be sent. */
  failures = 0;
  readonly #libc: Deno.DynamicLibrary<typeof SYMBOLS>;
  readonly #fd: number;
  readonly #address: Uint8Array<ArrayBuffer>;
  readonly #log: Log;
  #closed = false;

  private constructor(
    libc: Deno.DynamicLibrary<typeof SYMBOLS>,
    fd: number,
    address: Uint8Array<ArrayBuffer>,
    log: Log,
  ) {
    this.#libc = libc;
    this.#fd = fd;
    this.#address = address;
    this.#log = log;
  }

  /**
   * @param socket What NOTIFY_SOCKET says: a path, or `@` and an abstract name.
   * @returns Undefined, and a line in the log, where there is no talking to that address.
   */
  static open(socket: string, log: Log): SdNotifier | undefined {
    const address = addressOf(socket);
    if (Deno.build.os !== "linux" || address === undefined) {
      log.debug("the service manager cannot be told anything", { socket });
      return undefined;
    }
    try {
      const libc = Deno.dlopen("libc.so.6", SYMBOLS);
      const fd = libc.symbols.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
      if (fd >= 0) return new SdNotifier(libc, fd, address, log);
      libc.close();
      log.debug("the service manager cannot be told anything: socket(2) failed", { socket });
    } catch (error) {
      log.debug("the service manager cannot be told anything", { socket, reason: String(error) });
    }
    return undefined;
  }

  /** The process does from now on what it is there for; `status` is a line for people. */
  ready(status: string): boolean {
    return this.#send(`READY=1\nSTATUS=${oneLine(status)}`);
  }

  /** The process has begun to shut down. */
  stopping(): boolean {
    return this.#send("STOPPING=1\nSTATUS=stopping");
  }

  /** The process is able to do its work: the service manager need not kill it. */
  watchdog(): boolean {
    return this.#send("WATCHDOG=1");
  }

  /** A line for people, in `systemctl status`. */
  status(text: string): boolean {
    return this.#send(`STATUS=${oneLine(text)}`);
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#libc.symbols.close(this.#fd);
    this.#libc.close();
  }

  /** Does not block: a service manager that does not read must not stop the service. */
  #send(text: string): boolean {
    if (this.#closed) return false;
    const bytes = encoder.encode(text);
    const sent = this.#libc.symbols.sendto(
      this.#fd,
      bytes,
      BigInt(bytes.length),
      MSG_DONTWAIT | MSG_NOSIGNAL,
      this.#address,
      this.#address.length,
    );
    if (sent === BigInt(bytes.length)) return true;
    this.failures += 1;
    this.#log.debug("the service manager was not told", { text, failures: this.failures });
    return false;
  }
}

/** The `struct sockaddr_un` of what NOTIFY_SOCKET says. */
function addressOf(socket: string): Uint8Array<ArrayBuffer> | undefined {
  const isAbstract = socket.startsWith("@");
  if (!isAbstract && !socket.startsWith("/")) return undefined;
  // A NUL in front makes the name abstract, and its length counts; a path ends in a NUL instead.
  const name = encoder.encode(isAbstract ? `\0${socket.slice(1)}` : `${socket}\0`);
  if (name.length < 2 || name.length > PATH_BYTES_MAX) return undefined;
  const address = new Uint8Array(2 + name.length);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(name, 2);
  return address;
}

/** A line break would begin a further assignment. */
function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, " ").slice(0, STATUS_CHARS_MAX);
}
