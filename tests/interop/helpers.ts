/** What the interop tests share. */

import assert from "node:assert/strict";
import { type Peer, type PeerFrame, startPeer } from "../helpers/python.ts";

/** The service under its default name. */
export const STATE = "org.plantd.State";

/** The ways of speaking Majordomo. */
export const DIALECTS = ["mdp01", "mdp02", "plantd02"] as const;

/** One of {@link DIALECTS}. */
export type Dialect = (typeof DIALECTS)[number];

/** What comes back for one JSON frame. */
// deno-lint-ignore no-explicit-any
export type Reply = any;

/** A python client of a broker. */
export class PythonClient implements AsyncDisposable {
  private constructor(readonly peer: Peer) {}

  static async start(
    endpoint: string,
    dialect: Dialect = "mdp01",
    kind: "req" | "dealer" = "dealer",
  ): Promise<PythonClient> {
    const peer = startPeer("client.py", endpoint, dialect, kind);
    await peer.next("started");
    return new PythonClient(peer);
  }

  /** Asks `service`, and resolves with the whole message that came back. */
  async frames(service: string, body: readonly PeerFrame[]): Promise<PeerFrame[]> {
    await this.peer.tell({ service, body });
    return (await this.peer.next("reply")).frames as PeerFrame[];
  }

  /** Asks `service`, and resolves with the body that came back. */
  async body(service: string, body: readonly PeerFrame[]): Promise<PeerFrame[]> {
    await this.peer.tell({ service, body });
    return (await this.peer.next("reply")).body as PeerFrame[];
  }

  /** Asks the state service once, and parses its reply. */
  async state(operation: string, fields: unknown = {}): Promise<Reply> {
    const frames = await this.body(STATE, [operation, JSON.stringify(fields)]);
    assert.equal(frames.length, 1);
    return JSON.parse(frames[0] as string);
  }

  /** Sends frames as they stand. */
  async raw(frames: readonly PeerFrame[]): Promise<void> {
    await this.peer.tell({ raw: frames });
    await this.peer.next("sent");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.peer[Symbol.asyncDispose]();
  }
}

/** A python publisher. */
export class PythonPublisher implements AsyncDisposable {
  private constructor(readonly peer: Peer) {}

  static async start(
    endpoint: string,
    mode: "connect" | "bind" = "connect",
  ): Promise<PythonPublisher> {
    const peer = startPeer("publisher.py", endpoint, mode);
    await peer.next("started");
    return new PythonPublisher(peer);
  }

  /** Resolves when somebody has subscribed to `topic`. */
  async untilSubscribed(topic: string): Promise<void> {
    await this.peer.tell({ wait: topic });
    await this.peer.next("subscribed");
  }

  /** Resolves when nobody is subscribed to anything any more. */
  async untilLost(): Promise<void> {
    await this.peer.tell({ lost: true });
    await this.peer.next("lost");
  }

  async publish(...frames: PeerFrame[]): Promise<void> {
    await this.peer.tell({ publish: frames });
    await this.peer.next("published");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.peer[Symbol.asyncDispose]();
  }
}
