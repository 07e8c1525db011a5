/**
 * One lane: does what {@link step} says with a socket it is given, and tells it what happened.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import { REPLY_TRIES_MAX } from "../limits.ts";
import { decodeAtWorker, type Frames } from "./frames.ts";
import type { Log } from "./log.ts";
import {
  newSession,
  nextTickMs,
  type Request,
  type SessionAction,
  type SessionConfig,
  type SessionEvent,
  type SessionState,
  step,
} from "./session.ts";

/** The part of a socket a lane needs. */
export interface LaneSocket {
  send(frames: Frames): "sent" | "full" | "unroutable";
  close(): Promise<void>;
}

/** What a lane's socket tells it. */
export interface LaneListener {
  onMessage(frames: Frames): void;
  onConnection(state: "up" | "down"): void;
  /** Whether a request is being worked on, so that nothing is needed from the broker before the reply. */
  isBusy(): boolean;
}

/** What lanes of one worker share. */
export interface LaneHost {
  readonly config: SessionConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: LaneCounters;
  /** A new DEALER on its way to the broker. */
  open(listener: LaneListener): LaneSocket;
  handler(request: { body: Frames; client: Uint8Array }): Frames | Promise<Frames>;
  /** The reply for a request whose handler failed. */
  onFailure(error: unknown): Frames;
  /** Called after every change of a lane. */
  onChange(lane: Lane, before: SessionState): void;
}

/** What happened on all lanes together. */
export interface LaneCounters {
  /** Requests handed to the handler. */
  requests: number;
  /** Replies handed to libzmq. */
  replies: number;
  /** Handlers that rejected; each was answered all the same. */
  failures: number;
  /** Messages that are no command of the dialect. */
  malformed: number;
  /** Requests not handled: too many at once on a lane, or taken back by the end of a conversation. */
  droppedRequests: number;
  /** Replies with nowhere to go, because the conversation they belong to is over. */
  droppedReplies: number;
  /** Conversations begun after the first one of each lane. */
  reconnects: number;
}

/** Pause before a full socket is offered a reply again; it doubles. */
const RETRY_FIRST_MS = 5;
const EMPTY_REPLY: Frames = [new Uint8Array(0)];

/** One worker identity. */
export class Lane {
  readonly #host: LaneHost;
  readonly #stopped = Promise.withResolvers<void>();
  #state: SessionState;
  #socket: LaneSocket | undefined;
  /** What is being dealt with, and what came of it. */
  readonly #events: SessionEvent[] = [];
  readonly #retries = new Set<() => void>();
  #heardAtMs = -Infinity;
  #closing: Promise<unknown> = Promise.resolve();
  #conversations = 0;

  constructor(host: LaneHost) {
    this.#host = host;
    this.#state = newSession(host.config, host.clock.monotonic());
  }

  /** The machine's state. */
  get state(): SessionState {
    return this.#state;
  }

  /** When a broker last said something valid, on the monotonic clock; -Infinity when never. */
  get heardAtMs(): number {
    return this.#heardAtMs;
  }

  /** When it wants {@link tick} next, on the monotonic clock. */
  get nextTickMs(): number {
    return nextTickMs(this.#host.config, this.#state);
  }

  /** Time passed. The first call opens the conversation. */
  tick(): void {
    this.#dispatch({ type: "tick" });
  }

  /** Takes no more requests; resolves when the running one is answered and the socket is closed. */
  async stop(): Promise<void> {
    this.#dispatch({ type: "stop" });
    await this.#stopped.promise;
    await this.#closing;
  }

  /** Ends at once, without the reply that is being worked on. */
  abandon(): void {
    this.#dispatch({ type: "abandon" });
  }

  #dispatch(event: SessionEvent): void {
    // What an action brings about at once, such as a reply, comes after all the others.
    if (this.#events.push(event) > 1) return;
    try {
      for (const next of this.#events) this.#step(next);
    } finally {
      this.#events.length = 0;
    }
  }

  #step(event: SessionEvent): void {
    const before = this.#state;
    const { state, actions } = step(
      this.#host.config,
      before,
      event,
      this.#host.clock.monotonic(),
      Math.random(),
    );
    this.#state = state;
    for (const action of actions) this.#perform(action);
    this.#host.onChange(this, before);
    if (state.phase === "stopped") this.#stopped.resolve();
  }

  #perform(action: SessionAction): void {
    const { counters, log } = this.#host;
    switch (action.do) {
      case "open":
        return this.#open(action.ready);
      case "send":
        return this.#send(action.frames);
      case "reply":
        return this.#reply(this.#socket, action.frames, 1);
      case "handle":
        return this.#handle(action.request);
      case "drop":
        if (action.what === "request") counters.droppedRequests += 1;
        else counters.droppedReplies += 1;
        return log.debug(`a ${action.what} was dropped`, { reason: action.reason });
      case "close":
        return this.#close(action.reason);
    }
  }

