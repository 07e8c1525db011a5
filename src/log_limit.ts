/**
 * Bounds how often one kind of line is logged, for everything that a peer can bring about: whoever sends
 * rubbish a thousand times a second must not fill a disk with complaints about it.
 *
 * @module
 */

/** The part of a logger that is limited. */
interface Log {
  debug(message: string, data?: Record<string, unknown>): void;
  info(message: string, data?: Record<string, unknown>): void;
  warn(message: string, data?: Record<string, unknown>): void;
  error(message: string, data?: Record<string, unknown>): void;
}

type Level = keyof Log;

/** The part of a clock that is needed. */
interface Timer {
  monotonic(): number;
  after(ms: number, callback: () => void): () => void;
}

/** What is allowed. */
export interface LogLimitOptions {
  /** Lines of one kind within an interval; 1 by default. */
  readonly lines?: number;
  /** In milliseconds; a second by default. */
  readonly intervalMs?: number;
}

/** One kind of line: a level and a message. Messages are constants of ours, so kinds are few. */
interface Kind {
  sinceMs: number;
  said: number;
  held: number;
  /** Says the last of those that were held back, with their number, when its time has come. */
  tell: () => void;
  cancel: () => void;
}

/**
 * Lets the first lines of each kind pass in each interval; of the rest the last is told when the
 * interval is over, with the number of those before it.
 *
 * @example
 * ```ts
 * using limit = new LogLimit(systemClock);
 * const log = limit.of(logOf("bus"));
 * for (let i = 0; i < 100; i++) log.warn("update rejected", { i });
 * // at once: update rejected { i: 0 }
 * // a second later: update rejected (and 98 more) { i: 99, unlogged: 98 }
 * ```
 */
export class LogLimit implements Disposable {
  readonly #clock: Timer;
  readonly #lines: number;
  readonly #intervalMs: number;
  readonly #kinds = new Set<Kind>();

  constructor(clock: Timer, { lines = 1, intervalMs = 1000 }: LogLimitOptions = {}) {
    this.#clock = clock;
    this.#lines = lines;
    this.#intervalMs = intervalMs;
  }

  /** `log`, limited; kinds of different logs are different kinds. */
  of(log: Log): Log {
    const kinds = new Map<string, Kind>();
    const at = (level: Level) => (message: string, data?: Record<string, unknown>) => {
      const name = `${level} ${message}`;
      let kind = kinds.get(name);
      if (!kind) {
        kind = { sinceMs: -Infinity, said: 0, held: 0, tell: () => {}, cancel: () => {} };
        kinds.set(name, kind);
        this.#kinds.add(kind);
      }
      if (this.#mayPass(kind)) log[level](message, data);
      else this.#hold(kind, log, level, message, data);
    };
    return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  }

  /** Tells what is held back. Lines that come later pass, and are held, as before. */
  [Symbol.dispose](): void {
    for (const kind of this.#kinds) {
      if (kind.held > 0) kind.tell();
    }
  }

  #mayPass(kind: Kind): boolean {
    if (kind.held > 0) return false;
    const nowMs = this.#clock.monotonic();
    if (nowMs - kind.sinceMs >= this.#intervalMs) {
      kind.sinceMs = nowMs;
      kind.said = 0;
    }
    kind.said += 1;
    return kind.said <= this.#lines;
  }

  #hold(
    kind: Kind,
    log: Log,
    level: Level,
    message: string,
    data: Record<string, unknown> | undefined,
  ): void {
    kind.held += 1;
    kind.tell = () => {
      const unlogged = kind.held - 1;
      kind.cancel();
      kind.held = 0;
      kind.sinceMs = this.#clock.monotonic();
      kind.said = 1;
      if (unlogged === 0) log[level](message, data);
      else log[level](`${message} (and ${unlogged} more)`, { ...data, unlogged });
    };
    if (kind.held > 1) return;
    const waitMs = kind.sinceMs + this.#intervalMs - this.#clock.monotonic();
    kind.cancel = this.#clock.after(Math.max(0, waitMs), () => kind.tell());
  }
}
