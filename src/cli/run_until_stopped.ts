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
  const stop = Promise.withResolvers<string>();
  let signals = 0;
  const listeners = SIGNALS.map((name) => {
    const listener = () => {
      signals += 1;
      if (signals > 1) Deno.exit(EXIT.done);
      stop.resolve(name);
    };
    Deno.addSignalListener(name, listener);
    return { name, listener };
  });
  try {
    const running = await start();
    onStarted();
    manager.ready();
    const signal = await stop.promise;
    manager.stopping();
    log.info("stopping", { signal });
    const deadline = setTimeout(() => {
      log.error("the shutdown took too long; what was left is abandoned", {
        limitMs: SHUTDOWN_MS_MAX,
      });
      Deno.exit(EXIT.fault);
    }, SHUTDOWN_MS_MAX);
    await running[Symbol.asyncDispose]();
    clearTimeout(deadline);
    log.info("stopped");
    return EXIT.done;
  } finally {
    for (const { name, listener } of listeners) Deno.removeSignalListener(name, listener);
  }
}
