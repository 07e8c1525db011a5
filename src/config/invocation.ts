/**
 * Under which name the program was called. A symbolic link named `plant` makes it the client that the
 * original had.
 *
 * @module
 */

import process from "node:process";
import { nameOf, shellWord } from "../paths.ts";
import { PROGRAM } from "../version.ts";
import type { ReadEnvironment } from "./load.ts";
import { readIfAllowed } from "./systemd.ts";

/** The name that makes the program the client. */
const CLIENT = "plant";

/** How the program was called. */
export interface Invocation {
  /** What it calls itself: `plantd-state`, or `plant`. */
  readonly name: string;
  /** Whether it is the client, which has no service to start when nobody says what to do. */
  readonly isClient: boolean;
  /** What to type to call it again. */
  readonly command: string;
}

/**
 * How this process was called. The portable executable and the package say so in the environment,
 * because by then the process is Deno; a native executable sees it itself.
 *
 * @param env `Deno.env.get` by default.
 * @param called The name by which a native executable was called; undefined if this is none.
 *
 * @example
 * ```ts
 * invokedAs(() => "/usr/local/bin/plant").name; // "plant"
 * ```
 */
export function invokedAs(
  env: ReadEnvironment = readIfAllowed,
  called: string | undefined = Deno.build.standalone ? process.argv0 : undefined,
): Invocation {
  const path = env("PLANTD_STATE_INVOKED_AS") || called;
  const isClient = path !== undefined && nameOf(path) === CLIENT;
  return {
    name: isClient ? CLIENT : PROGRAM,
    isClient,
    command: path ? shellWord(path) : `npx --yes deno@${Deno.version.deno} task ${PROGRAM}`,
  };
}

/**
 * HOME as it was before the packaged program set it for Deno, for the processes that it starts;
 * undefined where it did not.
 */
export function originalHome(env: ReadEnvironment = readIfAllowed): string | undefined {
  return env("PLANTD_STATE_HOME") || undefined;
}
