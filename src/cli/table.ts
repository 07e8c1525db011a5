/**
 * Tables for people, and the same for programs that read lines.
 *
 * @module
 */

// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

/** Names and values from who knows where must not give orders to a terminal. */
export function harmlessText(text: string, but = ""): string {
  return text.replace(
    CONTROL,
    (char) => char === but ? char : `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

/**
 * Rows in columns: on a terminal aligned below a header, elsewhere with tabs between and nothing else.
 *
 * @param right Indices of columns that are aligned to the right, as numbers are.
 *
 * @example
 * ```ts
 * columns(["KEY", "BYTES"], [["a", "10"], ["bcde", "7"]], { isTerminal: true, right: [1] });
 * // KEY   BYTES
 * // a        10
 * // bcde      7
 * ```
 */
export function columns(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  { isTerminal, right = [] }: { readonly isTerminal: boolean; readonly right?: readonly number[] },
): string {
  if (!isTerminal) return rows.map((row) => row.join("\t")).join("\n");
  const clean = rows.map((row) => row.map((cell) => harmlessText(cell)));
  const widths = header.map((name, column) =>
    Math.max(lengthOf(name), ...clean.map((row) => lengthOf(row[column] ?? "")))
  );
  return [header, ...clean].map((row) =>
    row.map((cell, column) => {
      const blank = " ".repeat(widths[column]! - lengthOf(cell));
      return right.includes(column) ? `${blank}${cell}` : `${cell}${blank}`;
    }).join("  ").trimEnd()
  ).join("\n");
}

/** `name  value` lines, the values below one another. */
export function pairs(members: Readonly<Record<string, unknown>>): string {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined);
  const width = Math.max(0, ...entries.map(([name]) => name.length));
  return entries.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join("\n");
}

/** Characters as people count them, roughly. */
function lengthOf(text: string): number {
  return [...text].length;
}
