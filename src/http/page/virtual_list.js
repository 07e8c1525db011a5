/** A list of any length, of which only what is seen is there. */

import { h } from "./dom.js";
import { rowBehind, scrollTo, windowOf } from "./rows_seen.js";

/** @import { Span } from "./types.ts" */

/**
 * A listbox: arrows, Page Up and Down, Home and End move, and a screen reader hears which of how many.
 *
 * `render(row, index)` fills a row; `onPick(index)` is called for the row that is chosen;
 * `onWindow(first, last)` when other rows come into sight.
 */
export class VirtualList {
  #box;
  #space = h("div", { className: "space", role: "presentation" });
  #options;
  #count = 0;
  #active = -1;
  /** @type {Map<number, HTMLElement>} */
  #rows = new Map();
  /** @type {HTMLElement[]} */
  #spare = [];
  #frame = 0;

  /**
   * @param {HTMLElement} box
   * @param {{
   *   label: string,
   *   rowHeight: number,
   *   render: (row: HTMLElement, index: number) => void,
   *   onPick: (index: number) => void,
   *   onWindow: (first: number, last: number) => void,
   * }} options
   */
  constructor(box, { label, rowHeight, render, onPick, onWindow }) {
    this.#box = box;
    this.#options = { rowHeight, render, onPick, onWindow };
    box.setAttribute("role", "listbox");
    box.setAttribute("aria-label", label);
    box.tabIndex = 0;
    box.append(this.#space);
    box.addEventListener("scroll", () => this.refresh(), { passive: true });
    box.addEventListener("keydown", (event) => this.#key(event));
    box.addEventListener("click", (event) => {
      const target = /** @type {Element} */ (event.target);
      const row = target.closest("[data-index]");
      if (row) this.#pick(Number(row.getAttribute("data-index")));
    });
    new ResizeObserver(() => this.refresh()).observe(box);
  }

  /**
   * The rows that are there.
   *
   * @returns {Span}
   */
  get window() {
    const { scrollTop, clientHeight } = this.#box;
    return windowOf(scrollTop, clientHeight, this.#count, this.#options.rowHeight);
  }

  /**
   * How many rows there are, and which one is chosen (-1 for none).
   *
   * @param {number} count
   * @param {number} active
   */
  set(count, active) {
    this.#count = count;
    this.#active = active;
    this.#space.style.height = `${count * this.#options.rowHeight}px`;
    this.refresh();
  }

  /** Draws what is seen, once in the next frame. */
  refresh() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  /**
   * Brings a row into sight.
   *
   * @param {number} index
   */
  reveal(index) {
    const { scrollTop, clientHeight } = this.#box;
    this.#box.scrollTop = scrollTo(index, scrollTop, clientHeight, this.#options.rowHeight);
  }

  /** Puts the keyboard here. */
  focus() {
    this.#box.focus();
  }

  #draw() {
    const { first, last } = this.window;
    for (const [index, row] of this.#rows) {
      if (index >= first && index < last) continue;
      this.#rows.delete(index);
      this.#spare.push(row);
      row.hidden = true;
    }
    for (let index = first; index < last; index += 1) this.#drawRow(index);
    const active = this.#rows.get(this.#active);
    if (active) this.#box.setAttribute("aria-activedescendant", active.id);
    else this.#box.removeAttribute("aria-activedescendant");
    if (last > first) this.#options.onWindow(first, last);
  }

  /** @param {number} index */
  #drawRow(index) {
    const row = this.#rows.get(index) ?? this.#spare.pop() ?? this.#newRow();
    this.#rows.set(index, row);
    row.hidden = false;
    row.id = `${this.#box.id}-${index}`;
    row.dataset.index = String(index);
    row.style.transform = `translateY(${index * this.#options.rowHeight}px)`;
    row.setAttribute("aria-posinset", String(index + 1));
    row.setAttribute("aria-setsize", String(this.#count));
    row.setAttribute("aria-selected", String(index === this.#active));
    this.#options.render(row, index);
  }

  #newRow() {
    const row = h("div", { className: "row", role: "option" });
    this.#space.append(row);
    return row;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const page = Math.max(1, Math.floor(this.#box.clientHeight / this.#options.rowHeight) - 1);
    const to = rowBehind(event.key, this.#active, this.#count, page);
    if (to === undefined || event.ctrlKey || event.altKey) return;
    event.preventDefault();
    this.#pick(to);
  }

  /** @param {number} index */
  #pick(index) {
    this.#active = index;
    this.reveal(index);
    this.refresh();
    this.#options.onPick(index);
  }
}
