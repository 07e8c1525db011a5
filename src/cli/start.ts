/**
 * The first that runs: a service that is simply to serve starts at once, everything else is for the
 * command line, whose parser and commands are loaded only then.
 *
 * @module
 */

import { invokedAs } from "../config/invocation.ts";
import { EXIT, exitCodeOf } from "./exit_codes.ts";
import { complain } from "./output.ts";
import { serve } from "./serve.ts";
import { plainSettings } from "./settings.ts";
import { commandBehind } from "./words.ts";

/**
 * Does what the arguments say.
 *
 * @param args Arguments without the program's name.
 * @returns The exit code, see {@link EXIT}. Never throws.
 *
 * @example
 * ```ts
 * await start(["version"]); // prints 0.1.0, returns 0
 * ```
 */
export async function start(args: readonly string[]): Promise<number> {
  try {
    // Nothing else of the program starts others, so nothing else may: it cannot be asked for again.
    const [, command] = commandBehind(args);
    if (command.length === 0) Deno.permissions.revokeSync({ name: "run" });
    const settings = invokedAs().isClient ? undefined : plainSettings(args);
    if (settings !== undefined) return await serve(settings);
    const { main } = await import("./main.ts");
    return await main(args);
  } catch (thrown) {
    complain(thrown);
    return exitCodeOf(thrown);
  }
}

/** Says what nobody caught; returns the exit code. */
export function fault(thrown: unknown): number {
  complain(thrown);
  return EXIT.fault;
}