  #open(ready: Frames): void {
    if (this.#conversations > 0) this.#host.counters.reconnects += 1;
    this.#conversations += 1;
    const conversation = this.#conversations;
    const current = () => conversation === this.#conversations && this.#socket !== undefined;
    try {
      this.#socket = this.#host.open({
        onMessage: (frames) => current() && this.#receive(frames),
        onConnection: (state) => current() && this.#dispatch({ type: state }),
        isBusy: () => this.#state.client !== undefined,
      });
    } catch (error) {
      // The first time it is the endpoint, later there were too many sockets: that may pass.
      if (conversation === 1) throw error;
      this.#host.log.error("no socket for a lane", { error: messageOf(error) });
      return this.#dispatch({ type: "broken" });
    }
    this.#send(ready);
  }

  #close(reason: string): void {
    const socket = this.#socket;
    this.#socket = undefined;
    for (const giveUp of this.#retries) giveUp();
    if (socket) this.#closing = socket.close();
    this.#host.log.debug("a conversation with the broker is over", { reason });
  }

  #receive(frames: Frames): void {
    const command = decodeAtWorker(frames, this.#state.dialect);
    if (command.kind === "invalid") {
      this.#host.counters.malformed += 1;
      this.#host.log.debug("a message from the broker was dropped", { reason: command.reason });
      return;
    }
    this.#heardAtMs = this.#host.clock.monotonic();
    this.#dispatch({ type: "command", command });
  }

  #handle(request: Request): void {
    const { counters, handler } = this.#host;
    counters.requests += 1;
    const finish = (reply: Frames) => this.#dispatch({ type: "finished", reply });
    try {
      const reply = handler({ body: request.body, client: request.client });
      if (!(reply instanceof Promise)) return finish(reply);
      reply.then(finish, (error) => finish(this.#failure(error)));
    } catch (error) {
      finish(this.#failure(error));
    }
  }

  #failure(error: unknown): Frames {
    const { counters, log, onFailure } = this.#host;
    counters.failures += 1;
    log.error("the handler of a request failed", { error: messageOf(error) });
    try {
      return onFailure(error);
    } catch (second) {
      log.error("the reply for a failed handler failed too", { error: messageOf(second) });
      return EMPTY_REPLY;
    }
  }

  /** READY, HEARTBEAT and DISCONNECT: when the socket is full, nobody misses another one. */
  #send(frames: Frames): void {
    this.#socket?.send(frames);
  }

  #reply(socket: LaneSocket | undefined, frames: Frames, attempt: number): void {
    if (!socket) return;
    if (socket.send(frames) === "sent") this.#host.counters.replies += 1;
    else this.#replyLater(socket, frames, attempt);
  }

  #replyLater(socket: LaneSocket, frames: Frames, attempt: number): void {
    const { clock, counters, log } = this.#host;
    if (attempt >= REPLY_TRIES_MAX) {
      counters.droppedReplies += 1;
      log.warn("the broker takes no replies; the conversation starts anew", { attempt });
      // A broker that waits for this reply would never send another request.
      return this.#dispatch({ type: "broken" });
    }
    const cancel = clock.after(RETRY_FIRST_MS * 2 ** (attempt - 1), () => {
      this.#retries.delete(giveUp);
      this.#reply(socket, frames, attempt + 1);
    });
    const giveUp = () => {
      cancel();
      this.#retries.delete(giveUp);
      counters.droppedReplies += 1;
    };
    this.#retries.add(giveUp);
  }
}
