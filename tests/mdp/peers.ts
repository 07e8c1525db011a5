/** Peers for tests that are not ours: a strict broker, raw workers and raw clients. */

import assert from "node:assert/strict";
import { decodeAtBroker, type Dialect, type Frames, type ToBroker } from "../../src/mdp/frames.ts";
import type { Poller } from "../../src/zmq/poller.ts";
import { Socket, type SocketOptions } from "../../src/zmq/socket.ts";
import { Inbox, until } from "../helpers/async.ts";
import { CLIENT_AT, type Part, show, wire } from "./wire.ts";

/** What a peer said to the strict broker. */
export interface Heard {
  from: Uint8Array;
  command: Exclude<ToBroker, { kind: "request" }>;
}

/**
 * A broker that does nothing by itself and fails the test when a worker breaks the rules: READY comes
 * first and once for each identity, a reply only for a request, nothing after DISCONNECT.
 */
export class StrictBroker implements AsyncDisposable {
  readonly #socket: Socket;
  readonly dialect: Dialect;
  endpoint = "";
  /** All that was said, in order. */
  readonly heard: Heard[] = [];
  readonly replies = new Inbox<Heard & { command: { kind: "final" } }>();
  /** Workers that said READY and not DISCONNECT, by address in hex. */
  readonly ready = new Map<string, Uint8Array>();
  /** Broken rules. */
  readonly faults: string[] = [];
  /** Called with each READY. */
  onReady: (from: Uint8Array) => void = () => {};
  readonly #owed = new Map<string, string[]>();
  readonly #ended = new Set<string>();

  private constructor(poller: Poller, dialect: Dialect) {
    this.dialect = dialect;
    this.#socket = Socket.open(poller, "router", {
      onMessage: (frames) => this.#receive(frames),
      mandatory: true,
      lingerMs: 200,
    });
  }

  static async bind(
    poller: Poller,
    dialect: Dialect = "mdp01",
    endpoint = "tcp://127.0.0.1:*",
  ): Promise<StrictBroker> {
    const broker = new StrictBroker(poller, dialect);
    // A port that was in use a moment ago takes another one to become free.
    await until("the port is free", async () => {
      try {
        broker.endpoint = await broker.#socket.bind(endpoint);
        return true;
      } catch {
        return false;
      }
    });
    return broker;
  }

  request(worker: Uint8Array, client: Uint8Array, ...body: Part[]): void {
    const key = show([worker])[0]!;
    this.#owed.set(key, [...this.#owed.get(key) ?? [], show([client])[0]!]);
    this.send(worker, wire[this.dialect].toWorker(client, ...body));
  }

  beat(worker: Uint8Array): void {
    this.send(worker, wire[this.dialect].beatToWorker());
  }

  disconnect(worker: Uint8Array): void {
    const key = show([worker])[0]!;
    this.#ended.add(key);
    this.ready.delete(key);
    this.send(worker, wire[this.dialect].byeToWorker());
  }

  send(worker: Uint8Array, frames: Frames): void {
    void this.#socket.send([worker, ...frames]);
  }

  /** Resolves with the workers when there are `count`. */
  async workers(count: number): Promise<Uint8Array[]> {
    await until(`${count} workers are ready`, () => this.ready.size === count);
    return [...this.ready.values()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#socket.close();
    assert.deepEqual(this.faults, []);
  }

  #receive([from, ...frames]: Frames): void {
    const command = decodeAtBroker(frames);
    const key = show([from!])[0]!;
    if (command.kind === "invalid" || command.kind === "request") {
      this.faults.push(`not of a worker: ${show(frames)}`);
      return;
    }
    this.heard.push({ from: from!, command });
    if (command.dialect !== this.dialect) return;
    const known = this.ready.has(key);
    // What was under way when DISCONNECT was sent is nobody's fault.
    if (this.#ended.has(key)) return;
    if (known === (command.kind === "ready")) this.faults.push(`${command.kind} at the wrong time`);
    if (command.kind === "ready") {
      this.ready.set(key, from!);
      this.onReady(from!);
    } else if (command.kind === "disconnect") {
      this.ready.delete(key);
    } else if (command.kind === "final") {
      const owed = this.#owed.get(key)?.shift();
      if (owed !== show([command.client])[0]) this.faults.push("a reply that is not owed");
      this.replies.put({ from: from!, command });
    }
  }
}

/** A DEALER that says what it is told. */
export class RawPeer implements AsyncDisposable {
  readonly socket: Socket;
  readonly inbox = new Inbox<Frames>();

  constructor(poller: Poller, endpoint: string, options: SocketOptions = {}) {
    this.socket = Socket.open(poller, "dealer", {
      onMessage: this.inbox.put,
      lingerMs: 200,
      ...options,
    });
    this.socket.connect(endpoint);
  }

  async say(frames: Frames): Promise<void> {
    assert.equal(await this.socket.send(frames), "sent");
  }

  /** The next message, readable. */
  async next(): Promise<string[]> {
    return show(await this.inbox.next());
  }

  /** The next message that is no heartbeat. */
  async nextCommand(dialect: Dialect): Promise<Frames> {
    const beat = show(wire[dialect].beatToWorker()).join();
    for (;;) {
      const frames = await this.inbox.next();
      if (show(frames).join() !== beat) return frames;
    }
  }

  /** As a worker: the client and the body of the next request. */
  async nextRequest(dialect: Dialect): Promise<{ client: Uint8Array; body: string[] }> {
    const frames = await this.nextCommand(dialect);
    const at = CLIENT_AT[dialect];
    return { client: frames[at]!, body: show(frames.slice(at + 2)) };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.socket.close();
  }
}
