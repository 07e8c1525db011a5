/**
 * A Majordomo service: N lanes, each a worker identity of its own, and one handler for them all.
 * Majordomo gives a worker one request at a time, so N lanes serve N requests at once.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import { PlantdError } from "../errors.ts";
import { LANES_MAX, MDP_LINGER_MS, WORKER_STOP_MS_MAX } from "../limits.ts";
import type { Poller } from "../zmq/poller.ts";
import { Socket } from "../zmq/socket.ts";
import { type Dialect, DIALECTS, type Frames } from "./frames.ts";
import { Lane, type LaneCounters, type LaneListener, type LaneSocket } from "./lane.ts";
import { type Log, silentLog } from "./log.ts";
import { isServiceName } from "./names.ts";
import type { SessionConfig, SessionState } from "./session.ts";

/** What the handler gets: the body, and the client's address (bytes, never text). */
export interface WorkerRequest {
  readonly body: Frames;
  readonly client: Uint8Array;
}

/** Options of a worker. */
export interface WorkerOptions {
  poller: Poller;
  /** Where the broker is, or will be. */
  endpoint: string;
  service: string;
  /** Answers a request, at once where it can; called without a turn of the event loop in between. */
  handler: (request: WorkerRequest) => Frames | Promise<Frames>;
  /** The reply when the handler rejects; one empty frame by default. Never silence (W7). */
  onFailure?: (error: unknown) => Frames;
  /** Requests served at once; 16 by default. */
  lanes?: number;
  /** 2500 by default. */
  heartbeatMs?: number;
  /** Intervals of silence after which the broker counts as gone; 3 by default. */
  liveness?: number;
  /** `auto` by default: mdp01, and the next when a broker is there and says nothing. */
  dialect?: Dialect | "auto";
  clock?: Clock;
  log?: Log;
}

/** How a worker is doing. */
export interface WorkerStatus extends Readonly<LaneCounters> {
  readonly lanes: number;
  /** Lanes that heard from a broker in their current conversation. */
  readonly connected: number;
  /** Lanes whose handler has a request. */
  readonly busy: number;
  readonly dialect: Dialect;
  /** Milliseconds since any lane last heard from a broker; undefined when none ever did. */
  readonly lastHeardMs: number | undefined;
}

const NO_REPLY: Frames = [new Uint8Array(0)];

/**
 * Serves requests until it is stopped; the broker may come, go and come back meanwhile.
 *
 * @example
 * ```ts
 * await using worker = Worker.start({
 *   poller,
 *   endpoint: "tcp://127.0.0.1:9797",
 *   service: "echo",
 *   handler: (request) => Promise.resolve(request.body),
 * });
 * ```
 */
