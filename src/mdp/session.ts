/**
 * The worker's side of one lane, as a pure state machine: `(state, event, now, jitter)` to a new state
 * and what is to be done about it. No sockets, no timers, no randomness, so that every rule of RFC 7
 * and RFC 18 (MDP/Worker, "Opening and Closing a Connection", "Heartbeating") can be tested.
 *
 * A conversation begins with a new socket and READY, and ends with DISCONNECT, a lost connection or
 * silence. libzmq keeps what is sent before the connection is up, so READY waits in the socket for a
 * broker that is not there yet. One file, because the machine must be read whole.
 *
 * ```
 * gone --open--> waiting --REQUEST--> busy --finished--> waiting
 *   ^               |                  |
 *   +----- over ----+                  +-- over --> orphaned --finished--> gone
 * ```
 *
 * @module
 */

import { LANE_QUEUE_MAX } from "../limits.ts";
import { type Dialect, DIALECTS, encodeToBroker, type Frames, type ToWorker } from "./frames.ts";

/** What does not change during the life of a lane. */
export interface SessionConfig {
  readonly service: string;
  readonly heartbeatMs: number;
  /** Heartbeat intervals of silence after which a broker counts as gone. */
  readonly liveness: number;
  readonly dialect: Dialect | "auto";
}

/**
 * - `gone`: no conversation; one begins at `reopenAtMs`.
 * - `waiting`: READY is out, no request in hand.
 * - `busy`: the handler has a request.
 * - `orphaned`: the handler has a request whose conversation is over; its reply has nowhere to go.
 * - `stopped`: for ever.
 */
export type Phase = "gone" | "waiting" | "busy" | "orphaned" | "stopped";

/** A request as the broker gave it. */
export type Request = Extract<ToWorker, { kind: "request" }>;

/** All a lane remembers. */
export interface SessionState {
  readonly phase: Phase;
  readonly dialect: Dialect;
  /** The connection of this conversation came up. */
  readonly up: boolean;
  /** A broker said something valid in this conversation. */
  readonly heard: boolean;
  /** No further requests are taken. */
  readonly stopping: boolean;
  readonly openedAtMs: number;
  readonly silentSinceMs: number;
  readonly sentAtMs: number;
  readonly reopenAtMs: number;
  /** Conversations in a row that ended within a heartbeat interval. */
  readonly shortLived: number;
  /** The address the running request's reply goes to. */
  readonly client: Uint8Array | undefined;
  /** What an impatient broker sent while the lane was busy. */
  readonly queue: readonly Request[];
}

/**
 * What happens to a lane. `up` and `down` are hints about the connection; `broken` says that the
 * socket is of no use.
 */
export type SessionEvent =
  | { readonly type: "command"; readonly command: ToWorker }
  | { readonly type: "finished"; readonly reply: Frames }
  | { readonly type: "tick" }
  | { readonly type: "up" }
  | { readonly type: "down" }
  | { readonly type: "broken" }
  | { readonly type: "stop" }
  | { readonly type: "abandon" };

/** Why a request or a reply came to nothing. */
export type DropReason = "pipelined" | "conversation_over" | "stopping";

/** Why a conversation ended. */
export type EndReason = "disconnect" | "connection_down" | "broken" | "silence" | "stop";

/** What the lane's driver has to do, in order. */
export type SessionAction =
  | { readonly do: "open"; readonly ready: Frames }
  | { readonly do: "send"; readonly frames: Frames }
  /** As `send`, but it must be tried again when the socket is full (W7). */
  | { readonly do: "reply"; readonly frames: Frames }
  | { readonly do: "handle"; readonly request: Request }
  | { readonly do: "drop"; readonly what: "request" | "reply"; readonly reason: DropReason }
  | { readonly do: "close"; readonly reason: EndReason };

/** A new state and what is to be done. */
export interface Step {
  readonly state: SessionState;
  readonly actions: readonly SessionAction[];
}

const NOTHING: readonly SessionAction[] = [];
/** The second short conversation in a row waits this long, the next one twice as long. */
const BACK_OFF_FIRST_MS = 50;

/** A lane before its first tick, which opens the conversation. */
export function newSession(config: SessionConfig, nowMs: number): SessionState {
  return {
    phase: "gone",
    dialect: config.dialect === "auto" ? DIALECTS[0]! : config.dialect,
    up: false,
    heard: false,
    stopping: false,
    openedAtMs: nowMs,
    silentSinceMs: nowMs,
    sentAtMs: nowMs,
    reopenAtMs: nowMs,
    shortLived: 0,
    client: undefined,
    queue: [],
  };
}

