/**
 * Words of a command line: which ones the program knows, and how a negative number gets through.
 *
 * @module
 */

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
