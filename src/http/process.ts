/**
 * What only Node's interface tells of the process, without any permission.
 *
 * @module
 */

import process from "node:process";

/** Processor time of the process so far, in seconds. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000_000;
}
