/**
 * The API below `/api/v1`: each route is one operation of the service's own table, asked as a client
 * over the wire would ask it.
 *
 * @module
 */

import { type Context, Hono } from "hono";
import { PlantdError, wireCodeOf } from "../errors.ts";
import { isObject, type JsonText, parseObject, parseValue, stringify } from "../state/json.ts";
import { answerOf, etagOf, refusal, revisionOf, STATUS_OF } from "./answers.ts";
import { readBytes } from "./body.ts";
import type { EventStreams, StreamQuery } from "./events.ts";
import { openApi } from "./openapi.ts";
import type { StateAccess } from "./ports.ts";
import { type Route, ROUTES } from "./routes.ts";

/** What the server knows of a connection. */
export interface Connection {
  readonly remoteAddr: Deno.NetAddr;
}

/** Given to every handler as `env`. */
export interface Env {
  readonly Bindings: Connection;
}

/** What the API is made of. */
export interface ApiOptions {
  /** Undefined until the service has started. */
  readonly state: () => StateAccess | undefined;
  readonly streams: EventStreams;
  /** Whether it may change anything. */
  readonly edit: boolean;
  readonly version: string;
}

const encoder = new TextEncoder();

/** Members of a request, values to the letter. */
type Members = Record<string, unknown>;

/**
 * The API as an application of its own.
 *
 * @example
 * ```ts
 * apiRoutes({ state, streams, edit: false, version }).fetch(request, connection);
 * ```
 */
export function apiRoutes(options: ApiOptions): Hono<Env> {
  const app = new Hono<Env>().basePath("/api/v1");
  app.get("/openapi.json", (context) => context.json(openApi(options.version)));
  for (const path of ["/changes", "/scopes/:scope/changes"]) {
    app.get(path, async (context, next) => {
      const isJson = context.req.header("accept")?.includes("application/json") ?? false;
      if (isJson && path === "/changes") await next();
      else return stream(options, context);
      return undefined;
    });
  }
  for (const route of ROUTES) {
    const path = route.path.replaceAll(/\{(\w+)\}/g, ":$1");
    app.on(route.method.toUpperCase(), path, (context) => ask(options, route, context));
  }
  app.all("*", (context) => {
    const known = ROUTES.filter(({ path }) => matches(path, context.req.path));
    const methods = known.map(({ method }) => method.toUpperCase());
    if (methods.length === 0) return refusal(404, "invalid_request", "there is no such path");
    const answer = refusal(405, "invalid_request", `the methods here are ${methods.join(", ")}`);
    answer.headers.set("allow", methods.join(", "));
    return answer;
  });
  app.onError((thrown) => failed(thrown));
  return app;
}

/** One operation. */
async function ask(options: ApiOptions, route: Route, context: Context<Env>): Promise<Response> {
  const state = options.state();
  if (!state) return refusal(503, "storage_unavailable", "the service is starting");
  if (route.method !== "get" && !options.edit) {
    return refusal(
      403,
      "unauthorized",
      "changing over HTTP is switched off (the setting http.edit)",
    );
  }
  const { req } = context;
  const members = {
    ...readQuery(route, req.query()),
    ...condition(route, req.header("if-match"), req.header("if-none-match")),
  };
  const body = await requestBody(route, req.raw, { ...members, ...readNames(req.param()) });
  const source = `http:${context.env.remoteAddr.hostname}`;
  const reply = await state.run(route.operation, encoder.encode(body), source);
  const answer = answerOf(reply, route.tagged && route.method !== "delete");
  const tag = answer.headers.get("etag");
  if (route.method !== "get" || tag === null || tag !== req.header("if-none-match")) return answer;
  return new Response(null, { status: 304, headers: { etag: tag } });
}

