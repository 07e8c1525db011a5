/**
 * A Majordomo client with any number of requests in flight.
 *
 * Majordomo has no correlation ids: a client knows a reply by the socket it comes in on. So each
 * request in flight has a DEALER to itself, which goes back to a pool after the reply and is thrown
 * away in every other case; the late reply of an earlier attempt then has nowhere to arrive (C4).
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import { PlantdError } from "../errors.ts";
import {
  CLIENT_IDLE_SOCKETS_MAX,
  CLIENT_IN_FLIGHT_MAX,
  MDP_FRAMES_MAX,
  MESSAGE_BYTES_MAX,
} from "../limits.ts";
import type { Poller } from "../zmq/poller.ts";
import { Socket } from "../zmq/socket.ts";
import {
  bytesOf,
  decodeAtClient,
  type Dialect,
  DIALECTS,
  encodeToBroker,
  type Frames,
  toKeep,
} from "./frames.ts";
import { type Log, silentLog } from "./log.ts";
import { isServiceName } from "./names.ts";

/** Options of a client. */
export interface ClientOptions {
  poller: Poller;
  /** Where the broker is. */
  endpoint: string;
  /** How long an attempt waits for its reply; 2500 by default. */
  timeoutMs?: number;
  /** Attempts after the first one; 2 by default, so that `auto` gets to every dialect. */
  retries?: number;
  /** `auto` by default: mdp01, and the next one with each retry until one is answered. */
  dialect?: Dialect | "auto";
  clock?: Clock;
  log?: Log;
}

/** Options of one request. */
export interface RequestOptions {
  /** Aborts the request; it then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** How long an attempt waits, instead of the client's `timeoutMs`. */
  timeoutMs?: number;
}

/** A DEALER and whom it works for. */
interface Line {
  readonly socket: Socket;
  /** Takes what arrives; a line without a listener must not get anything. */
  listener: ((frames: Frames) => void) | undefined;
}

/** What became of one attempt. */
type Outcome = Frames | "timeout" | "aborted";

/**
 * Asks services.
 *
 * @example
 * ```ts
 * await using client = new Client({ poller, endpoint: "tcp://127.0.0.1:9797" });
 * const [reply] = await client.request("echo", [new TextEncoder().encode("hello")]);
 * ```
 */
export class Client implements AsyncDisposable {
  readonly #options: Required<Omit<ClientOptions, "poller">> & { poller: Poller };
  readonly #idle: Line[] = [];
  readonly #lines = new Set<Line>();
  readonly #closing = new AbortController();
  /** Requests that wait for one of the {@link CLIENT_IN_FLIGHT_MAX} places. */
  readonly #waiters: (() => void)[] = [];
  #inFlight = 0;
  /** `auto`: the dialect that was answered last. */
  #proven: Dialect | undefined;

  constructor(options: ClientOptions) {
    const defaults = { timeoutMs: 2500, retries: 2, dialect: "auto" } as const;
    this.#options = { ...defaults, clock: systemClock, log: silentLog, ...options };
  }

  /** How the client is doing: requests under way, and the dialect of the next one. */
  status(): { inFlight: number; waiting: number; sockets: number; dialect: Dialect } {
    return {
      inFlight: this.#inFlight,
      waiting: this.#waiters.length,
      sockets: this.#lines.size,
      dialect: this.#dialect(0),
    };
  }

