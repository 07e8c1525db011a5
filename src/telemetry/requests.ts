/**
 * Watches requests for those who want to know: a line of the log for each at the level `debug`, a span
 * where telemetry is on. While neither is wanted it costs one comparison for each request.
 *
 * @module
 */

import type { Span } from "@opentelemetry/api";
import type { WireCode } from "../errors.ts";
import { REQUEST_ID_BYTES_MAX, SCOPE_BYTES_MAX } from "../limits.ts";
import { type Log, logs } from "../log.ts";
import type { ObservedRequest } from "../state/context.ts";
import type { JsonObject } from "../state/json.ts";
import type { Tracing } from "./tracing.ts";

/** What requests are watched for. */
export interface RequestsOptions {
  /** The Majordomo service. */
  readonly service: string;
  readonly log: Log;
  readonly tracing: Tracing | undefined;
}

/** Makes a name for each request of this process that has none: `pxq3k1f0-42`. */
const PROCESS = Math.random().toString(36).slice(2, 10);

/**
 * Watches requests.
 *
 * @example
 * ```ts
 * const requests = new Requests({ service: "org.plantd.State", log, tracing });
 * requests.observe("set", body, "mdp:00ab")?.end("ok", 1.5);
 * ```
 */
export class Requests {
  readonly #options: RequestsOptions;
  #count = 0;

  constructor(options: RequestsOptions) {
    this.#options = options;
  }

  /** Undefined where nobody wants to know. */
  observe(
    operation: string,
    body: JsonObject | undefined,
    source: string,
  ): ObservedRequest | undefined {
    const { tracing, log, service } = this.#options;
    const isLogged = logs("debug");
    if (!tracing && !isLogged) return undefined;
    const { service: scope, request_id: given, traceparent } = body?.members ?? {};
    this.#count += 1;
    const id = text(given, REQUEST_ID_BYTES_MAX) ?? `${PROCESS}-${this.#count}`;
    const about = { operation, source, id, scope: text(scope, SCOPE_BYTES_MAX) };
    const span = tracing?.request({ ...about, service, traceparent: text(traceparent, 64) });
    return new Observed(about, span, tracing, isLogged ? log : undefined);
  }
}

class Observed implements ObservedRequest {
  readonly #about: { readonly id: string; readonly [name: string]: string | undefined };
  readonly #span: Span | undefined;
  readonly #tracing: Tracing | undefined;
  readonly #log: Log | undefined;

  constructor(
    about: { readonly id: string; readonly [name: string]: string | undefined },
    span: Span | undefined,
    tracing: Tracing | undefined,
    log: Log | undefined,
  ) {
    this.#about = about;
    this.#span = span;
    this.#tracing = tracing;
    this.#log = log;
  }

  get id(): string {
    return this.#about.id;
  }

  within<T>(run: () => T): T {
    return this.#span ? this.#tracing!.within(this.#span, run) : run();
  }

  end(result: "ok" | WireCode, tookMs: number): void {
    if (this.#log) this.within(() => this.#tell(this.#log!, result, tookMs));
    if (this.#span) this.#tracing!.end(this.#span, result);
  }

  /** Within the span, so that an exported line belongs to the trace. */
  #tell(log: Log, result: string, tookMs: number): void {
    const { id: requestId, ...about } = this.#about;
    log.debug("request", {
      ...about,
      requestId,
      result,
      tookMs: Math.round(tookMs * 1000) / 1000,
    });
  }
}

/** A text from outside as far as it may be one; longer ones are cut. */
function text(value: unknown, charsMax: number): string | undefined {
  return typeof value === "string" ? value.slice(0, charsMax) : undefined;
}
