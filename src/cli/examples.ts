/**
 * Examples below the help of a command, and in its part of the manual.
 *
 * @module
 */

import { lineBreak, type Message, text } from "@optique/core/message";

const INDENT = "  ";

/**
 * Command lines as the footer of a command's help. Each is one that the program takes (tested).
 *
 * @example
 * ```ts
 * command("verify", parser, { footer: examples("plantd-state verify nightly.backup") });
 * ```
 */
export function examples(...lines: readonly string[]): Message {
  return [text("Examples:"), ...lines.flatMap((line) => [lineBreak(), text(`${INDENT}${line}`)])];
}

/** The command lines of a footer. */
export function exampleLines(footer: Message | undefined): string[] {
  return (footer ?? []).flatMap((term) =>
    term.type === "text" && term.text.startsWith(INDENT) ? [term.text.slice(INDENT.length)] : []
  );
}
