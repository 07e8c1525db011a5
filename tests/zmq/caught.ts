/** Waiting for a signal to be caught: Deno installs the handler a while after addSignalListener. */

import { until } from "../helpers/async.ts";

/** Resolves when the signal of this number (signal(7)) no longer ends the process; Linux only. */
export async function untilCaught(signal: number): Promise<void> {
  await until(`signal ${signal} is caught`, () => {
    const [, mask] = /^SigCgt:\s*(\w+)$/m.exec(Deno.readTextFileSync("/proc/self/status"))!;
    return (BigInt(`0x${mask}`) >> BigInt(signal - 1) & 1n) === 1n;
  });
}
