/**
 * The page at `/`. Its files are texts within the program, so that there is nothing to install beside
 * it; below `/api/page` is what it alone asks for, which is no contract.
 *
 * @module
 */

import { type Context, Hono } from "hono";
import { PAGE_ROWS_MAX, PAGE_SCOPES_MAX } from "../limits.ts";
import { isObject, parseObject } from "../state/json.ts";
import { refusal } from "./answers.ts";
import { readBytes } from "./body.ts";
import type { HttpSource } from "./ports.ts";
import { PAGE_FILES } from "./page_files.ts";

/** What the page is made for. */
export interface PageOptions {
  readonly source: HttpSource;
  /** Whether it offers to change anything. */
  readonly edit: boolean;
}

/**
 * The page, its files, and what it asks for.
 *
 * @example
 * ```ts
 * app.route("/", pageRoutes({ source, edit: false }));
 * ```
 */
export function pageRoutes(options: PageOptions): Hono {
  const app = new Hono();
  for (const [path, { type, text }] of PAGE_FILES) {
    const headers = { "content-type": type, "cache-control": "no-cache" };
    app.get(path, () => new Response(text, { headers }));
  }
  app.get("/api/page/overview", () => overview(options));
  app.post("/api/page/rows", (context) => rows(options, context));
  return app;
}

/** Everything but keys and values. */
async function overview({ source, edit }: PageOptions): Promise<Response> {
  const readings = await source.readings();
  const state = source.state();
  const about = {
    service: source.serviceId,
    version: source.releaseId,
    edit,
    now: Date.now(),
    checks: source.checks(),
  };
  if (!readings || !state) return json(about);
  const { store, bus, worker, database } = readings;
  const { epoch } = state.changes;
  const scopes = state.overview(PAGE_SCOPES_MAX);
  return json({ ...about, epoch, revision: store.revision, store, bus, worker, database, scopes });
}

/** Some keys of a scope, their values cut to what a line shows. */
async function rows({ source }: PageOptions, { req }: Context): Promise<Response> {
  const state = source.state();
  if (!state) return refusal(503, "storage_unavailable", "the service is starting");
  try {
    const { scope, keys } = parseObject(await readBytes(req.raw)).members;
    if (!isNames(keys) || typeof scope !== "string") throw new Error("scope and keys are needed");
    return json({ rows: state.rows(scope, keys) });
  } catch (thrown) {
    return refusal(400, "invalid_request", String(thrown));
  }
}

function isNames(keys: unknown): keys is string[] {
  return Array.isArray(keys) && keys.length <= PAGE_ROWS_MAX && !isObject(keys) &&
    keys.every((key) => typeof key === "string");
}

function json(body: unknown): Response {
  return Response.json(body, { headers: { "cache-control": "no-store" } });
}