/** When the next `tick` is due; Infinity when none is. */
export function nextTickMs(config: SessionConfig, state: SessionState): number {
  switch (state.phase) {
    case "gone":
      return state.reopenAtMs;
    case "waiting": {
      const silentAt = state.silentSinceMs + config.heartbeatMs * config.liveness;
      return reachable(state) ? Math.min(silentAt, state.sentAtMs + config.heartbeatMs) : silentAt;
    }
    case "busy":
      return reachable(state) ? state.sentAtMs + config.heartbeatMs : Infinity;
    default:
      return Infinity;
  }
}

/**
 * The machine.
 *
 * @param jitter from 0 to 1, for the pause in a storm.
 *
 * @example
 * ```ts
 * let state = newSession(config, 0);
 * ({ state, actions } = step(config, state, { type: "tick" }, 0, 0.5)); // actions: open, with READY
 * ```
 */
export function step(
  config: SessionConfig,
  state: SessionState,
  event: SessionEvent,
  nowMs: number,
  jitter: number,
): Step {
  if (state.phase === "stopped") return { state, actions: NOTHING };
  switch (event.type) {
    case "command":
      return onCommand(config, state, event.command, nowMs, jitter);
    case "finished":
      return onFinished(config, state, event.reply, nowMs);
    case "tick":
      return onTick(config, state, nowMs, jitter);
    case "up":
      return onUp(config, state, nowMs, jitter);
    case "down":
      // READY may be gone, up or not: a peer of ZMTP 1.0 takes it without a handshake.
      return over(config, state, "connection_down", nowMs, jitter);
    case "broken":
      return over(config, state, "broken", nowMs, jitter);
    case "stop":
      return onStop(state);
    case "abandon":
      return stopped(state, dropped(state.phase === "busy" ? ["reply"] : [], "stopping"));
  }
}

/** Without a connection heartbeats would only pile up behind READY. */
function reachable(state: SessionState): boolean {
  return state.up || state.heard;
}

function conversing(state: SessionState): boolean {
  return state.phase === "waiting" || state.phase === "busy";
}

function onCommand(
  config: SessionConfig,
  state: SessionState,
  command: ToWorker,
  nowMs: number,
  jitter: number,
): Step {
  if (!conversing(state)) return { state, actions: NOTHING };
  if (command.kind === "disconnect") return over(config, state, "disconnect", nowMs, jitter);
  if (command.kind === "heartbeat") {
    return { state: { ...state, heard: true, silentSinceMs: nowMs }, actions: NOTHING };
  }
  if (state.stopping) return { state, actions: dropped(["request"], "stopping") };
  if (state.phase === "waiting") {
    return {
      state: { ...state, phase: "busy", client: command.client, heard: true, silentSinceMs: nowMs },
      actions: [{ do: "handle", request: command }],
    };
  }
  // One request at a time is the broker's duty; the lane serves what comes early in turn.
  if (state.queue.length >= LANE_QUEUE_MAX) {
    return { state, actions: dropped(["request"], "pipelined") };
  }
  const queue = [...state.queue, command];
  return { state: { ...state, queue, heard: true, silentSinceMs: nowMs }, actions: NOTHING };
}

function onFinished(
  config: SessionConfig,
  state: SessionState,
  body: Frames,
  nowMs: number,
): Step {
  if (state.phase === "orphaned") {
    const idle: SessionState = { ...state, phase: "gone", client: undefined };
    const lost = dropped(["reply"], "conversation_over");
    if (state.stopping) return stopped(idle, lost);
    if (nowMs < state.reopenAtMs) return { state: idle, actions: lost };
    const opened = open(config, idle, nowMs);
    return { state: opened.state, actions: [...lost, ...opened.actions] };
  }
  if (state.phase !== "busy") return { state, actions: NOTHING };
  const { dialect } = state;
  const frames = encodeToBroker({ kind: "final", dialect, client: state.client!, body });
  const reply: SessionAction = { do: "reply", frames };
  if (state.stopping) return stopped(state, [reply]);
  const next = state.queue[0];
  // The broker may have been silent all the while (zguide's beats only for idle workers), so its
  // silence counts from here.
  const after: SessionState = {
    ...state,
    phase: next ? "busy" : "waiting",
    client: next?.client,
    queue: next ? state.queue.slice(1) : state.queue,
    sentAtMs: nowMs,
    silentSinceMs: nowMs,
  };
  return { state: after, actions: next ? [reply, { do: "handle", request: next }] : [reply] };
}

function onTick(config: SessionConfig, state: SessionState, nowMs: number, jitter: number): Step {
  if (state.phase === "gone") {
    return nowMs >= state.reopenAtMs ? open(config, state, nowMs) : { state, actions: NOTHING };
  }
  const silentAtMs = state.silentSinceMs + config.heartbeatMs * config.liveness;
  if (state.phase === "waiting" && nowMs >= silentAtMs) {
    return over(config, state, "silence", nowMs, jitter);
  }
  const beatDue = conversing(state) && reachable(state) &&
    nowMs >= state.sentAtMs + config.heartbeatMs;
  if (!beatDue) return { state, actions: NOTHING };
  const frames = encodeToBroker({ kind: "heartbeat", dialect: state.dialect });
  return { state: { ...state, sentAtMs: nowMs }, actions: [{ do: "send", frames }] };
}