  /**
   * Sends `body` to `service` and resolves with the body of its reply. Partial replies (mdp02) are
   * joined. A request may reach the service more than once when replies come late.
   *
   * @throws {PlantdError} `no_reply` when no attempt was answered, `socket_closed` when the client is
   * closed meanwhile, `invalid_request` when `service` cannot be the name of one.
   */
  async request(service: string, body: Frames, options: RequestOptions = {}): Promise<Frames> {
    if (!isServiceName(service)) {
      throw new PlantdError(
        "invalid_request",
        `the service must be 1 to 255 bytes of printable text, found ${JSON.stringify(service)}`,
      );
    }
    const signal = options.signal
      ? AbortSignal.any([options.signal, this.#closing.signal])
      : this.#closing.signal;
    await this.#enter(signal);
    try {
      return await this.#attempts(service, body, signal, options.timeoutMs);
    } finally {
      this.#leave();
    }
  }

  /** Closes all sockets; requests under way reject with `socket_closed`. Idempotent. */
  async close(): Promise<void> {
    if (!this.#closing.signal.aborted) {
      this.#closing.abort(new PlantdError("socket_closed", "the client is closed"));
    }
    await Promise.all([...this.#lines].map((line) => this.#discard(line)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #attempts(
    service: string,
    body: Frames,
    signal: AbortSignal,
    timeoutMs = this.#options.timeoutMs,
  ): Promise<Frames> {
    const { endpoint, retries, log } = this.#options;
    const attempts = retries + 1;
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      signal.throwIfAborted();
      const dialect = this.#dialect(attempt);
      const outcome = await this.#attempt(service, body, dialect, timeoutMs, signal);
      if (outcome === "aborted") throw signal.reason;
      if (outcome !== "timeout") {
        this.#proven = dialect;
        return outcome;
      }
      log.debug("no reply in time", { service, attempt: attempt + 1, dialect, timeoutMs });
    }
    // Perhaps another broker has taken its place, one of another dialect.
    this.#proven = undefined;
    throw new PlantdError(
      "no_reply",
      `no reply from ${service} through ${endpoint}: ` +
        `${attempts} ${attempts === 1 ? "attempt" : "attempts"} of ${timeoutMs} ms`,
      {
        data: { endpoint, service, attempts, timeoutMs },
        hint: "is the broker running, and the service registered with it?",
      },
    );
  }

  #dialect(attempt: number): Dialect {
    const { dialect } = this.#options;
    if (dialect !== "auto") return dialect;
    return this.#proven ?? DIALECTS[attempt % DIALECTS.length]!;
  }

  /** One attempt on one line. The line is kept only if it was answered in full. */
  async #attempt(
    service: string,
    body: Frames,
    dialect: Dialect,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const line = this.#line();
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const abort = () => resolve("aborted");
    const cancel = this.#options.clock.after(timeoutMs, () => resolve("timeout"));
    signal.addEventListener("abort", abort, { once: true });
    line.listener = replyListener(service, dialect, resolve);
    try {
      const frames = encodeToBroker({ kind: "request", dialect, service, body });
      line.socket.send(frames);
      const outcome = await promise;
      line.listener = undefined;
      if (outcome === "timeout" || outcome === "aborted") await this.#discard(line);
      else this.#keep(line);
      return outcome;
    } finally {
      cancel();
      signal.removeEventListener("abort", abort);
    }
  }

  #line(): Line {
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) {
      if (!idle.socket.readable) return idle;
      void this.#discard(idle);
    }
    const { poller, endpoint } = this.#options;
    const socket = Socket.open(poller, "dealer", { onMessage: (frames) => arrived(frames) });
    const line: Line = { socket, listener: undefined };
    const arrived = (frames: Frames) => {
      if (line.listener) line.listener(frames);
      // Nothing is due: what comes here now could be taken for the answer to the next request.
      else void this.#discard(line);
    };
    this.#lines.add(line);
    try {
      socket.connect(endpoint);
    } catch (error) {
      void this.#discard(line);
      throw error;
    }
    return line;
  }

  #keep(line: Line): void {
    if (this.#closing.signal.aborted || this.#idle.length >= CLIENT_IDLE_SOCKETS_MAX) {
      void this.#discard(line);
    } else {
      this.#idle.push(line);
    }
  }

  #discard(line: Line): Promise<void> {
    line.listener = undefined;
    this.#lines.delete(line);
    const at = this.#idle.indexOf(line);
    if (at >= 0) this.#idle.splice(at, 1);
    return line.socket.close();
  }

  async #enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#inFlight < CLIENT_IN_FLIGHT_MAX) {
      this.#inFlight += 1;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = () => {
      const at = this.#waiters.indexOf(resolve);
      if (at >= 0) this.#waiters.splice(at, 1);
      reject(signal.reason);
    };
    this.#waiters.push(resolve);
    signal.addEventListener("abort", abort, { once: true });
    // Whoever leaves hands over the place, so the number in flight stays as it is.
    await promise.finally(() => signal.removeEventListener("abort", abort));
  }

  #leave(): void {
    const next = this.#waiters.shift();
    if (next) next();
    else this.#inFlight -= 1;
  }
}

/** Takes frames until a reply is complete; what is none is ignored. */
function replyListener(
  service: string,
  dialect: Dialect,
  done: (body: Frames) => void,
): (frames: Frames) => void {
  const partials: Uint8Array[] = [];
  let bytes = 0;
  let tooMuch = false;
  return (frames) => {
    const reply = decodeAtClient(frames, dialect);
    if (reply.kind === "invalid" || reply.service !== service) return;
    bytes += bytesOf(reply.body);
    // A reply that does not end: the attempt is left to its timeout.
    tooMuch ||= partials.length + reply.body.length > MDP_FRAMES_MAX || bytes > MESSAGE_BYTES_MAX;
    if (tooMuch) return;
    if (reply.kind === "partial") partials.push(...toKeep(reply.body));
    else done(partials.length > 0 ? [...partials, ...reply.body] : reply.body);
  };
}
