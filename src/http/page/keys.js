/** The keys of one scope, and the values of those that were looked at. */

/** @import { Change, Row } from "./types.ts" */

/** Values kept; those looked at longest ago go first. */
const ROWS_MAX = 5000;

/** Changes applied one by one; a larger heap of new names is sorted at once. */
const INSERT_MAX = 200;

/**
 * Index of the first of sorted `names` that is not before `name`.
 *
 * @param {readonly string[]} names
 * @param {string} name
 */
export function placeOf(names, name) {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (names[middle] < name) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Sorted names, filtered; and rows by key. */
export class KeyList {
  /**
   * All names, sorted as the service sorts them: by UTF-16 code units.
   *
   * @type {string[]}
   */
  #names = [];
  /** @type {Set<string>} */
  #known = new Set();
  #filter = "";
  #shown = this.#names;
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /**
   * Deleted while the names are still coming: a page under way may still have them.
   *
   * @type {Set<string>}
   */
  #gone = new Set();
  isLoading = true;

  /** The names that pass the filter. */
  get shown() {
    return this.#shown;
  }

  /** How many there are, whatever the filter. */
  get size() {
    return this.#names.length;
  }

  /** @param {string} key */
  has(key) {
    return this.#known.has(key);
  }

  /** @param {string} key */
  row(key) {
    return this.#rows.get(key);
  }

  /**
   * Where a key is shown; -1 when it is not.
   *
   * @param {string} key
   */
  indexOf(key) {
    const at = placeOf(this.#shown, key);
    return this.#shown[at] === key ? at : -1;
  }

  /**
   * Takes a page of the listing.
   *
   * @param {readonly string[]} names
   */
  addPage(names) {
    this.#insert(names.filter((name) => !this.#gone.has(name)));
    this.#show();
  }

  /** All pages have come. */
  loaded() {
    this.isLoading = false;
    this.#gone.clear();
  }

  /**
   * Shows only names that have `text` in them, in upper or lower case.
   *
   * @param {string} text
   */
  setFilter(text) {
    this.#filter = text.toLowerCase();
    this.#show();
  }

  /**
   * Those of the shown names from `first` to `last` whose values are not known.
   *
   * @param {number} first
   * @param {number} last
   */
  missing(first, last) {
    return this.#shown.slice(first, last).filter((key) => !this.#rows.has(key));
  }

  /**
   * Takes values, except those that were changed since.
   *
   * @param {readonly Row[]} rows
   */
  putRows(rows) {
    for (const row of rows) {
      if ((this.#rows.get(row.key)?.revision ?? -1) > row.revision || !this.#known.has(row.key)) {
        continue;
      }
      this.#put(row.key, row);
    }
  }

  /**
   * Takes changes of this scope, in order.
   *
   * @param {readonly Change[]} changes
   * @param {number} atMs
   */
  apply(changes, atMs) {
    /** @type {string[]} */
    const created = [];
    let isOther = false;
    for (const { operation, key = "", text, revision, timeMs } of changes) {
      if (operation === "set") {
        if (!this.#known.has(key)) created.push(key);
        this.#gone.delete(key);
        this.#put(key, { key, text, cut: false, revision, timeMs, changedMs: atMs });
      } else if (operation === "delete") {
        isOther = this.#remove(key, created) || isOther;
      } else if (operation !== "configure-scope") {
        // The scope is gone, or begins anew.
        this.#names = [];
        this.#known.clear();
        this.#rows.clear();
        created.length = 0;
        isOther = true;
      }
    }
    this.#insert(created);
    if (isOther || created.length > 0) this.#show();
  }

  /**
   * @param {string} key
   * @param {string[]} created
   */
  #remove(key, created) {
    if (this.isLoading) this.#gone.add(key);
    this.#rows.delete(key);
    const fresh = created.indexOf(key);
    if (fresh >= 0) created.splice(fresh, 1);
    if (!this.#known.delete(key)) return false;
    this.#names.splice(placeOf(this.#names, key), 1);
    return true;
  }

  /** @param {readonly string[]} names */
  #insert(names) {
    const fresh = [...new Set(names)].filter((name) => !this.#known.has(name));
    for (const name of fresh) this.#known.add(name);
    const isBehind = fresh.every((name, i) =>
      name > (i === 0 ? this.#names.at(-1) ?? "" : fresh[i - 1])
    );
    if (isBehind || fresh.length > INSERT_MAX) {
      for (const name of fresh) this.#names.push(name);
      if (!isBehind) this.#names.sort((a, b) => a < b ? -1 : 1);
    } else {
      for (const name of fresh) this.#names.splice(placeOf(this.#names, name), 0, name);
    }
  }

  #show() {
    this.#shown = this.#filter === ""
      ? this.#names
      : this.#names.filter((name) => name.toLowerCase().includes(this.#filter));
  }

  /**
   * @param {string} key
   * @param {Row} row
   */
  #put(key, row) {
    this.#rows.delete(key);
    this.#rows.set(key, row);
    if (this.#rows.size > ROWS_MAX) this.#rows.delete(this.#rows.keys().next().value ?? "");
  }
}
