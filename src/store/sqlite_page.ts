/**
 * Pages of an SQLite database (https://www.sqlite.org/fileformat2.html), as much as is needed to get rows
 * out of one that SQLite itself no longer reads. Deno KV keeps its rows in a table WITHOUT ROWID, so
 * they lie in the pages of an index, inner ones included. Pure.
 *
 * @module
 */

/** Types of pages that hold keys of an index. */
const INTERIOR_INDEX = 2;
const LEAF_INDEX = 10;
/** Those of tables with row numbers, in which nothing of ours lies. */
const TABLE_PAGES: readonly number[] = [5, 13];

/** A row, of which a part may lie in a chain of further pages. */
export interface Cell {
  /** The part that lies in the page. */
  readonly local: Uint8Array;
  /** Bytes of the whole. */
  readonly bytes: number;
  /** First page of the chain; 0 where there is none. */
  readonly overflow: number;
}

/** A page of a tree. */
export interface TreePage {
  readonly cells: readonly Cell[];
  /** Cells that reach out of the page. */
  readonly badCells: number;
}

/**
 * Takes a page apart, or returns undefined if it is none of a tree.
 *
 * @param start Where the page's header is: 100 in the first page, which begins with the file's, else 0.
 */
export function readTreePage(page: Uint8Array, start = 0): TreePage | undefined {
  const type = page[start];
  if (type !== undefined && TABLE_PAGES.includes(type)) return { cells: [], badCells: 0 };
  if (type !== INTERIOR_INDEX && type !== LEAF_INDEX) return undefined;
  const view = viewOf(page);
  const count = view.getUint16(start + 3);
  const first = start + (type === INTERIOR_INDEX ? 12 : 8);
  if (first + 2 * count > page.length) return { cells: [], badCells: count };
  const cells: Cell[] = [];
  for (let i = 0; i < count; i += 1) {
    const at = view.getUint16(first + 2 * i) + (type === INTERIOR_INDEX ? 4 : 0);
    const cell = at < first + 2 * count ? undefined : cellAt(page, at);
    if (cell) cells.push(cell);
  }
  return { cells, badCells: count - cells.length };
}

function cellAt(page: Uint8Array, at: number): Cell | undefined {
  const size = varint(page, at);
  if (size === undefined) return undefined;
  const bytes = size.value;
  const local = localBytes(bytes, page.length);
  const end = size.end + local;
  const isWhole = local === bytes;
  if (bytes < 1 || end + (isWhole ? 0 : 4) > page.length) return undefined;
  const overflow = isWhole ? 0 : viewOf(page).getUint32(end);
  return { local: page.subarray(size.end, end), bytes, overflow };
}

/** Bytes of a payload that stay in the page; the rest goes into a chain. */
function localBytes(payload: number, usable: number): number {
  const max = Math.floor(((usable - 12) * 64) / 255) - 23;
  if (payload <= max) return payload;
  const min = Math.floor(((usable - 12) * 32) / 255) - 23;
  const part = min + ((payload - min) % (usable - 4));
  return part <= max ? part : min;
}

/** A column: what is needed of its types. */
export type Column = Uint8Array | number | null;

/**
 * The columns of a row, or undefined if it is not one.
 *
 * @example
 * ```ts
 * const [key, value, encoding] = readRow(payload) ?? [];
 * ```
 */
export function readRow(payload: Uint8Array): Column[] | undefined {
  const header = varint(payload, 0);
  if (!header || header.value > payload.length) return undefined;
  const columns: Column[] = [];
  let at = header.value;
  for (let i = header.end; i < header.value;) {
    const type = varint(payload, i);
    if (!type) return undefined;
    const column = columnAt(payload, at, type.value);
    if (!column) return undefined;
    columns.push(column.value);
    at = column.end;
    i = type.end;
  }
  return columns;
}

/** Lengths of integers by their type. */
const INTEGER_BYTES = [0, 1, 2, 3, 4, 6, 8];

function columnAt(
  payload: Uint8Array,
  at: number,
  type: number,
): { value: Column; end: number } | undefined {
  if (type === 0 || type === 8 || type === 9) {
    return { value: type === 0 ? null : type - 8, end: at };
  }
  if (type < 7) {
    const end = at + INTEGER_BYTES[type]!;
    return end > payload.length ? undefined : { value: integer(payload.subarray(at, end)), end };
  }
  if (type < 12) return undefined;
  const end = at + ((type - 12) >> 1);
  return end > payload.length ? undefined : { value: payload.subarray(at, end), end };
}

/** A big-endian two's complement. */
function integer(bytes: Uint8Array): number {
  let value = (bytes[0] ?? 0) > 127 ? -1 : 0;
  for (const byte of bytes) value = value * 256 + byte;
  return value;
}

/** A varint of at most five bytes: no length here is larger. */
function varint(bytes: Uint8Array, at: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let i = at; i < at + 5 && i < bytes.length; i += 1) {
    value = value * 128 + (bytes[i]! & 0x7f);
    if (bytes[i]! < 0x80) return { value, end: i + 1 };
  }
  return undefined;
}

/** A view of all of `bytes`. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
