/**
 * `GET /healthz`: is the service well, in the health+json format that the original used
 * (draft-inadarei-api-health-check).
 *
 * @module
 */

import { messageOf, PlantdError } from "../errors.ts";

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

/** Where the answer comes from. */
export interface HealthSource {
  readonly serviceId: string;
  /** Version of the program. */
  readonly releaseId: string;
  checks(): readonly Check[];
}

/** Where to listen. */
export interface HealthServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly source: HealthSource;
}

/** Version of the format of the answer, as the original said it. */
const FORMAT_VERSION = "1";

/** The worst of `checks`. */
export function overall(checks: readonly Check[]): CheckStatus {
  if (checks.some(({ status }) => status === "fail")) return "fail";
  return checks.some(({ status }) => status === "warn") ? "warn" : "pass";
}

/**
 * Serves `/healthz` until it is disposed of.
 *
 * @example
 * ```ts
 * await using server = HealthServer.start({ host: "127.0.0.1", port: 8081, source });
 * // curl http://127.0.0.1:8081/healthz
 * ```
 */
export class HealthServer implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  private constructor(server: Deno.HttpServer<Deno.NetAddr>) {
    this.#server = server;
  }

  /** @throws {PlantdError} `endpoint_in_use`, `endpoint_invalid`. */
  static start({ host, port, source }: HealthServerOptions): HealthServer {
    try {
      return new HealthServer(
        Deno.serve(
          { hostname: host, port, onListen: () => {}, onError: () => plain(500, "internal error") },
          (request) => respond(request, source),
        ),
      );
    } catch (error) {
      const inUse = error instanceof Deno.errors.AddrInUse;
      throw new PlantdError(
        inUse ? "endpoint_in_use" : "endpoint_invalid",
        `cannot serve health on ${host}:${port}: ` +
          (inUse ? "the address is in use" : messageOf(error)),
        { data: { host, port }, cause: error },
      );
    }
  }

  /** The address in force, for people: `http://127.0.0.1:8081`. */
  get url(): string {
    const { hostname, port } = this.#server.addr;
    return `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  }

  /** Stops listening; connections kept alive are closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

function respond(request: Request, source: HealthSource): Response {
  const { pathname } = new URL(request.url);
  if (pathname !== "/healthz") return plain(404, "there is /healthz");
  if (request.method !== "GET" && request.method !== "HEAD") return plain(405, "GET or HEAD only");
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
  return new Response(request.method === "HEAD" ? null : `${JSON.stringify(body)}\n`, {
    status: status === "fail" ? 503 : 200,
    headers: { "content-type": "application/health+json", "cache-control": "no-store" },
  });
}

function outputOf(checks: readonly Check[]): string {
  return checks
    .filter(({ status }) => status !== "pass")
    .map(({ name, output }) => output ?? name)
    .join("; ");
}

function plain(status: number, text: string): Response {
  return new Response(`${text}\n`, { status, headers: { "content-type": "text/plain" } });
}