/** Changes as they come. */
function stream({ state, streams }: ApiOptions, { req }: Context<Env>): Response {
  const access = state();
  if (!access) return refusal(503, "storage_unavailable", "the service is starting");
  const lastId = req.header("last-event-id") ?? "";
  const since = lastId !== "" ? lastId : req.query("since");
  if (since !== undefined && !/^\d{1,15}$/.test(since)) {
    return refusal(400, "invalid_request", "Last-Event-ID and since are revisions");
  }
  const query: StreamQuery = {
    since: since === undefined ? undefined : Number(since),
    epoch: req.query("epoch"),
    scope: req.param("scope") ?? req.query("service"),
  };
  const headers = { "content-type": "text/event-stream", "cache-control": "no-store" };
  // Nobody would read it, and it would hold its place among the streams for a minute.
  if (req.method === "HEAD") return new Response(null, { headers });
  const body = streams.open(access.changes, query);
  if (!body) {
    const answer = refusal(503, "quota_exceeded", "too many streams of changes are open");
    answer.headers.set("retry-after", "5");
    return answer;
  }
  return new Response(body, { headers });
}

/** `{scope}` is `service` in the operations. */
function readNames({ scope, key }: Record<string, string>): Members {
  return {
    ...(scope === undefined ? {} : { service: scope }),
    ...(key === undefined ? {} : { key }),
  };
}

function readQuery(route: Route, query: Record<string, string>): Members {
  return checked(route.query.safeParse(query), "query parameter");
}

/** `If-Match` is the revision that must be there, `If-None-Match: *` that none may be. */
function condition(route: Route, match?: string, noneMatch?: string): Members {
  if (route.method === "get" || (match === undefined && noneMatch === undefined)) return {};
  if (!route.tagged) {
    const hint = "only a key has an ETag; others take the field if_revision where they have it";
    throw new PlantdError(
      "invalid_request",
      `If-Match and If-None-Match are not for this: ${hint}`,
    );
  }
  if (noneMatch?.trim() === "*") return { if_revision: 0 };
  if (match === undefined) {
    throw new PlantdError("invalid_request", "If-None-Match of a change can only be *");
  }
  const revision = revisionOf(match);
  if (revision !== undefined) return { if_revision: revision };
  throw new PlantdError("invalid_request", `If-Match needs one ETag such as ${etagOf(42)}`);
}

/** The operation's JSON: what the body says, and over it what path, query and headers say. */
async function requestBody(route: Route, request: Request, members: Members): Promise<string> {
  if (route.body === "none") return stringify(members);
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/json\b/i.test(type)) {
    throw new PlantdError("invalid_request", "the body needs the content-type application/json");
  }
  const bytes = await readBytes(request);
  if (route.body === "value") {
    const value: JsonText = parseValue(bytes);
    return stringify({ ...members, value });
  }
  const object = parseObject(bytes);
  checked(route.body.safeParse(object.members), "field");
  // Of two members of one name the last one counts.
  const parts = [object.text.trim(), stringify(members)].map((text) => text.slice(1, -1).trim());
  return `{${parts.filter((part) => part !== "").join(",")}}`;
}

interface Parsed {
  readonly data?: unknown;
  readonly error?: {
    readonly issues: readonly { readonly path: PropertyKey[]; readonly message: string }[];
  };
}

function checked({ data, error }: Parsed, what: string): Members {
  const issue = error?.issues[0];
  if (issue) {
    const name = issue.path.length === 0 ? "" : ` "${issue.path.join(".")}"`;
    throw new PlantdError("invalid_request", `${what}${name}: ${issue.message}`);
  }
  return isObject(data) ? data : {};
}

function failed(thrown: unknown): Response {
  const code = wireCodeOf(thrown);
  const sentence = thrown instanceof PlantdError ? thrown.message : "the service failed";
  return refusal(STATUS_OF[code], code, sentence);
}

/** Whether `path` of a request is one of `pattern`, which has `{names}`. */
function matches(pattern: string, path: string): boolean {
  const own = path.replace(/^\/api\/v1/, "").split("/");
  const parts = pattern.split("/");
  return parts.length === own.length &&
    parts.every((part, i) => part.startsWith("{") || part === own[i]);
}