function onUp(config: SessionConfig, state: SessionState, nowMs: number, jitter: number): Step {
  if (!conversing(state)) return { state, actions: NOTHING };
  // A second connection under the same socket is a stranger to the broker: READY went with the first.
  if (state.up) return over(config, state, "connection_down", nowMs, jitter);
  // READY leaves only now, so silence and heartbeats count from here.
  return {
    state: { ...state, up: true, silentSinceMs: nowMs, sentAtMs: nowMs },
    actions: NOTHING,
  };
}

function onStop(state: SessionState): Step {
  if (state.phase === "busy" || state.phase === "orphaned") {
    const actions = dropped(state.queue.map(() => "request"), "stopping");
    return { state: { ...state, stopping: true, queue: [] }, actions };
  }
  return stopped(state, NOTHING);
}

/** Says goodbye where someone listens, and ends the lane. */
function stopped(state: SessionState, before: readonly SessionAction[]): Step {
  const bye: SessionAction[] = conversing(state)
    ? [{ do: "send", frames: farewell(state.dialect) }, { do: "close", reason: "stop" }]
    : [];
  return {
    state: { ...state, phase: "stopped", up: false, heard: false, client: undefined, queue: [] },
    actions: [...before, ...bye],
  };
}

function farewell(dialect: Dialect): Frames {
  return encodeToBroker({ kind: "disconnect", dialect });
}

function open(config: SessionConfig, state: SessionState, nowMs: number): Step {
  const { dialect } = state;
  const ready = encodeToBroker({ kind: "ready", dialect, service: config.service });
  return {
    state: {
      ...state,
      phase: "waiting",
      up: false,
      heard: false,
      openedAtMs: nowMs,
      silentSinceMs: nowMs,
      sentAtMs: nowMs,
    },
    actions: [{ do: "open", ready }],
  };
}

/** Ends the conversation, and begins the next one at once unless they end in a storm. */
function over(
  config: SessionConfig,
  state: SessionState,
  reason: EndReason,
  nowMs: number,
  jitter: number,
): Step {
  if (!conversing(state)) return { state, actions: NOTHING };
  const brief = nowMs - state.openedAtMs < config.heartbeatMs;
  const shortLived = brief ? state.shortLived + 1 : 0;
  const reopenAtMs = nowMs + pauseMs(config, shortLived, jitter);
  const busy = state.phase === "busy";
  const ended: SessionState = {
    ...state,
    phase: busy ? "orphaned" : "gone",
    dialect: nextDialect(config, state, reason),
    up: false,
    heard: false,
    shortLived,
    reopenAtMs,
    queue: [],
  };
  const actions: SessionAction[] = [
    // A READY may still wait in the socket, and leave for a broker that comes up while the socket
    // closes: with DISCONNECT behind it, this lane is not taken for two workers. After a DISCONNECT
    // W8 forbids it, and what went with a connection that was up needs no goodbye.
    ...(reason === "silence" || reason === "broken" || (reason === "connection_down" && !state.up)
      ? [{ do: "send", frames: farewell(state.dialect) } as const]
      : []),
    { do: "close", reason },
    ...dropped(state.queue.map(() => "request"), "conversation_over"),
  ];
  if (busy || reopenAtMs > nowMs) return { state: ended, actions };
  const opened = open(config, ended, nowMs);
  return { state: opened.state, actions: [...actions, ...opened.actions] };
}

/** None for the first brief conversation; then 50 ms doubling to half a heartbeat, less jitter. */
function pauseMs(config: SessionConfig, shortLived: number, jitter: number): number {
  if (shortLived < 2) return 0;
  const doubled = BACK_OFF_FIRST_MS * 2 ** Math.min(shortLived - 2, 20);
  return Math.min(doubled, config.heartbeatMs / 2) * (1 - jitter / 2);
}

/** `auto`: someone was there all the time and said nothing, so this may not be their dialect. */
function nextDialect(config: SessionConfig, state: SessionState, reason: EndReason): Dialect {
  if (config.dialect !== "auto" || reason !== "silence" || !state.up || state.heard) {
    return state.dialect;
  }
  return DIALECTS[(DIALECTS.indexOf(state.dialect) + 1) % DIALECTS.length]!;
}

function dropped(what: readonly ("request" | "reply")[], reason: DropReason): SessionAction[] {
  return what.map((what) => ({ do: "drop", what, reason }));
}
