/** What changed between two texts, line by line. */

/** @import { Line } from "./types.ts" */

/** Lines of either text beyond which they are not compared: the table has the product of both. */
const LINES_MAX = 400;

/**
 * The lines of both texts in order: `same`, `gone` (of the first only) or `new` (of the second only).
 *
 * @param {string} before
 * @param {string} after
 * @returns {Line[] | undefined} undefined where they are too long.
 */
export function diffLines(before, after) {
  const a = before.split("\n");
  const b = after.split("\n");
  if (a.length > LINES_MAX || b.length > LINES_MAX) return undefined;
  const common = longestCommon(a, b);
  /** @type {Line[]} */
  const lines = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ kind: "same", text: a[i] });
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && common[i + 1][j] >= common[i][j + 1])) {
      lines.push({ kind: "gone", text: a[i] });
      i += 1;
    } else {
      lines.push({ kind: "new", text: b[j] });
      j += 1;
    }
  }
  return lines;
}

/**
 * Only the lines around what changed; `undefined` entries stand for lines left out.
 *
 * @param {readonly Line[]} lines
 */
export function around(lines, context = 2) {
  const isNear = lines.map((_, at) =>
    lines.slice(Math.max(0, at - context), at + context + 1).some(({ kind }) => kind !== "same")
  );
  /** @type {(Line | undefined)[]} */
  const shown = [];
  for (const [at, line] of lines.entries()) {
    if (isNear[at]) shown.push(line);
    else if (shown.at(-1) !== undefined || shown.length === 0) shown.push(undefined);
  }
  return shown;
}

/**
 * Lengths of the longest common subsequences of what follows each pair of places.
 *
 * @param {readonly string[]} a
 * @param {readonly string[]} b
 */
function longestCommon(a, b) {
  const table = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      table[i][j] = a[i] === b[j]
        ? table[i + 1][j + 1] + 1
        : Math.max(table[i + 1][j], table[i][j + 1]);
    }
  }
  return table;
}
