/**
 * Everything that is answered over HTTP: health, metrics, the API and the page.
 *
 * @module
 */

import { Hono } from "hono";
import type { WireCode } from "../errors.ts";
import { refusal } from "./answers.ts";
import type { Env } from "./api.ts";
import { EventStreams } from "./events.ts";
import { guard } from "./guard.ts";
import { healthRoutes } from "./health.ts";
import type { Metrics } from "./metrics.ts";
import { pageRoutes } from "./page.ts";
import type { HttpSource } from "./ports.ts";

/** What is served, and how. */
export interface AppOptions {
  readonly source: HttpSource;
  readonly metrics: Metrics;
  readonly streams: EventStreams;
  /** Whether anything may be changed. */
  readonly edit: boolean;
  /** Names the service is reached by, beside `localhost` and addresses. */
  readonly names: readonly string[];
}

/** Codes of refusals that are not of one operation. */
const CODES: Readonly<Record<number, WireCode>> = { 403: "unauthorized", 421: "unauthorized" };

/**
 * The application.
 *
 * @example
 * ```ts
 * const app = createApp({ source, metrics, streams: new EventStreams(), edit: false, names: [] });
 * HttpServer.start({ host, port, answer: app.fetch });
 * ```
 */
export function createApp({ source, metrics, streams, edit, names }: AppOptions): Hono<Env> {
  const app = new Hono<Env>();
  app.use(async (context, next) => {
    await next();
    metrics.served(context.res.status);
  });
  const refuse = (status: number, sentence: string) =>
    refusal(status, CODES[status] ?? "invalid_request", sentence);
  app.use(guard({ names, refuse }));
  app.route("/", healthRoutes(source));
  app.get("/metrics", async () => {
    source.watched();
    const text = await metrics.text(await source.readings());
    return new Response(text, { headers: { "content-type": metrics.contentType } });
  });
  // Its schemas take tens of milliseconds to make: at the first question, not at every start.
  let api: Promise<Hono<Env>> | undefined;
  app.all("/api/v1/*", async ({ req, env }) => {
    const options = { state: () => source.state(), streams, edit, version: source.releaseId };
    api ??= import("./api.ts").then(({ apiRoutes }) => apiRoutes(options));
    return (await api).fetch(req.raw, env);
  });
  app.route("/", pageRoutes({ source, edit }));
  app.notFound(({ req }) =>
    READING.includes(req.method)
      ? plain(404, "there are /, /api/v1/openapi.json, /healthz, /readyz, /livez and /metrics")
      : plain(405, "GET or HEAD only")
  );
  return app;
}

const READING = ["GET", "HEAD"];

function plain(status: number, text: string): Response {
  return new Response(`${text}\n`, { status, headers: { "content-type": "text/plain" } });
}
