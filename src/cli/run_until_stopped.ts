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

/**
 * Starts `start`, waits for SIGINT or SIGTERM, and takes it down. A second signal, or a shutdown that
 * takes too long, ends the process at once. A service manager (systemd) is told how it goes.
 *
 * @param condition How the command is doing once it has started.
 * @returns The exit code.
 */
export async function runUntilStopped(
  start: () => Promise<AsyncDisposable>,
  onStarted: () => void = () => {},
  condition: () => Condition = () => ({ status: "serving" }),
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
  try {
    const running = await start();
    if (signals === 0) {
      onStarted();
      manager.ready();
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
