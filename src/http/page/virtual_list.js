/** A list of any length, of which only what is seen is there. */

import { h } from "./dom.js";

/** Rows kept ready above and below what is seen. */
const OVERSCAN = 8;

/** Which rows are to be there. */
export function windowOf(scrollTop, height, count, rowHeight) {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - OVERSCAN);
  const last = Math.min(count, Math.ceil((scrollTop + height) / rowHeight) + OVERSCAN);
  return { first: Math.min(first, count), last };
}

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
  #rows = new Map();
  #spare = [];
  #frame = 0;

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
      const row = event.target.closest("[data-index]");
      if (row) this.#pick(Number(row.dataset.index));
    });
    new ResizeObserver(() => this.refresh()).observe(box);
  }

  /** The rows that are there. */
  get window() {
    const { scrollTop, clientHeight } = this.#box;
    return windowOf(scrollTop, clientHeight, this.#count, this.#options.rowHeight);
  }

  /** How many rows there are, and which one is chosen (-1 for none). */
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

  /** Brings a row into sight. */
  reveal(index) {
    const { rowHeight } = this.#options;
    const top = index * rowHeight;
    const { scrollTop, clientHeight } = this.#box;
    if (top < scrollTop) this.#box.scrollTop = top;
    else if (top + rowHeight > scrollTop + clientHeight) {
      this.#box.scrollTop = top + rowHeight - clientHeight;
    }
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

  #drawRow(index) {
    const row = this.#rows.get(index) ?? this.#spare.pop() ?? this.#newRow();
    this.#rows.set(index, row);
    row.hidden = false;
    row.id = `${this.#box.id}-${index}`;
    row.dataset.index = index;
    row.style.transform = `translateY(${index * this.#options.rowHeight}px)`;
    row.setAttribute("aria-posinset", index + 1);
    row.setAttribute("aria-setsize", this.#count);
    row.setAttribute("aria-selected", index === this.#active);
    this.#options.render(row, index);
  }

  #newRow() {
    const row = h("div", { className: "row", role: "option" });
    this.#space.append(row);
    return row;
  }

  #key(event) {
    const page = Math.max(1, Math.floor(this.#box.clientHeight / this.#options.rowHeight) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
    const to = event.key === "Home"
      ? 0
      : event.key === "End"
      ? this.#count - 1
      : event.key in steps
      ? this.#active + steps[event.key]
      : undefined;
    if (to === undefined || this.#count === 0 || event.ctrlKey || event.altKey) return;
    event.preventDefault();
    this.#pick(Math.min(Math.max(to, 0), this.#count - 1));
  }

  #pick(index) {
    this.#active = index;
    this.reveal(index);
    this.refresh();
    this.#options.onPick(index);
  }
}
