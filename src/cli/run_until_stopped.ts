/**
 * Commands that run until somebody stops them.
 *
 * @module
 */

import { loadServiceManager } from "../config/systemd.ts";
import { SHUTDOWN_MS_MAX } from "../limits.ts";
import { logOf } from "../log.ts";
import { EXIT } from "./exit_codes.ts";
import { type Condition, ServiceManager } from "./service_manager.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** What a command that runs until it is stopped does meanwhile. */
export interface Running {
  /** Called once it has started. */
  readonly onStarted?: () => void;
  /** How it is doing from then on. */
  readonly condition?: () => Condition;
  /** Loads the settings again, when somebody sends SIGHUP. */
  readonly reload: () => void;
}

/**
 * Starts `start`, waits for SIGINT or SIGTERM, and takes it down. A second signal, or a shutdown that
 * takes too long, ends the process at once. A service manager (systemd) is told how it goes.
 *
 * @returns The exit code.
 */
export async function runUntilStopped(
  start: () => Promise<AsyncDisposable>,
  { onStarted = () => {}, condition = () => ({ status: "serving" }), reload }: Running,
): Promise<number> {
  const log = logOf("process");
  using manager = new ServiceManager(loadServiceManager(), condition);
  const stop = Promise.withResolvers<void>();
  let deadline: ReturnType<typeof setTimeout> | undefined;
  const abandon = () => {
    log.error("the shutdown took too long; what was left is abandoned", {
      limitMs: SHUTDOWN_MS_MAX,
    });
    Deno.exit(EXIT.fault);
  };
  let signals = 0;
  const listeners = SIGNALS.map((name) => {
    const listener = () => {
      signals += 1;
      if (signals > 1) Deno.exit(EXIT.done);
      log.info("stopping", { signal: name });
      manager.stopping();
      // From the signal on, also when the start is still under way.
      deadline = setTimeout(abandon, SHUTDOWN_MS_MAX);
      stop.resolve();
    };
    Deno.addSignalListener(name, listener);
    return { name, listener };
  });
  using hangUp = new HangUp();
  try {
    const running = await start();
    if (signals === 0) {
      onStarted();
      manager.ready();
      hangUp.answer(reload);
    }
    await stop.promise;
    await running[Symbol.asyncDispose]();
    log.info("stopped");
    return EXIT.done;
  } finally {
    clearTimeout(deadline);
    for (const { name, listener } of listeners) Deno.removeSignalListener(name, listener);
  }
}

/** SIGHUP. One that comes during the start is answered after it. */
class HangUp implements Disposable {
  #answer: (() => void) | undefined;
  #isDue = false;
  readonly #listener = () => {
    if (this.#answer) this.#answer();
    else this.#isDue = true;
  };
  /** From a terminal it means that the terminal is gone: then the process ends, as everything there does. */
  readonly #isOurs = !Deno.stdin.isTerminal();

  constructor() {
    if (this.#isOurs) Deno.addSignalListener("SIGHUP", this.#listener);
  }

  answer(answer: () => void): void {
    this.#answer = answer;
    if (this.#isDue) answer();
  }

  [Symbol.dispose](): void {
    if (this.#isOurs) Deno.removeSignalListener("SIGHUP", this.#listener);
  }
}
