/**
 * Sorted lists: finding a place in one, and taking a page of names from there.
 *
 * @module
 */

import type { ListQuery, NamePage } from "./store.ts";

/** JSON writes a character of a name with up to six bytes, as in `\u0001`. */
export const NAME_CHAR_BYTES_MAX = 6;

/**
 * Index of the first of `items` for which `holds` turns true; `items` are sorted by it.
 *
 * @example
 * ```ts
 * firstIndex([1, 3, 5], (n) => n > 3); // 2
 * ```
 */
export function firstIndex<T>(items: readonly T[], holds: (item: T) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(items[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * The part of sorted `names` that a query asks for, as long as one reply can be.
 *
 * @param bytesOf What a name, with all that goes with it, takes of a reply.
 * @param bytesMax Bytes after which the page ends.
 */
export function pageOf(
  names: readonly string[],
  { prefix = "", after, limit }: ListQuery,
  bytesOf: (name: string) => number,
  bytesMax: number,
): NamePage {
  let i = firstIndex(names, (name) => name >= prefix);
  if (after !== undefined) i = Math.max(i, firstIndex(names, (name) => name > after));
  const page: string[] = [];
  let bytes = 0;
  const fits = () => i < names.length && names[i]!.startsWith(prefix);
  while (fits() && page.length < limit && bytes < bytesMax) {
    bytes += bytesOf(names[i]!);
    page.push(names[i]!);
    i += 1;
  }
  return { names: page, more: fits() };
}
