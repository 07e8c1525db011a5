/** The page: where the reader is, what is shown there, and whether it is still true. */

import { askKeys, askRows, messageOf, Refused } from "./api.js";
import { Detail } from "./detail.js";
import { byId, h, setText } from "./dom.js";
import { deleteScope, newKey } from "./edit.js";
import { KeyList } from "./keys.js";
import { Live } from "./live.js";
import { drawBus, drawHealth, ScopeList } from "./overview.js";
import { chooseTheme } from "./theme.js";
import { VirtualList } from "./virtual_list.js";
import { age, ago, clock, counted, moment, verdict } from "./words.js";

/** @import { Link, Overview, Place } from "./types.ts" */

const ROW_HEIGHT = 30;

/** A row that was just changed is marked for so long. */
const FRESH_MS = 1200;

/** Values asked for at once; the service takes 500. */
const ROWS_AT_ONCE = 200;

const scopes = new ScopeList();
const detail = new Detail();
/** @type {Overview} */
let overview = { checks: [] };
/** @type {Place} */
let place = { view: "state" };
let keys = new KeyList();
/** Counts scopes that were opened and loads, so that a late answer is known. */
let turn = 0;
let isStale = false;
let asking = false;

const list = new VirtualList(byId("keys"), {
  label: "Keys",
  rowHeight: ROW_HEIGHT,
  render: drawRow,
  onPick: (index) => go(place.scope, keys.shown[index]),
  onWindow: askMissing,
});

const live = new Live({
  onOverview(next) {
    overview = next;
    drawOverview();
  },
  onReset: load,
  onChanges(changes) {
    keys.apply(changes, Date.now());
    drawKeys();
    detail.apply(changes);
  },
  onState: drawLink,
});

/**
 * `#/s/<scope>/<key>`, `#/bus`, `#/health`.
 *
 * @returns {Place}
 */
