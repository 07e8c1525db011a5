/**
 * What happens to a socket's connections, told over a PAIR that the {@link Poller} waits for like any
 * other (zmq_socket_monitor(3)).
 *
 * @module
 */

import { closeHandle, cString, type Handle, lastError, lib, openHandle, ZMQ } from "./libzmq.ts";
import { receive } from "./message.ts";
import { intOption } from "./native.ts";
import type { Poller, PollSource } from "./poller.ts";

/** Called when a peer's connection comes up (after the handshake) or goes down. */
export type OnConnection = (state: "up" | "down", address: string) => void;

/** Events of zmq_socket_monitor(3): two of its bytes, then the file descriptor where it tells one. */
const ACCEPTED = 0x0020;
const HANDSHAKE_SUCCEEDED = 0x1000;
const DISCONNECTED = 0x0200;

/** Names of monitors are used once in a process. */
let monitors = 0;

/** Follows one socket, until it is closed. */
export class Monitor implements PollSource {
  readonly fd: number;
  readonly #poller: Poller;
  readonly #watched: Handle;
  readonly #pair: Handle;
  readonly #onConnection: OnConnection;
  /** File descriptors of connections that were accepted. */
  readonly #accepted = new Set<number>();
  #closed = false;

  /** @throws {Error} When there are too many sockets. */
  constructor(poller: Poller, watched: Handle, onConnection: OnConnection) {
    this.#poller = poller;
    this.#watched = watched;
    this.#onConnection = onConnection;
    monitors += 1;
    const address = cString(`inproc://monitor-${monitors}`);
    this.#pair = openHandle("pair");
    const events = ACCEPTED | HANDSHAKE_SUCCEEDED | DISCONNECTED;
    if (
      lib.zmq_socket_monitor(watched, address, events) !== 0 ||
      lib.zmq_connect(this.#pair, address) !== 0
    ) {
      const error = lastError("cannot watch a socket");
      lib.zmq_socket_monitor(watched, null, 0);
      closeHandle(this.#pair);
      throw error;
    }
    this.fd = intOption(this.#pair, ZMQ.FD);
    poller.attach(this);
  }

  /** Connections of others that are open. */
  get accepted(): number {
    return this.#accepted.size;
  }

  get readable(): boolean {
    return false; // Nothing is ever sent to it, so nothing takes its announcements away.
  }

  drain(): boolean {
    while (!this.#closed) {
      const message = receive(this.#pair);
      if (!message) break;
      const [what, address] = message;
      const event = what![0]! | what![1]! << 8;
      const fd = what![2]! | what![3]! << 8 | what![4]! << 16 | what![5]! << 24;
      if (event === ACCEPTED) {
        this.#accepted.add(fd);
        continue;
      }
      if (event === DISCONNECTED) this.#accepted.delete(fd);
      this.#onConnection(
        event === HANDSHAKE_SUCCEEDED ? "up" : "down",
        new TextDecoder().decode(address),
      );
    }
    return false;
  }

  /** Lets go of the socket, which must still be open. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#poller.detach(this);
    // In this order: libzmq would wait for ever to tell a PAIR that nobody is connected to.
    lib.zmq_socket_monitor(this.#watched, null, 0);
    closeHandle(this.#pair);
  }
}
