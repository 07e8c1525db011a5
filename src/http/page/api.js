/** The service, asked over HTTP. Values stay to the letter: a `1.0` is shown as `1.0`. */

/** @import { Entry, ExactJson, Overview, Row, Told } from "./types.ts" */

const Exact = /** @type {ExactJson} */ (/** @type {unknown} */ (JSON));

/** A failure the service has put into words. */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {{ code?: string, error?: string, revision?: number }} body
   */
  constructor(status, { code, error, revision }) {
    super(error ?? `the service answered ${status}`);
    this.status = status;
    this.code = code;
    this.revision = revision;
  }
}

/**
 * JSON with its numbers to the letter: those that JavaScript would print otherwise are kept as they
 * stand, where the browser is able to.
 *
 * @param {string} text
 */
export function parseExact(text) {
  const { rawJSON } = Exact;
  if (!rawJSON) return JSON.parse(text);
  return Exact.parse(
    text,
    (_key, value, { source }) =>
      typeof value === "number" && String(value) !== source ? rawJSON(source) : value,
  );
}

/**
 * A value of {@link parseExact} as compact JSON.
 *
 * @param {unknown} value
 */
export function exactText(value) {
  return value === undefined ? "" : JSON.stringify(value);
}

/**
 * A value of {@link parseExact} as JSON for people.
 *
 * @param {unknown} value
 */
export function prettyText(value) {
  return value === undefined ? "" : JSON.stringify(value, null, 2);
}

/**
 * The number that a value of {@link parseExact} is; undefined when it is none.
 *
 * @param {unknown} value
 */
export function numberOf(value) {
  if (typeof value === "number") return value;
  return Exact.isRawJSON?.(value) ? Number(JSON.stringify(value)) : undefined;
}

/**
 * What went wrong, in words.
 *
 * @param {unknown} error
 */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/** What a request may take, in milliseconds. */
const TIMEOUT_MS = 10_000;

/**
 * Asks, and resolves with the JSON of the answer, which `read` reads: to the letter takes much longer.
 *
 * @param {string} path
 * @param {RequestInit} [options]
 * @param {(text: string) => any} [read]
 */
export async function ask(path, options = {}, read = JSON.parse) {
  const response = await fetch(path, { signal: AbortSignal.timeout(TIMEOUT_MS), ...options });
  const text = await response.text();
  const body = response.headers.get("content-type")?.includes("json") ? read(text) : {};
  if (!response.ok) throw new Refused(response.status, body);
  return body;
}

/**
 * Where a key is.
 *
 * @param {string} scope
 * @param {string} key
 */
export function keyPath(scope, key) {
  return `/api/v1/scopes/${encodeURIComponent(scope)}/keys/${encodeURIComponent(key)}`;
}

/**
 * Everything but keys and values.
 *
 * @returns {Promise<Overview>}
 */
export function askOverview() {
  return ask("/api/page/overview");
}

/**
 * Some keys of a scope, each value as text and perhaps cut.
 *
 * @param {string} scope
 * @param {readonly string[]} keys
 * @returns {Promise<Row[]>}
 */
export async function askRows(scope, keys) {
  const { rows } = await ask("/api/page/rows", {
    method: "POST",
    body: JSON.stringify({ scope, keys }),
  });
  return rows;
}

/**
 * All keys of a scope, sorted; page by page, each handed to `onPage`.
 *
 * @param {string} scope
 * @param {(names: string[]) => boolean} onPage Whether to go on.
 */
export async function askKeys(scope, onPage) {
  let after = "";
  for (;;) {
    const query = after === "" ? "" : `?after=${encodeURIComponent(after)}`;
    const { data } = await ask(`/api/v1/scopes/${encodeURIComponent(scope)}/keys${query}`);
    if (!onPage(data.keys) || !data.more) return;
    after = data.keys.at(-1);
  }
}

/**
 * A key with everything that is known of it.
 *
 * @param {string} scope
 * @param {string} key
 * @returns {Promise<Entry>}
 */
export async function askEntry(scope, key) {
  return (await ask(`${keyPath(scope, key)}?details=true`, {}, parseExact)).data;
}

/**
 * The versions of a key, newest first; undefined where there is no such scope.
 *
 * @param {string} scope
 * @param {string} key
 * @returns {Promise<Told[] | undefined>}
 */
export async function askHistory(scope, key) {
  try {
    return (await ask(`${keyPath(scope, key)}/history`, {}, parseExact)).data.versions;
  } catch (refused) {
    if (refused instanceof Refused && refused.status === 404) return undefined;
    throw refused;
  }
}

/**
 * Whether a scope keeps earlier versions of its keys.
 *
 * @param {string} scope
 * @returns {Promise<boolean>}
 */
export async function askIsKept(scope) {
  const { data } = await ask(`/api/v1/scopes/${encodeURIComponent(scope)}`);
  return data.options.history > 0;
}

/**
 * Changes something; `json` to the letter.
 *
 * @param {string} method
 * @param {string} path
 * @param {string} [json]
 * @param {Record<string, string>} [headers]
 */
export function change(method, path, json, headers = {}) {
  const type = json === undefined ? undefined : { "content-type": "application/json" };
  return ask(path, { method, body: json ?? null, headers: { ...type, ...headers } });
}
