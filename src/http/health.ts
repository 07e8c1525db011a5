/**
 * Is the service well: `/healthz` in the health+json format that the original used
 * (draft-inadarei-api-health-check), `/health` as the original of 2025 answered, `/livez` and `/readyz`
 * as Kubernetes asks.
 *
 * @module
 */

import { Hono } from "hono";

/** How a part of the service is. `warn` is well enough to serve. */
export type CheckStatus = "pass" | "warn" | "fail";

/** One part of the service, seen from outside. */
export interface Check {
  /** `component:measurement`, as the draft names checks. */
  readonly name: string;
  readonly componentType: "datastore" | "system" | "component";
  readonly status: CheckStatus;
  /** A sentence when it is not well. */
  readonly output?: string;
  readonly observedValue?: number | string | boolean;
  readonly observedUnit?: string;
}

/** Where the answers come from. */
export interface HealthSource {
  readonly serviceId: string;
  /** Version of the program. */
  readonly releaseId: string;
  checks(): readonly Check[];
  /** Why only a restart helps; undefined while the service is able to work, or to wait. */
  stuck(): string | undefined;
  /** Whether the store keeps what it is given. */
  storeAvailable(): boolean;
}

/** Version of the format of the answer, as the original said it. */
const FORMAT_VERSION = "1";

/** The worst of `checks`. */
export function overall(checks: readonly Check[]): CheckStatus {
  if (checks.some(({ status }) => status === "fail")) return "fail";
  return checks.some(({ status }) => status === "warn") ? "warn" : "pass";
}

/**
 * The four ways to ask.
 *
 * @example
 * ```ts
 * await healthRoutes(source).request("/readyz?verbose"); // 200, "[+]store:revision ok\n..."
 * ```
 */
export function healthRoutes(source: HealthSource): Hono {
  return new Hono()
    .get("/healthz", () => healthz(source))
    .get("/health", () => health(source))
    .get("/livez", () => livez(source))
    .get("/readyz", ({ req }) => readyz(source, req.query("verbose") !== undefined));
}

function healthz(source: HealthSource): Response {
  const checks = source.checks();
  const status = overall(checks);
  const time = new Date().toISOString();
  const body = {
    status,
    version: FORMAT_VERSION,
    releaseId: source.releaseId,
    serviceId: source.serviceId,
    checks: Object.fromEntries(checks.map(({ name, ...check }) => [name, [{ ...check, time }]])),
    ...(status === "pass" ? {} : { output: outputOf(checks) }),
  };
  return answer(status !== "fail", "application/health+json", `${JSON.stringify(body)}\n`);
}

/** Of the store alone, as there; there is no identity service, which it says as the original did. */
function health(source: HealthSource): Response {
  const store = source.storeAvailable();
  const body = {
    status: store ? "healthy" : "unhealthy",
    store,
    identity: { status: "disabled", connected: false, message: "Identity service not configured" },
    auth_mode: "disabled",
    timestamp: new Date().toISOString(),
  };
  return answer(store, "application/json", `${JSON.stringify(body)}\n`);
}

/** Fails only when a restart would help. */
function livez(source: HealthSource): Response {
  const reason = source.stuck();
  return answer(reason === undefined, "text/plain", `${reason ?? "ok"}\n`);
}

function readyz(source: HealthSource, verbose: boolean): Response {
  const checks = source.checks();
  const isReady = overall(checks) !== "fail";
  const lines = checks.map(({ name, status, output }) =>
    status === "pass"
      ? `[+]${name} ok\n`
      : `[${status === "fail" ? "-" : "!"}]${name} ${status}: ${output}\n`
  );
  const verdict = `readyz check ${isReady ? "passed" : "failed"}\n`;
  const text = verbose || !isReady ? lines.join("") + verdict : "ok\n";
  return answer(isReady, "text/plain", text);
}

function outputOf(checks: readonly Check[]): string {
  return checks
    .filter(({ status }) => status !== "pass")
    .map(({ name, output }) => output ?? name)
    .join("; ");
}

function answer(isWell: boolean, type: string, text: string): Response {
  return new Response(text, {
    status: isWell ? 200 : 503,
    headers: { "content-type": type, "cache-control": "no-store" },
  });
}
