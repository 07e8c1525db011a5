/**
 * Shows an effective configuration, and where each part of it comes from.
 *
 * @module
 */

import { stringify } from "yaml";

import type { Loaded, SettingSource } from "./load.ts";

/** Comments are not pushed further to the right than this by one long value. */
const COMMENT_COLUMN_MAX = 60;

interface Line {
  readonly text: string;
  readonly comment: string | undefined;
}

/**
 * The configuration as YAML that can be loaded again. Every line ends in a comment that says where
 * its value comes from; what is not set is there as a comment.
 *
 * @example
 * ```ts
 * printConfig(loadStateConfig());
 * // service:
 * //   id: org.plantd.State                 # default
 * ```
 */
export function printConfig(
  loaded: Pick<Loaded<unknown>, "sources">,
): string {
  const lines: Line[] = [];
  let section: readonly string[] = [];
  for (const [path, source] of loaded.sources) {
    const keys = path.split(".");
    const inside = keys.slice(0, -1);
    for (const [depth, key] of inside.entries()) {
      if (section[depth] === key) continue;
      lines.push({ text: `${"  ".repeat(depth)}${key}:`, comment: undefined });
    }
    section = inside;
    lines.push(...settingLines("  ".repeat(inside.length), keys.at(-1)!, source));
  }
  const widest = Math.max(0, ...lines.map(({ text }) => text.length));
  const column = Math.min(widest, COMMENT_COLUMN_MAX);
  return lines.map(({ text, comment }) =>
    comment === undefined ? `${text}\n` : `${text.padEnd(column)}  # ${comment}\n`
  ).join("");
}

function settingLines(indent: string, key: string, { value, from }: SettingSource): Line[] {
  // A file may be called anything; a line break would end the comment.
  const comment = from.replaceAll(/[\p{Cc}\u2028\u2029]/gu, "?");
  if (value === undefined) return [{ text: `${indent}# ${key}:`, comment: "not set" }];
  if (!Array.isArray(value) || value.length === 0) {
    return [{ text: `${indent}${key}: ${scalar(value)}`, comment }];
  }
  const lines: Line[] = [{ text: `${indent}${key}:`, comment }];
  for (const element of value) {
    const entries = Object.entries(element).filter(([, inner]) => inner !== undefined);
    for (const [index, [name, inner]] of entries.entries()) {
      const bullet = index === 0 ? "- " : "  ";
      lines.push({ text: `${indent}  ${bullet}${name}: ${scalar(inner)}`, comment });
    }
  }
  return lines;
}

/** A value on one line, in quotes only where YAML needs them. */
function scalar(value: unknown): string {
  // Line breaks make a block of it, of which the end would be cut off with the rest.
  if (typeof value === "string" && /\p{Cc}/u.test(value)) return JSON.stringify(value);
  const plain = stringify(value, { lineWidth: 0 }).trimEnd();
  return plain.includes("\n") ? JSON.stringify(value) : plain;
}
