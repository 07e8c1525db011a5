/** One key: its value, who wrote it, and what it was before. */

import {
  askEntry,
  askHistory,
  askIsKept,
  exactText,
  numberOf,
  prettyText,
  Refused,
} from "./api.js";
import { byId, h, setText } from "./dom.js";
import { deleteKey, editValue, revert } from "./edit.js";
import { History, historyView } from "./history.js";
import { ago, moment, writer } from "./words.js";

/** Characters of a value that are shown; the rest is there to be copied. */
const SHOWN_MAX = 100_000;

/** The pane of one key. */
export class Detail {
  #box = byId("detail");
  #title = byId("detail-title");
  #scope;
  #key;
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

  /** Whether it offers to change anything. */
  set canEdit(can) {
    if (can === this.#canEdit) return;
    this.#canEdit = can;
    if (this.#entry) this.#draw();
  }

  /** Shows a key; undefined shows none. */
  show(scope, key) {
    if (scope === this.#scope && key === this.#key) return;
    this.#scope = scope;
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
      if (turn === this.#turn) this.#empty(`It could not be asked for: ${error.message}.`);
    }
  }

  /** Takes changes of the scope that is shown, in order. */
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

  #take(entry) {
    this.#entry = entry;
    if (entry) this.#history.add([versionOf({ ...entry, operation: "set" })]);
    this.#draw();
  }

  #empty(text) {
    this.#box.replaceChildren(h("p", { className: "empty" }, text));
  }

  #draw() {
    const entry = this.#entry;
    const scroll = this.#box.scrollTop;
    const focused = document.activeElement?.dataset?.action;
    const history = historyView(this.#key, this.#history.all, {
      isKept: this.#isKept,
      nowMs: Date.now(),
      onRevert: this.#canEdit && this.#isKept && entry
        ? (version) => revert(this.#scope, this.#key, version, entry.revision)
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
    if (focused) this.#box.querySelector(`[data-action="${focused}"]`)?.focus();
  }

  #value(entry) {
    const text = prettyText(entry.value);
    const isNumber = numberOf(entry.value) !== undefined;
    const copy = (event) => {
      navigator.clipboard?.writeText(exactText(entry.value));
      setText(event.target, "Copied");
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
          onclick: () => editValue(this.#scope, this.#key, text, entry.revision),
        }, "Edit"),
        this.#canEdit && h("button", {
          type: "button",
          className: "danger",
          "data-action": "delete",
          onclick: () => deleteKey(this.#scope, this.#key, entry.revision),
        }, "Delete"),
      ),
      h("pre", { className: isNumber ? "big" : "text", id: "value" }, text.slice(0, SHOWN_MAX)),
      text.length > SHOWN_MAX && h("p", { className: "muted" }, "Only its beginning is shown."),
      facts(entry),
    );
  }

  #drawAges() {
    const time = this.#entry && this.#box.querySelector("[data-age]");
    if (time) setText(time, ago(Date.now() - Date.parse(this.#entry.time)));
  }
}

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

/** As the history keeps it. */
function versionOf({ revision, operation, value, time, source, note }) {
  return { revision, operation, value, timeMs: Date.parse(time), source, note };
}

function noSuchKey(error) {
  if (error instanceof Refused && error.status === 404) return undefined;
  throw error;
}
