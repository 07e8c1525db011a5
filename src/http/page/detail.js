/** One key: its value, who wrote it, and what it was before. */

import {
  askEntry,
  askHistory,
  askIsKept,
  exactText,
  messageOf,
  numberOf,
  prettyText,
  Refused,
} from "./api.js";
import { byId, h, setText } from "./dom.js";
import { deleteKey, editValue, revert } from "./edit.js";
import { History, historyView } from "./history.js";
import { ago, moment, writer } from "./words.js";

/** @import { Change, Entry, Told, Version } from "./types.ts" */

/** Characters of a value that are shown; the rest is there to be copied. */
const SHOWN_MAX = 100_000;

/** The pane of one key. */
export class Detail {
  #box = byId("detail");
  #title = byId("detail-title");
  #scope = "";
  /** @type {string | undefined} */
  #key;
  /** @type {Entry | undefined} */
  #entry;
  #history = new History();
  #isKept = false;
  #canEdit = false;
  /** Counts what was shown, so that a late answer to an earlier question is known. */
  #turn = 0;

  constructor() {
    setInterval(() => this.#drawAges(), 1000);
    this.#empty("Pick a key to see its value and its history.");
  }

  /**
   * Whether it offers to change anything.
   *
   * @param {boolean} can
   */
  set canEdit(can) {
    if (can === this.#canEdit) return;
    this.#canEdit = can;
    if (this.#entry) this.#draw();
  }

  /**
   * Shows a key; undefined shows none.
   *
   * @param {string | undefined} scope
   * @param {string | undefined} key
   */
  show(scope, key) {
    if ((scope ?? "") === this.#scope && key === this.#key) return;
    this.#scope = scope ?? "";
    this.#key = key;
    this.#entry = undefined;
    this.#history = new History();
    this.#turn += 1;
    setText(this.#title, key ?? "Value");
    if (key === undefined) this.#empty("Pick a key to see its value and its history.");
    else this.reload();
  }

  /** Asks for everything anew. */
  async reload() {
    if (this.#key === undefined) return;
    const turn = this.#turn;
    const [scope, key] = [this.#scope, this.#key];
    try {
      const [entry, versions, isKept] = await Promise.all([
        askEntry(scope, key).catch(noSuchKey),
        askHistory(scope, key),
        askIsKept(scope),
      ]);
      if (turn !== this.#turn) return;
      this.#isKept = isKept;
      if (versions) this.#history.add(versions.map(versionOf));
      this.#take(entry);
    } catch (error) {
      if (turn === this.#turn) this.#empty(`It could not be asked for: ${messageOf(error)}.`);
    }
  }

  /**
   * Takes changes of the scope that is shown, in order.
   *
   * @param {readonly Change[]} changes
   */
  apply(changes) {
    const own = changes.filter(({ key, operation }) =>
      key === this.#key || operation === "delete-scope"
    );
    const last = own.at(-1);
    if (this.#key === undefined || !last) return;
    this.#history.add(own.filter(({ key }) => key === this.#key).map(versionOf));
    const { operation, revision, time, source, value, note, expires } = last;
    const created = this.#entry?.created ?? revision;
    this.#take(
      operation === "set" ? { value, revision, time, source, note, expires, created } : undefined,
    );
  }

  /** @param {Entry | undefined} entry */
  #take(entry) {
    this.#entry = entry;
    if (entry) this.#history.add([versionOf({ ...entry, operation: "set" })]);
    this.#draw();
  }

  /** @param {string} text */
  #empty(text) {
    this.#box.replaceChildren(h("p", { className: "empty" }, text));
  }

  #draw() {
    const [scope, key, entry] = [this.#scope, this.#key ?? "", this.#entry];
    const scroll = this.#box.scrollTop;
    const focused = document.activeElement?.getAttribute("data-action");
    const history = historyView(key, this.#history.all, {
      isKept: this.#isKept,
      nowMs: Date.now(),
      onRevert: this.#canEdit && this.#isKept && entry
        ? (version) => revert(scope, key, version, entry.revision)
        : undefined,
    });
    this.#box.replaceChildren(
      entry
        ? this.#value(entry)
        : h("p", { className: "empty", role: "status" }, "This key is not there."),
      ...(this.#history.all.length > 0 ? [history] : []),
    );
    this.#box.scrollTop = scroll;
    // What had the keyboard was drawn anew.
    if (focused) {
      /** @type {HTMLElement | null} */ (this.#box.querySelector(`[data-action="${focused}"]`))
        ?.focus();
    }
  }

  /** @param {Entry} entry */
  #value(entry) {
    const [scope, key, text] = [this.#scope, this.#key ?? "", prettyText(entry.value)];
    const isNumber = numberOf(entry.value) !== undefined;
    const copy = (/** @type {Event} */ event) => {
      navigator.clipboard?.writeText(exactText(entry.value));
      setText(/** @type {Element} */ (event.target), "Copied");
    };
    return h(
      "section",
      { "aria-label": "Value" },
      h(
        "div",
        { className: "actions start" },
        h("button", { type: "button", onclick: copy, "data-action": "copy" }, "Copy"),
        this.#canEdit && h("button", {
          type: "button",
          "data-action": "edit",
          onclick: () => editValue(scope, key, text, entry.revision),
        }, "Edit"),
        this.#canEdit && h("button", {
          type: "button",
          className: "danger",
          "data-action": "delete",
          onclick: () => deleteKey(scope, key, entry.revision),
        }, "Delete"),
      ),
      h("pre", { className: isNumber ? "big" : "text", id: "value" }, text.slice(0, SHOWN_MAX)),
      text.length > SHOWN_MAX && h("p", { className: "muted" }, "Only its beginning is shown."),
      facts(entry),
    );
  }

  #drawAges() {
    const time = this.#box.querySelector("[data-age]");
    if (this.#entry && time) setText(time, ago(Date.now() - Date.parse(this.#entry.time)));
  }
}

/** @param {Entry} entry */
function facts({ time, source, revision, created, source_time: sourceTime, expires, note }) {
  const rows = [
    [
      "Changed",
      h(
        "span",
        {},
        `${moment(time)} (`,
        h("span", { "data-age": "" }, ago(Date.now() - Date.parse(time))),
        ")",
      ),
    ],
    ["By", writer(source)],
    ["Why", note],
    ["Source's clock", sourceTime && moment(sourceTime)],
    ["Expires", expires && moment(expires)],
    [
      "Revision",
      created === revision
        ? `${revision}, the key's first`
        : `${revision}; the key is there since ${created}`,
    ],
  ];
  return h(
    "dl",
    {},
    ...rows.filter(([, value]) => value).flatMap((
      [name, value],
    ) => [h("dt", {}, name), h("dd", {}, value)]),
  );
}

/**
 * As the history keeps it.
 *
 * @param {Told} told
 * @returns {Version}
 */
function versionOf({ revision, operation, value, time, source, note }) {
  return { revision, operation, value, timeMs: Date.parse(time), source, note };
}

/**
 * @param {unknown} error
 * @returns {undefined}
 */
function noSuchKey(error) {
  if (error instanceof Refused && error.status === 404) return undefined;
  throw error;
}
