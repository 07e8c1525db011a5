/**
 * What protects a service on the loopback interface from web pages: a browser on the same machine
 * reaches it, and runs what strangers wrote.
 *
 * @module
 */

import type { Context, MiddlewareHandler } from "hono";

/** Asking these tells nothing but whether the service is well; probes come under any name. */
const PROBES = ["/healthz", "/health", "/livez", "/readyz"];

const READING = ["GET", "HEAD"];

/** On every answer. The page has no inline script or style, and loads nothing from elsewhere. */
const HEADERS: readonly [string, string][] = [
  [
    "content-security-policy",
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  ],
  ["x-content-type-options", "nosniff"],
  ["referrer-policy", "no-referrer"],
  ["cross-origin-resource-policy", "same-origin"],
  ["cross-origin-opener-policy", "same-origin"],
];

/** What a guard needs to know. */
export interface GuardOptions {
  /** Names the service is reached by, beside `localhost` and addresses. */
  readonly names: readonly string[];
  /** The failure in the form that the API has. */
  readonly refuse: (status: 403 | 405 | 421, sentence: string) => Response;
}

/**
 * Refuses requests under a foreign name (a page whose name was bound to this address, DNS rebinding),
 * and what a page of another origin sends. No header allows other origins anything (CORS).
 */
export function guard({ names, refuse }: GuardOptions): MiddlewareHandler {
  const known = new Set(["localhost", ...names.map((name) => name.toLowerCase())]);
  return async (context, next) => {
    const refusal = PROBES.includes(context.req.path) ? undefined : fault(context, known);
    if (refusal) context.res = refuse(...refusal);
    else await next();
    for (const [name, value] of HEADERS) context.res.headers.set(name, value);
  };
}

function fault(
  { req }: Context,
  known: ReadonlySet<string>,
): [403 | 405 | 421, string] | undefined {
  const host = req.header("host") ?? "";
  const { hostname } = URL.canParse(`http://${host}`)
    ? new URL(`http://${host}`)
    : { hostname: "" };
  if (!isAddress(hostname) && !known.has(hostname)) {
    return [421, `this service is not called "${hostname}"; the setting http.names has its names`];
  }
  if (req.method === "OPTIONS") return [405, "pages of other origins may not ask"];
  const site = req.header("sec-fetch-site") ?? "none";
  const origin = req.header("origin");
  const isForeign = !["none", "same-origin"].includes(site) ||
    (origin !== undefined && !isOwn(origin, host));
  // Following a link from elsewhere shows the page to a person, and tells the other page nothing.
  const isVisit = req.header("sec-fetch-mode") === "navigate" && READING.includes(req.method);
  if (isForeign && !isVisit) return [403, "a page of another origin may not ask"];
  return undefined;
}

function isOwn(origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === new URL(`http://${host}`).host;
}

/** An address as URL has it: four numbers, or in brackets. No name can be bound to one. */
function isAddress(hostname: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+$/.test(hostname) || hostname.startsWith("[");
}
