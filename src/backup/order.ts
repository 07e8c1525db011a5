/**
 * The order of a backup's records: by Unicode code points, which is the order of the names' UTF-8 bytes,
 * of the database, and of `LC_ALL=C sort`. JavaScript's own order differs beyond U+D7FF.
 *
 * @module
 */

/** First of the code units that begin or end a pair, and of those behind them. */
const SURROGATES = 0xd800;
const BEHIND_SURROGATES = 0xe000;

/**
 * Negative when `a` comes before `b`, 0 when they are the same, positive otherwise.
 *
 * @example
 * ```ts
 * ["\u{1f525}", "\uff01", "a"].sort(compareNames); // ["a", "\uff01", "\u{1f525}"]
 * ```
 */
export function compareNames(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const [one, other] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (one !== other) return rank(one) - rank(other);
  }
  return a.length - b.length;
}

/** `names`, which are in JavaScript's order, in the order of a backup; the same array if it is that. */
export function inOrder(names: readonly string[]): readonly string[] {
  return names.some((name) => /[\ud800-\uffff]/.test(name)) ? names.toSorted(compareNames) : names;
}

/** Pairs stand for characters behind all others. */
function rank(unit: number): number {
  return unit >= SURROGATES && unit < BEHIND_SURROGATES ? unit + 0x10000 : unit;
}
