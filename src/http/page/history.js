/** What a key was before: a plot where it is a number, and the list of versions with what changed. */

import { numberOf, prettyText } from "./api.js";
import { around, diffLines } from "./diff.js";
import { h } from "./dom.js";
import { plot } from "./plot.js";
import { moment, writer } from "./words.js";

/** @import { Version } from "./types.ts" */

/** Versions kept in the page. */
const VERSIONS_MAX = 500;

/** Versions in the list; the plot has all. */
const LISTED_MAX = 50;

/** Versions of one key: those the service keeps, and those that came since. */
export class History {
  /**
   * By revision, so that what comes both ways is there once.
   *
   * @type {Map<number, Version>}
   */
  #versions = new Map();

  /** @param {readonly Version[]} versions */
  add(versions) {
    for (const version of versions) this.#versions.set(version.revision, version);
    const revisions = [...this.#versions.keys()].sort((a, b) => a - b);
    for (const old of revisions.slice(0, -VERSIONS_MAX)) this.#versions.delete(old);
  }

  /** Oldest first. */
  get all() {
    return [...this.#versions.values()].sort((a, b) => a.revision - b.revision);
  }
}

/**
 * The plot and the list.
 *
 * @param {string} key
 * @param {readonly Version[]} versions Oldest first.
 * @param {{
 *   isKept: boolean,
 *   onRevert: ((version: Version) => void) | undefined,
 *   nowMs: number,
 * }} options Whether the service keeps earlier versions, and what writes one of them anew.
 */
export function historyView(key, versions, { isKept, onRevert, nowMs }) {
  const numbers = versions.map((version) => ({
    timeMs: version.timeMs,
    number: version.operation === "set" ? numberOf(version.value) : undefined,
    isSet: version.operation === "set",
  }));
  const isNumeric = numbers.some(({ isSet }) => isSet) &&
    numbers.every(({ number, isSet }) => !isSet || number !== undefined);
  const newestFirst = [...versions].reverse();
  const items = newestFirst.slice(0, LISTED_MAX).map((version, index) =>
    versionView(
      version,
      newestFirst[index + 1],
      isNumeric,
      index === 0 ? undefined : onRevert,
    )
  );
  const more = newestFirst.length > LISTED_MAX
    ? `The list shows the last ${LISTED_MAX} of ${newestFirst.length} versions.`
    : isKept
    ? ""
    : "The service keeps no earlier versions of it; newer ones show as they come.";
  return h(
    "section",
    { className: "history" },
    h("h3", {}, "History"),
    isNumeric && versions.length > 0 ? plot(numbers, `History of ${key}`, nowMs) : undefined,
    h("ol", { className: "versions" }, ...items),
    more === "" ? undefined : h("p", { className: "muted" }, more),
  );
}

/**
 * @param {Version} version
 * @param {Version | undefined} before
 * @param {boolean} isNumeric
 * @param {((version: Version) => void) | undefined} onRevert
 */
function versionView(version, before, isNumeric, onRevert) {
  const { revision, operation, timeMs, source, note } = version;
  const isSet = operation === "set";
  return h(
    "li",
    {},
    h(
      "div",
      { className: "line" },
      isNumeric && isSet
        ? h("code", { className: "value" }, prettyText(version.value))
        : h("span", { className: "value" }, isSet ? before ? "changed" : "set" : "deleted"),
      onRevert && isSet
        ? h("button", { type: "button", onclick: () => onRevert(version) }, "Put back")
        : undefined,
    ),
    h(
      "div",
      { className: "about muted" },
      h("span", {}, writer(source), note ? `: ${note}` : ""),
      h("time", { dateTime: new Date(timeMs).toISOString() }, moment(timeMs)),
      h("span", {}, `rev ${revision}`),
    ),
    isNumeric || !isSet ? undefined : valueDiff(version, before),
  );
}

/**
 * @param {Version} version
 * @param {Version | undefined} before
 */
function valueDiff({ value }, before) {
  const text = prettyText(value);
  if (before?.operation !== "set") return h("pre", { className: "diff" }, text.slice(0, 4000));
  const lines = diffLines(prettyText(before.value), text);
  if (!lines) return h("p", { className: "muted" }, "Too long to compare line by line.");
  const marks = { same: "  ", gone: "− ", new: "+ " };
  const names = { same: undefined, gone: "removed: ", new: "added: " };
  return h(
    "pre",
    { className: "diff" },
    ...around(lines).map((line) =>
      line === undefined ? h("span", { className: "muted" }, "  …\n") : h(
        "span",
        { className: line.kind },
        h("span", { "aria-hidden": "true" }, marks[line.kind]),
        names[line.kind] ? h("span", { className: "unseen" }, names[line.kind]) : undefined,
        `${line.text}\n`,
      )
    ),
  );
}
