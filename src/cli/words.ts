/**
 * Words of a command line: which ones the program knows, and how a negative number gets through.
 *
 * @module
 */

import { PlantdError } from "../errors.ts";
import type { Usage } from "@optique/core/usage";

/** All names of commands and options in `usage`. */
export function namesIn(usage: Usage): Set<string> {
  const names = new Set<string>();
  const visit = (terms: Usage) => {
    for (const term of terms) {
      if (term.type === "command") names.add(term.name);
      if (term.type === "option") term.names.forEach((name) => names.add(name));
      if (term.type === "exclusive") term.terms.forEach(visit);
      if (term.type === "optional" || term.type === "multiple") visit(term.terms);
    }
  };
  visit(usage);
  return names;
}

/**
 * `state set KEY -5` as `state set KEY -- -5`: a plant has negative values, and the parser takes
 * them for options.
 */
export function withNegativeValueLast(args: readonly string[]): readonly string[] {
  if (args[0] !== "state" || args[1] !== "set" || args.includes("--")) return args;
  const at = args.findIndex((arg) => /^-\.?\d/.test(arg));
  return at < 0 ? args : [...args.slice(0, at), ...args.slice(at + 1), "--", args[at]!];
}

/**
 * `state watch ... -- COMMAND`, apart: the parser would take what it runs for arguments of its own.
 *
 * @returns The words for the parser, and the command; empty where there is none.
 * @throws {PlantdError} `usage` when nothing stands behind the `--`.
 *
 * @example
 * ```ts
 * commandBehind(["state", "watch", "k", "--", "echo", "-n"]); // [["state", "watch", "k"], ["echo", "-n"]]
 * ```
 */
export function commandBehind(
  args: readonly string[],
): [words: readonly string[], command: readonly string[]] {
  const at = args[0] === "state" && args[1] === "watch" ? args.indexOf("--") : -1;
  if (at < 0) return [args, []];
  const command = args.slice(at + 1);
  if (command.length === 0) throw new PlantdError("usage", "a command is needed behind --");
  return [args.slice(0, at), command];
}
