/**
 * Command lines of the tasks that build.
 *
 * @module
 */

import type { Message } from "@optique/core/message";
import type { InferValue, Parser } from "@optique/core/parser";
import { runSync } from "@optique/run";
import { print } from "../src/cli/output.ts";

/** Thrown to get out of the parser, which would otherwise end the process itself. */
export class Exit {
  constructor(readonly code: number) {}
}

/** A task's command line. */
export interface CommandLine<P> {
  readonly parser: P;
  /** What one types to run it. */
  readonly programName: string;
  readonly brief: Message;
  /** Takes the parser's complaint. */
  readonly complain: (text: string) => void;
}

/**
 * Parses `args`.
 *
 * @throws {Exit} When there is nothing more to do: help was asked for, or the usage is wrong.
 */
export function parseArguments<P extends Parser<"sync", unknown, unknown>>(
  { parser, programName, brief, complain }: CommandLine<P>,
  args: readonly string[],
): InferValue<P> {
  return runSync(parser, {
    programName,
    args,
    brief,
    help: "option",
    aboveError: "none",
    showDefault: true,
    stdout: print,
    stderr: complain,
    onExit: (code) => {
      throw new Exit(code === 0 ? 0 : 2);
    },
  }) as InferValue<P>;
}
