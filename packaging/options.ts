/**
 * The command line of `deno task compile`.
 *
 * @module
 */

import { object, or } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map, multiple, withDefault } from "@optique/core/modifiers";
import { constant, flag, option } from "@optique/core/primitives";
import { choice, string } from "@optique/core/valueparser";
import { warn } from "../src/cli/output.ts";
import { namesIn } from "../src/cli/words.ts";
import { nearest } from "../src/config/words.ts";
import { Exit, parseArguments } from "./arguments.ts";
import { type Target, TARGETS } from "./targets.ts";

/** What to build. */
export interface CompileOptions {
  readonly targets: readonly Target[];
  /** `auto`: native where the base runtime is to be had, else portable. */
  readonly way: "auto" | "native" | "portable";
  /** The directory for the executables. */
  readonly output: string;
}

/** What is built when nobody says what: what plants have. */
const TARGETS_DEFAULT = ["linux-x64", "linux-arm64"];

const NAMES = [...TARGETS.map(({ name }) => name), "all"];

const parser = object({
  targets: multiple(
    option("-t", "--target", choice(NAMES, { metavar: "TARGET" }), {
      description: message`${NAMES.join(", ")}; may be repeated. By default ${
        TARGETS_DEFAULT.join(" and ")
      }.`,
    }),
  ),
  way: withDefault(
    or(
      map(
        flag("--native", { description: message`Only with deno compile; fail where it cannot.` }),
        () => "native" as const,
      ),
      map(
        flag("--portable", { description: message`Only self-extracting, from npm packages.` }),
        () => "portable" as const,
      ),
      constant("auto"),
    ),
    "auto" as const,
  ),
  output: withDefault(
    option("-o", "--output", string({ metavar: "DIRECTORY" }), {
      description: message`Where the executables go.`,
    }),
    "dist",
  ),
});

/** Parses the command line; an exit code when there is nothing more to do. */
export function parseOptions(args: readonly string[]): CompileOptions | number {
  try {
    const { targets, way, output } = parseArguments({
      parser,
      programName: "deno task compile",
      brief: message`Build plantd-state as one executable per target.`,
      complain: complainOfUsage,
    }, args);
    return { targets: select(targets), way, output };
  } catch (thrown) {
    if (thrown instanceof Exit) return thrown.code;
    throw thrown;
  }
}

/** The parser's complaint, and a suggestion where it has none but we know one. */
function complainOfUsage(text: string): void {
  warn(text);
  if (text.includes("Did you mean")) return;
  const unknown = /Unexpected option or argument: [`"]([^`"=]+)/.exec(text)?.[1];
  const meant = unknown && nearest(unknown, namesIn(parser.usage));
  if (meant) warn(`Did you mean \`${meant}\`?`);
}

function select(names: readonly string[]): Target[] {
  const wanted = names.length === 0 ? TARGETS_DEFAULT : names;
  return TARGETS.filter(({ name }) => wanted.includes("all") || wanted.includes(name));
}
