/**
 * Words that the errors of this room share: how a value that was found is described, and which
 * known name somebody may have meant.
 *
 * @module
 */

/** Longest piece of foreign text an error sentence repeats, in characters. */
const QUOTED_CHARS_MAX = 80;

/** Longest name worth comparing; longer ones are no slip of the fingers. */
const COMPARED_CHARS_MAX = 64;

/**
 * The text in double quotes, with control characters escaped and cut to a readable length.
 *
 * @example
 * ```ts
 * quote("a\tb"); // "a\tb", quotes included
 * ```
 */
export function quote(text: string): string {
  return JSON.stringify(
    text.length > QUOTED_CHARS_MAX ? `${text.slice(0, QUOTED_CHARS_MAX)}...` : text,
  );
}

/**
 * What a value is, for the part of a sentence behind "found".
 *
 * @example
 * ```ts
 * describe("abc"); // the text "abc"
 * describe([1]); // a list
 * ```
 */
export function describe(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (typeof value === "string") return `the text ${quote(value)}`;
  if (Array.isArray(value)) return "a list";
  if (value instanceof Date) return "a date";
  if (typeof value === "object") return "a section of keys";
  return String(value);
}

/**
 * The known name that is nearest to an unknown one, when it is near enough to have been meant. A
 * name that was written in the wrong section is found by its last part.
 *
 * @param unknown The dotted name as written.
 * @param known Dotted names to choose from.
 *
 * @example
 * ```ts
 * nearest("databse", ["database", "broker"]); // "database"
 * ```
 */
export function nearest(unknown: string, known: Iterable<string>): string | undefined {
  if (unknown.length > COMPARED_CHARS_MAX) return undefined;
  const last = unknown.slice(unknown.lastIndexOf(".") + 1);
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(last.length / 3)) + 1;
  for (const candidate of known) {
    const distance = candidate.endsWith(`.${last}`) ? 0 : editDistance(unknown, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/**
 * Insertions, deletions, replacements and swapped neighbours between two short texts (optimal string
 * alignment, Damerau 1964).
 */
function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const areSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = areSwapped ? beforePrevious[j - 2]! + 1 : Infinity;
      current.push(Math.min(replaced, swapped, previous[j]! + 1, current[j - 1]! + 1));
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length]!;
}