export class Worker implements AsyncDisposable {
  readonly #options: WorkerOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #config: SessionConfig;
  readonly #lanes: readonly Lane[];
  readonly #counters: LaneCounters = {
    requests: 0,
    replies: 0,
    failures: 0,
    malformed: 0,
    droppedRequests: 0,
    droppedReplies: 0,
    reconnects: 0,
  };
  #connected = 0;
  #timerAtMs = Infinity;
  #cancelTimer: () => void = () => {};
  #stopped: Promise<void> | undefined;
  #stopping = false;

  private constructor(options: WorkerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#log = options.log ?? silentLog;
    this.#config = sessionConfig(options);
    const count = options.lanes ?? 16;
    mustBe(Number.isInteger(count) && count >= 1 && count <= LANES_MAX, {
      what: "lanes",
      need: `a whole number from 1 to ${LANES_MAX}`,
      found: String(count),
    });
    const host = {
      config: this.#config,
      clock: this.#clock,
      log: this.#log,
      counters: this.#counters,
      open: (listener: LaneListener) => this.#open(listener),
      handler: options.handler,
      onFailure: options.onFailure ?? (() => NO_REPLY),
      onChange: (lane: Lane, before: SessionState) => this.#changed(lane, before),
    };
    this.#lanes = Array.from({ length: count }, () => new Lane(host));
  }

  /**
   * Starts the lanes. It does not wait for the broker, which need not be there yet.
   *
   * @throws {PlantdError} `endpoint_invalid`, or `config_invalid` for any other option.
   */
  static start(options: WorkerOptions): Worker {
    const worker = new Worker(options);
    try {
      worker.#lanes[0]!.tick();
    } catch (error) {
      void worker.stop({ withinMs: 0 });
      throw error;
    }
    // The others in a moment: to open sixteen takes 10 ms, in which the first could answer.
    worker.#arm(worker.#clock.monotonic());
    return worker;
  }

  /** Counters and state, for health and logs. */
  status(): WorkerStatus {
    const busy = this.#lanes.filter(({ state }) => state.client !== undefined).length;
    const speaker = this.#lanes.find(({ state }) => state.heard) ?? this.#lanes[0]!;
    const heardAtMs = Math.max(...this.#lanes.map((lane) => lane.heardAtMs));
    return {
      ...this.#counters,
      lanes: this.#lanes.length,
      connected: this.#connected,
      busy,
      dialect: speaker.state.dialect,
      lastHeardMs: heardAtMs === -Infinity ? undefined : this.#clock.monotonic() - heardAtMs,
    };
  }

  /**
   * Takes no new requests, lets the running ones finish and be answered, says DISCONNECT on each lane
   * and closes. After `withinMs`, or when `signal` aborts, what still runs is abandoned. Idempotent.
   */
  stop(options: { withinMs?: number; signal?: AbortSignal } = {}): Promise<void> {
    this.#stopping = true;
    this.#stopped ??= this.#stop();
    const abandon = () => this.#lanes.forEach((lane) => lane.abandon());
    const { withinMs = WORKER_STOP_MS_MAX, signal } = options;
    if (withinMs <= 0 || signal?.aborted) abandon();
    const cancel = this.#clock.after(Math.max(withinMs, 0), abandon);
    signal?.addEventListener("abort", abandon, { once: true });
    return this.#stopped.finally(() => {
      cancel();
      signal?.removeEventListener("abort", abandon);
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.stop()));
    this.#cancelTimer();
    this.#log.info("the worker has stopped", { service: this.#config.service });
  }

  #open(listener: LaneListener): LaneSocket {
    const socket = Socket.open(this.#options.poller, "dealer", {
      onMessage: (frames) => listener.onMessage(frames),
      onConnection: (state) => listener.onConnection(state),
      lingerMs: MDP_LINGER_MS,
      // The next request comes after the reply: to look for it in vain costs four system calls. Heartbeats
      // of the broker are seen with those that are sent to it.
      isBusy: () => listener.isBusy(),
      messagesPerTurn: 1,
    });
    try {
      socket.connect(this.#options.endpoint);
    } catch (error) {
      void socket.close();
      throw error;
    }
    return socket;
  }

  #changed(lane: Lane, before: SessionState): void {
    const { state } = lane;
    if (state.heard !== before.heard) this.#countConnected(state.heard ? 1 : -1);
    // Deadlines mostly move away; the timer then finds nothing due and sets itself anew.
    if (lane.nextTickMs < this.#timerAtMs) this.#arm(lane.nextTickMs);
  }

  #countConnected(change: 1 | -1): void {
    this.#connected += change;
    const { endpoint } = this.#options;
    const { service } = this.#config;
    if (this.#connected === 1 && change === 1) {
      this.#log.info("the broker answers", { endpoint, service });
    } else if (this.#connected === 0 && !this.#stopping) {
      this.#log.warn("the broker is gone; trying again", { endpoint, service });
    }
  }

  #arm(atMs: number): void {
    this.#cancelTimer();
    this.#cancelTimer = () => {};
    this.#timerAtMs = atMs;
    if (atMs === Infinity) return;
    const waitMs = Math.max(0, Math.ceil(atMs - this.#clock.monotonic()));
    this.#cancelTimer = this.#clock.after(waitMs, () => this.#tick());
  }

  #tick(): void {
    // Earlier than everything while the lanes tick, so that none of them sets the timer.
    this.#timerAtMs = -Infinity;
    const nowMs = this.#clock.monotonic();
    let nextMs = Infinity;
    for (const lane of this.#lanes) {
      if (lane.nextTickMs <= nowMs) lane.tick();
      nextMs = Math.min(nextMs, lane.nextTickMs);
    }
    this.#arm(nextMs);
  }
}

function sessionConfig(options: WorkerOptions): SessionConfig {
  const { service, heartbeatMs = 2500, liveness = 3, dialect = "auto" } = options;
  mustBe(isServiceName(service), {
    what: "service",
    need: "1 to 255 bytes of printable text",
    found: JSON.stringify(service),
  });
  mustBe(heartbeatMs > 0 && Number.isFinite(heartbeatMs), {
    what: "heartbeatMs",
    need: "a number of milliseconds over 0",
    found: String(heartbeatMs),
  });
  mustBe(liveness >= 1 && Number.isFinite(liveness), {
    what: "liveness",
    need: "a number of intervals, 1 or more",
    found: String(liveness),
  });
  mustBe(dialect === "auto" || DIALECTS.includes(dialect), {
    what: "dialect",
    need: `auto, ${DIALECTS.join(", ")}`,
    found: String(dialect),
  });
  return { service, heartbeatMs, liveness, dialect };
}

function mustBe(holds: boolean, option: { what: string; need: string; found: string }): void {
  if (holds) return;
  throw new PlantdError(
    "config_invalid",
    `cannot start the worker: ${option.what} must be ${option.need}, found ${option.found}`,
    { data: { option: option.what } },
  );
}
