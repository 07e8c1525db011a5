/** Numbers, times and reasons in words. */

/** @import { Check } from "./types.ts" */

/**
 * 12345 as people of the browser's language write it.
 *
 * @param {number} number
 */
export function count(number) {
  return number.toLocaleString();
}

/**
 * `1 key`, `2 keys`.
 *
 * @param {number} number
 * @param {string} one
 */
export function counted(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/**
 * How long ago: `3 s`, `5 min`, `2 h`, `9 d`.
 *
 * @param {number} ms
 */
export function age(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 1) return "now";
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/**
 * `3 s ago`, `just now`.
 *
 * @param {number} ms
 */
export function ago(ms) {
  const text = age(ms);
  return text === "now" ? "just now" : `${text} ago`;
}

/**
 * Bytes with a unit.
 *
 * @param {number} [bytes]
 */
export function size(bytes) {
  if (bytes === undefined) return "unknown";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let amount = bytes;
  for (; amount >= 1000 && unit < units.length - 1; unit += 1) amount /= 1000;
  return `${unit === 0 ? amount : amount.toPrecision(3)} ${units[unit]}`;
}

/**
 * A moment, in full.
 *
 * @param {string | number} time
 */
export function moment(time) {
  const date = new Date(time);
  /** @param {number} number */
  const pad = (number, digits = 2) => String(number).padStart(digits, "0");
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ` +
    `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.` +
    pad(date.getMilliseconds(), 3);
}

/**
 * Time of day.
 *
 * @param {string | number} time
 */
export function clock(time) {
  return moment(time).slice(11, 19);
}

/** Who wrote something. */
export function writer(source = "") {
  if (source === "bus") return "an update on the bus";
  if (source === "ttl") return "its time to live";
  if (source.startsWith("mdp:")) return `Majordomo client ${source.slice(4)}`;
  if (source.startsWith("http:")) return `HTTP from ${source.slice(5)}`;
  return source;
}

/** @type {Record<string, string>} */
const REASONS = {
  scope_not_found: "The scope does not exist. Create it, or let updates do so (bus.create-scopes).",
  not_an_update: "The message is none of the forms an update may have.",
  no_scope: "Bare JSON without a service, and no default scope is configured.",
  invalid_json: "The body is not valid JSON.",
  invalid_request: "A field is missing or wrong.",
  key_too_large: "The key is too long.",
  value_too_large: "The value is too large.",
  overflow: "Too many updates waited for the disk.",
  quota_exceeded: "The scope is full.",
  storage_full: "The disk is full.",
  storage_unavailable: "The database could not be written.",
  internal: "The service failed; its log says why.",
};

/**
 * Why an update was rejected.
 *
 * @param {string} code
 */
export function reason(code) {
  return REASONS[code] ?? code;
}

/** @type {Record<string, [string, string]>} */
const WELL = {
  "store:revision": ["Store", "Writes reach the disk."],
  "broker:lanes": ["Broker", "The broker talks to the service; requests are answered."],
  "bus:subscriptions": ["Bus", "The bus is connected; published updates arrive."],
  "audit:file": ["Audit log", "What is changed is recorded."],
  "backup:time": ["Backups", "The last one was made and proved."],
  "store:damage": ["Damage", "Nothing was lost."],
  "service:start": ["Service", "The service has started."],
};

/**
 * A check in words: what it is of, and how that is.
 *
 * @param {Check} check
 */
export function checkWords({ name, status, output }) {
  const [title, sentence] = WELL[name] ?? [name, "It is well."];
  if (status === "pass") return { title, sentence };
  const text = output ?? "it is not well";
  // Notices of damage are sentences already.
  const end = text.endsWith(".") ? "" : ".";
  return { title, sentence: `${text.charAt(0).toUpperCase()}${text.slice(1)}${end}` };
}

/**
 * All checks in a few words.
 *
 * @param {readonly Check[]} checks
 */
export function verdict(checks) {
  const failing = checks.filter(({ status }) => status === "fail");
  if (failing.length > 0) {
    const names = failing.map((check) => checkWords(check).title.toLowerCase());
    return { level: "bad", text: `Trouble: ${names.join(", ")}` };
  }
  const warns = checks.some(({ status }) => status === "warn");
  return warns
    ? { level: "warn", text: "Well, with a warning" }
    : { level: "good", text: "All well" };
}
