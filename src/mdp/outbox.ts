/**
 * Replies that a client's connection does not take at once. libzmq keeps a thousand messages for each
 * peer; a client that asks for more at a time, and reads, gets them all.
 *
 * @module
 */

import { OUTBOX_BYTES_MAX, OUTBOX_PEER_MAX } from "../limits.ts";
import { bytesOf, toKeep } from "./frames.ts";

/** Something to be sent to a peer; `frames` begin with the routing id. */
export interface Outgoing {
  readonly key: string;
  readonly frames: readonly Uint8Array[];
}

/** What becomes of a message that is handed to the socket. */
type Sent = "sent" | "full" | "unroutable";

/** Time a peer may take nothing before what waits for it is given up, in milliseconds. */
const PATIENCE_MS = 1000;

/** What waits for one peer. */
interface Queue<Action> {
  readonly waiting: Action[];
  /** When it took something for the last time. */
  progressMs: number;
}

/**
 * What waits for peers, in order for each.
 *
 * @example
 * ```ts
 * const outbox = new Outbox((frames) => socket.send(frames));
 * outbox.send(action, nowMs); // "sent", also when it waits
 * outbox.retry(nowMs + 10); // what was given up
 * ```
 */
export class Outbox<Action extends Outgoing> {
  readonly #send: (frames: readonly Uint8Array[]) => Sent;
  readonly #queues = new Map<string, Queue<Action>>();
  #bytes = 0;

  /** @param send Hands frames to the socket. */
  constructor(send: (frames: readonly Uint8Array[]) => Sent) {
    this.#send = send;
  }

  /** True while something waits. */
  get isWaiting(): boolean {
    return this.#queues.size > 0;
  }

  /** Sends `action`, now or later; "full" when so much waits that it never will be. */
  send(action: Action, nowMs: number): Sent {
    let queue = this.#queues.get(action.key);
    const sent = queue ? "full" : this.#send(action.frames);
    if (sent !== "full") return sent;
    const bytes = bytesOf(action.frames);
    const isOver = this.#bytes + bytes > OUTBOX_BYTES_MAX ||
      (queue?.waiting.length ?? 0) >= OUTBOX_PEER_MAX;
    if (isOver) return "full";
    if (!queue) this.#queues.set(action.key, queue = { waiting: [], progressMs: nowMs });
    queue.waiting.push({ ...action, frames: toKeep(action.frames) });
    this.#bytes += bytes;
    return "sent";
  }

  /** Sends what can be sent by now; returns what is given up, with the reason. */
  retry(nowMs: number): { readonly action: Action; readonly why: Exclude<Sent, "sent"> }[] {
    return [...this.#queues].flatMap(([key, queue]) => {
      const { waiting } = queue;
      let sent: Sent = "sent";
      let taken = 0;
      while (taken < waiting.length && (sent = this.#send(waiting[taken]!.frames)) === "sent") {
        taken += 1;
      }
      if (taken > 0) queue.progressMs = nowMs;
      this.#forget(waiting.splice(0, taken));
      if (waiting.length > 0 && sent === "full" && nowMs - queue.progressMs < PATIENCE_MS) {
        return [];
      }
      this.#queues.delete(key);
      this.#forget(waiting);
      const why = sent === "unroutable" ? sent : "full";
      return waiting.map((action) => ({ action, why }));
    });
  }

  #forget(actions: readonly Action[]): void {
    for (const { frames } of actions) this.#bytes -= bytesOf(frames);
  }
}