function readPlace() {
  const [first = "", scope, key] = location.hash.slice(2).split("/");
  if (first === "bus" || first === "health") return { view: first };
  if (first !== "s" || !scope) return { view: "state" };
  return { view: "state", scope: decoded(scope), key: key && decoded(key) };
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * @param {string | undefined} scope
 * @param {string} [key]
 */
function hashOf(scope, key) {
  const parts = [scope, key].map((part) => part === undefined ? [] : [encodeURIComponent(part)]);
  return `#/s/${parts.flat().join("/")}`;
}

/**
 * @param {string | undefined} scope
 * @param {string} key
 */
function go(scope, key) {
  // Moving through a list is no history to go back through.
  history.replaceState(null, "", hashOf(scope, key));
  show();
}

function show() {
  const before = place;
  place = readPlace();
  const { view, scope, key } = place;
  for (const name of ["state", "bus", "health"]) byId(name).hidden = name !== view;
  for (const link of document.querySelectorAll("[data-view]")) {
    if (link.getAttribute("data-view") === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (view !== "state") return drawOverview();
  if (scope !== before.scope) openScope(scope);
  scopes.select(scope);
  detail.show(scope, key);
  byId("state").dataset.pane = key !== undefined
    ? "detail"
    : scope !== undefined
    ? "keys"
    : "scopes";
  for (const [pane, href] of [["keys-pane", "#/"], ["detail-pane", hashOf(scope ?? "")]]) {
    byId(pane).querySelector(".back")?.setAttribute("href", href);
  }
  document.title = [key, scope, "plantd-state"].filter(Boolean).join(" · ");
  drawKeys();
  return drawTools();
}

/** @param {string | undefined} scope */
function openScope(scope) {
  turn += 1;
  keys = new KeyList();
  byId("keys-filter").value = "";
  setText(byId("keys-title"), scope ?? "Keys");
  byId("keys").scrollTop = 0;
  live.follow(scope);
}

/** Loads the scope's keys anew: what is shown stays until the new ones are there. */
async function load() {
  turn += 1;
  const own = turn;
  const { scope = "" } = place;
  const fresh = new KeyList();
  fresh.setFilter(byId("keys-filter").value);
  keys = fresh;
  try {
    await askKeys(scope, (names) => {
      if (own !== turn) return false;
      fresh.addPage(names);
      drawKeys();
      return true;
    });
  } catch (error) {
    if (!(error instanceof Refused && error.status === 404)) {
      setText(byId("keys-count"), messageOf(error));
    }
  }
  if (own !== turn) return;
  fresh.loaded();
  drawKeys();
  detail.reload();
}

/**
 * Asks for the values in sight that are not known.
 *
 * @param {number} first
 * @param {number} last
 */
async function askMissing(first, last) {
  if (asking || place.scope === undefined) return;
  const missing = keys.missing(first, last).slice(0, ROWS_AT_ONCE);
  if (missing.length === 0) return;
  asking = true;
  const own = keys;
  try {
    own.putRows(await askRows(place.scope, missing));
    if (own === keys) list.refresh();
  } catch {
    // The state of the link tells that nothing is known; the next change or scroll asks again.
  } finally {
    asking = false;
    const window = list.window;
    if (own !== keys) askMissing(window.first, window.last);
  }
}

/**
 * @param {HTMLElement} row
 * @param {number} index
 */
function drawRow(row, index) {
  const key = keys.shown[index];
  const known = keys.row(key);
  if (row.children.length === 0) {
    row.append(
      h("span", { className: "name" }),
      h("code", { className: "value" }),
      h("span", { className: "age muted" }),
    );
  }
  const [name, value, time] = row.children;
  setText(name, key);
  setText(value, known ? known.text + (known.cut ? "…" : "") : "");
  setText(time, known ? age(Date.now() - known.timeMs) : "");
  time.setAttribute("title", known ? moment(known.timeMs) : "");
  row.classList.toggle("fresh", Date.now() - (known?.changedMs ?? 0) < FRESH_MS);
}

function drawKeys() {
  const { scope, key } = place;
  const shown = keys.shown.length;
  list.set(shown, key === undefined ? -1 : keys.indexOf(key));
  const isFiltered = shown !== keys.size;
  setText(
    byId("keys-count"),
    scope === undefined
      ? ""
      : keys.isLoading
      ? `${counted(keys.size, "key")} so far…`
      : isFiltered
      ? `${shown.toLocaleString()} of ${counted(keys.size, "key")}`
      : counted(keys.size, "key"),
  );
  const hint = scope === undefined
    ? "Pick a scope to see its keys."
    : shown > 0 || keys.isLoading
    ? ""
    : keys.size > 0
    ? "No key has this in its name."
    : "This scope has no keys, or is not there.";
  byId("keys").dataset.hint = hint;
}

function drawTools() {
  const can = Boolean(overview.edit) && place.scope !== undefined;
  byId("new-key").hidden = !can;
  byId("delete-scope").hidden = !can;
  detail.canEdit = Boolean(overview.edit);
}

function drawOverview() {
  const { checks, service = "plantd-state" } = overview;
  setText(byId("service"), service);
  const { level, text } = isStale ? { level: "unknown", text: "Health unknown" } : verdict(checks);
  byId("well").dataset.level = level;
  setText(byId("well"), text);
  scopes.set(overview, place.scope);
  if (place.view === "bus") drawBus(overview);
  if (place.view === "health") drawHealth(overview);
  drawTools();
}

/** @param {Link} link */
function drawLink({ isLive, sinceMs, why }) {
  const pill = byId("link");
  pill.dataset.level = isLive ? "good" : sinceMs === 0 ? "unknown" : "bad";
  // Only the words that change what it means: a screen reader would read each second aloud.
  setText(pill, isLive ? "Live" : sinceMs === 0 ? "Connecting…" : "Stale");
  if (isStale !== (!isLive && sinceMs > 0)) {
    isStale = !isStale;
    document.body.classList.toggle("stale", isStale);
    drawOverview();
  }
  const banner = byId("banner");
  banner.hidden = isLive || sinceMs === 0;
  if (!banner.hidden) {
    setText(banner, `Not live: ${why}. What you see is as of ${clock(sinceMs)}. Trying again.`);
  }
  pill.title = sinceMs === 0 ? "" : `last heard ${ago(Date.now() - sinceMs)}`;
}

byId("keys-filter").addEventListener("input", () => {
  keys.setFilter(byId("keys-filter").value);
  byId("keys").scrollTop = 0;
  drawKeys();
});

byId("keys-filter").addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" || event.key === "Enter") {
    event.preventDefault();
    list.focus();
    if (keys.shown.length > 0 && keys.indexOf(place.key ?? "") < 0) go(place.scope, keys.shown[0]);
  }
});

addEventListener("keydown", (event) => {
  const isTyping = /^(INPUT|TEXTAREA)$/.test(document.activeElement?.tagName ?? "");
  if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  byId(place.scope === undefined ? "scopes-filter" : "keys-filter").focus();
});

byId("new-key").addEventListener("click", async () => {
  const { scope } = place;
  const made = scope === undefined ? undefined : await newKey(scope);
  if (made !== undefined) go(scope, made);
});

byId("delete-scope").addEventListener("click", async () => {
  const { scope } = place;
  if (scope !== undefined && await deleteScope(scope, counted(keys.size, "key"))) {
    location.hash = "#/";
  }
});

chooseTheme();
addEventListener("hashchange", show);
setInterval(() => list.refresh(), 1000);
show();
