/** Which rows of a long list are seen, and where its keys lead. */

/** @import { Span } from "./types.ts" */

/** Rows kept ready above and below what is seen. */
const OVERSCAN = 8;

/**
 * Which rows are to be there.
 *
 * @param {number} scrollTop
 * @param {number} height
 * @param {number} count
 * @param {number} rowHeight
 * @returns {Span}
 */
export function windowOf(scrollTop, height, count, rowHeight) {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - OVERSCAN);
  const last = Math.min(count, Math.ceil((scrollTop + height) / rowHeight) + OVERSCAN);
  return { first: Math.min(first, count), last };
}

/**
 * Where to scroll so that a row is seen, as little as possible.
 *
 * @param {number} index
 * @param {number} scrollTop
 * @param {number} height
 * @param {number} rowHeight
 */
export function scrollTo(index, scrollTop, height, rowHeight) {
  const top = index * rowHeight;
  return Math.min(top, Math.max(scrollTop, top + rowHeight - height));
}

/**
 * The row that a key leads to from the active one (-1 for none); undefined where it leads nowhere.
 *
 * @param {string} key As `KeyboardEvent.key`.
 * @param {number} active
 * @param {number} count
 * @param {number} page Rows that are seen at once.
 */
export function rowBehind(key, active, count, page) {
  /** @type {Record<string, number>} */
  const rows = {
    Home: 0,
    End: count - 1,
    ArrowDown: active + 1,
    ArrowUp: active - 1,
    PageDown: active + page,
    PageUp: active - page,
  };
  if (count === 0 || !Object.hasOwn(rows, key)) return undefined;
  return Math.min(Math.max(rows[key], 0), count - 1);
}
