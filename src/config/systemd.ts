/**
 * What the service manager tells the process through its environment (sd_notify(3),
 * sd_watchdog_enabled(3)). Nobody sets these by hand, so what makes no sense is passed over: a
 * service must not stay down because of how it was started.
 *
 * @module
 */

import type { ReadEnvironment } from "./load.ts";

/** How the service manager wants to be kept informed. */
export interface ServiceManagerSettings {
  /** NOTIFY_SOCKET: the address of a datagram socket, `@` in front of an abstract one. */
  readonly notifySocket?: string;
  /** WATCHDOG_USEC in milliseconds: after that much silence the process is killed. */
  readonly watchdogMs?: number;
}

/**
 * The settings of the service manager that started this process; empty where none did.
 *
 * @param env `Deno.env.get` by default.
 * @param pid This process: a watchdog may be meant for another one, whose environment was inherited.
 *
 * @example
 * ```ts
 * loadServiceManager(); // { notifySocket: "/run/systemd/notify", watchdogMs: 30000 }
 * ```
 */
export function loadServiceManager(
  env: ReadEnvironment = readIfAllowed,
  pid: number = Deno.pid,
): ServiceManagerSettings {
  const notifySocket = env("NOTIFY_SOCKET") || undefined;
  if (notifySocket === undefined) return {};
  const watchdogMs = watchdogOf(env, pid);
  return watchdogMs === undefined ? { notifySocket } : { notifySocket, watchdogMs };
}

function watchdogOf(env: ReadEnvironment, pid: number): number | undefined {
  const forPid = env("WATCHDOG_PID") || undefined;
  if (forPid !== undefined && forPid !== String(pid)) return undefined;
  const text = env("WATCHDOG_USEC") ?? "";
  const ms = /^\d{1,15}$/.test(text) ? Number(text) / 1000 : 0;
  return ms > 0 ? ms : undefined;
}

/**
 * A variable that the program can do without: whoever runs it with permissions of their own may not
 * have thought of the name, and bytes that are no text mean nothing.
 */
export function readIfAllowed(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch {
    return undefined;
  }
}
