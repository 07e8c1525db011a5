/** What concerns the whole service: its scopes, the bus and its health. */

import { byId, h, setText } from "./dom.js";
import { ago, checkWords, count, counted, reason, size, verdict } from "./words.js";

/** @import { Overview, Scope } from "./types.ts" */

/** The name under which the bus counts what belongs to no scope; no scope can be called so. */
const OTHER = "/other";

/** The list of scopes. */
export class ScopeList {
  #box = byId("scopes");
  #filter = byId("scopes-filter");
  /** @type {readonly Scope[]} */
  #scopes = [];
  #total = 0;
  /** @type {string | undefined} */
  #active;
  #nowMs = 0;
  /** @type {Map<string, HTMLLIElement>} */
  #items = new Map();

  constructor() {
    this.#filter.addEventListener("input", () => this.#draw());
  }

  /**
   * What there is now.
   *
   * @param {Overview} overview
   * @param {string | undefined} active
   */
  set({ scopes = [], store, now = 0 }, active) {
    this.#scopes = scopes;
    this.#total = store?.scopes ?? 0;
    this.#active = active;
    this.#nowMs = now;
    this.#draw();
  }

  /**
   * Which one is open.
   *
   * @param {string | undefined} active
   */
  select(active) {
    this.#active = active;
    this.#draw();
  }

  #draw() {
    const text = this.#filter.value.toLowerCase();
    const shown = this.#scopes.filter(({ scope }) => scope.toLowerCase().includes(text));
    setText(byId("scopes-count"), count(this.#total));
    const items = shown.map((scope) => this.#item(scope));
    if (this.#total > this.#scopes.length) {
      items.push(
        h("li", { className: "muted" }, `the first ${count(this.#scopes.length)} are shown`),
      );
    }
    if (items.length === 0) items.push(h("li", { className: "empty" }, "No scopes."));
    const isSame = items.length === this.#box.children.length &&
      items.every((item, i) => item === this.#box.children[i]);
    if (!isSame) this.#box.replaceChildren(...items);
  }

  /**
   * The same element each time, so that the keyboard stays where it is.
   *
   * @param {Scope} scope
   */
  #item({ scope, keys, changedMs }) {
    let item = this.#items.get(scope);
    if (!item) {
      const link = h(
        "a",
        { href: `#/s/${encodeURIComponent(scope)}` },
        h("span", { className: "name" }, scope),
        h("span", { className: "muted number" }),
        h("span", { className: "muted age" }),
      );
      item = h("li", {}, link);
      this.#items.set(scope, item);
    }
    const [link] = item.children;
    setText(link.children[1], counted(keys, "key"));
    setText(link.children[2], changedMs === undefined ? "" : ago(this.#nowMs - changedMs));
    if (scope === this.#active) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
    return item;
  }
}

/**
 * What became of the updates on the bus.
 *
 * @param {Overview} overview
 */
export function drawBus({ bus }) {
  const box = byId("bus");
  if (!bus) return box.replaceChildren(h("p", { className: "empty" }, "The service is starting."));
  const { received, stored, coalesced, pending, rejected } = bus.totals;
  const rejectedCount = total(rejected);
  const sentence = received === 0
    ? "No update has come from the bus since the service started."
    : `Since the service started ${counted(received, "update")} came: ${count(stored)} stored, ` +
      (coalesced === 0 ? "" : `${count(coalesced)} overtaken by a later one of the same key, `) +
      `${count(pending)} waiting for the disk, ${count(rejectedCount)} rejected.`;
  const scopes = Object.entries(bus.byScope).sort((a, b) => b[1].received - a[1].received);
  return box.replaceChildren(
    h("h2", {}, "Bus"),
    h(
      "p",
      {},
      bus.connected ? "The bus is connected. " : "The bus is not connected: nothing can arrive. ",
      sentence,
    ),
    tableOf(
      "Rejected, by reason",
      ["Reason", "Updates", "What it means"],
      Object.entries(rejected).map(([code, number]) => [code, count(number), reason(code)]),
      "Nothing was rejected.",
    ),
    tableOf(
      "By scope",
      ["Scope", "Received", "Stored", "Overtaken", "Waiting", "Rejected"],
      scopes.map(([scope, counts]) => [
        scope === OTHER ? "no scope that exists" : scope,
        count(counts.received),
        count(counts.stored),
        count(counts.coalesced),
        count(counts.pending),
        rejectionsOf(counts.rejected),
      ]),
      "Nothing came.",
    ),
  );
}

/**
 * How the service is, in words.
 *
 * @param {Overview} overview
 */
export function drawHealth({ checks, store, worker, database, version, service, epoch, revision }) {
  const items = checks.map((check) => {
    const { title, sentence } = checkWords(check);
    const mark = { pass: "✓", warn: "!", fail: "✕" }[check.status];
    return h(
      "li",
      { "data-level": check.status },
      h("span", { className: "mark", "aria-hidden": "true" }, mark),
      h("strong", {}, title),
      h("span", {}, sentence),
    );
  });
  const facts = store && worker && database
    ? [
      ["Service", `${service}, version ${version}`],
      ["Revision", `${count(revision ?? 0)} in epoch ${epoch}`],
      ["Stored", `${counted(store.keys, "key")} in ${counted(store.scopes, "scope")}`],
      ["Database", `${size(database.bytes)}, write-ahead log ${size(database.walBytes)}`],
      ["Waiting", counted(store.pending, "write")],
      ["Lanes", `${worker.connected} of ${worker.lanes} connected, ${worker.busy} busy`],
      ["Conversations begun anew", count(worker.reconnects)],
    ]
    : [];
  byId("health").replaceChildren(
    h("h2", {}, verdict(checks).text),
    h("ul", { className: "checks" }, ...items),
    h("dl", {}, ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    h(
      "p",
      { className: "muted" },
      "For monitoring: ",
      h("a", { href: "/metrics" }, "/metrics"),
      ", ",
      h("a", { href: "/readyz?verbose" }, "/readyz?verbose"),
      ", ",
      h("a", { href: "/healthz" }, "/healthz"),
      ". For programs: ",
      h("a", { href: "/api/v1/openapi.json" }, "the API"),
      ".",
    ),
  );
}

/** @param {Readonly<Record<string, number>>} rejected */
function rejectionsOf(rejected) {
  const reasons = Object.entries(rejected).map(([code, number]) => `${code} ${count(number)}`);
  return reasons.length === 0 ? "0" : `${count(total(rejected))} (${reasons.join(", ")})`;
}

/** @param {Readonly<Record<string, number>>} rejected */
function total(rejected) {
  return Object.values(rejected).reduce((sum, number) => sum + number, 0);
}

/**
 * @param {string} caption
 * @param {readonly string[]} heads
 * @param {readonly (readonly string[])[]} rows
 * @param {string} none What is said where there are no rows.
 */
function tableOf(caption, heads, rows, none) {
  if (rows.length === 0) {
    return h("section", {}, h("h3", {}, caption), h("p", { className: "muted" }, none));
  }
  const isNumber = (/** @type {string} */ text) => /^[\d.,\s\u202f]+$/.test(text);
  return h(
    "table",
    {},
    h("caption", {}, caption),
    h("thead", {}, h("tr", {}, ...heads.map((head) => h("th", { scope: "col" }, head)))),
    h(
      "tbody",
      {},
      ...rows.map((row) =>
        h(
          "tr",
          {},
          ...row.map((cell) => h("td", { className: isNumber(cell) ? "number" : "" }, cell)),
        )
      ),
    ),
  );
}
