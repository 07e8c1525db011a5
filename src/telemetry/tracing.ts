/**
 * Spans of OpenTelemetry, which Deno exports when the environment has `OTEL_DENO=true`. Where it has not,
 * {@link Tracing.load} gives undefined and nothing of this is loaded, let alone called.
 *
 * No span carries a value. Spans are in no order of one another but by parents and links: a commit on
 * disk serves many requests, so that each of these is linked to it.
 *
 * @module
 */

import type { Context, Span, SpanContext, Tracer } from "@opentelemetry/api";
import { isTelemetryOn } from "../log.ts";
import type { Settler, Transaction } from "../state/store.ts";
import { PROGRAM, VERSION } from "../version.ts";
import { Handover } from "./handover.ts";

type Api = typeof import("@opentelemetry/api");

/** What is known of a request when its span begins. */
export interface RequestSpan {
  /** The Majordomo service. */
  readonly service: string;
  readonly operation: string;
  /** Who asks: `mdp:` and the client's address in hex, or `http:` and its address. */
  readonly source: string;
  readonly id: string;
  readonly scope: string | undefined;
  /** W3C trace context of whoever asks, where the request has it. */
  readonly traceparent: string | undefined;
}

/** A request that a broker in this process gave to a worker. */
export interface GivenRequest {
  readonly service: string;
  /** The client's address as the worker gets it. */
  readonly alias: Uint8Array;
  readonly body: readonly Uint8Array[];
  /** How long it waited for a worker. */
  readonly waitedMs: number;
}

/** What one write to the disk was. */
export interface DiskWrite {
  readonly tookMs: number;
  readonly transactions: number;
  readonly ok: boolean;
}

/** Sources of what nobody waits for, and that comes by the thousand. */
const UNTRACED_SOURCES: ReadonlySet<string> = new Set(["bus", "ttl"]);

/**
 * Makes spans.
 *
 * @example
 * ```ts
 * const tracing = await Tracing.load();
 * const span = tracing?.request(request);
 * ```
 */
export class Tracing {
  readonly #api: Api;
  readonly #tracer: Tracer;
  /** The last write to the disk, and when it ended. */
  #write: { readonly span: SpanContext; readonly endMs: number } | undefined;

  private constructor(api: Api) {
    this.#api = api;
    this.#tracer = api.trace.getTracer(PROGRAM, VERSION);
  }

  /** Undefined where telemetry is off. */
  static async load(): Promise<Tracing | undefined> {
    return isTelemetryOn() ? new Tracing(await import("@opentelemetry/api")) : undefined;
  }

  /** Begins the span of a request; whoever asked over HTTP, or through our broker, is its parent. */
  request({ service, operation, source, id, scope, traceparent }: RequestSpan): Span {
    const { SpanKind, propagation, context } = this.#api;
    const parent = traceparent === undefined
      ? context.active()
      : propagation.extract(context.active(), { traceparent });
    const attributes = {
      "rpc.system": source.slice(0, source.indexOf(":")),
      "rpc.service": service,
      "rpc.method": operation,
      "plantd.request_id": id,
      "plantd.source": source,
      ...(scope === undefined ? {} : { "plantd.scope": scope }),
    };
    return this.#tracer.startSpan(
      `${service}/${operation}`,
      { kind: SpanKind.SERVER, attributes },
      parent,
    );
  }

  /** Runs `run` as a part of `span`. */
  within<T>(span: Span, run: () => T): T {
    const { context, trace } = this.#api;
    return context.with(trace.setSpan(context.active(), span), run);
  }

  /** Ends the span of a request; only what is our fault is an error. */
  end(span: Span, result: string): void {
    span.setAttribute("plantd.result", result);
    if (result === "internal" || result.startsWith("storage_")) {
      span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message: result });
    }
    span.end();
  }

  /** `settler`, with a span from now until it is told what became of the transaction. */
  commit({ source }: Transaction, settler: Settler): Settler {
    if (UNTRACED_SOURCES.has(source)) return settler;
    const span = this.#tracer.startSpan("commit");
    const sinceMs = performance.now();
    return {
      resolve: (committed) => {
        // What changed nothing was written with nobody.
        if (this.#write && this.#write.endMs >= sinceMs) {
          span.addLink({ context: this.#write.span });
        }
        span.setAttribute("plantd.revision", committed.revision).end();
        settler.resolve(committed);
      },
      reject: (reason) => {
        span.setStatus({ code: this.#api.SpanStatusCode.ERROR }).end();
        settler.reject(reason);
      },
    };
  }

  /** A write to the disk is over; a trace of its own, because it is of many requests. */
  committed({ tookMs, transactions, ok }: DiskWrite): void {
    const attributes = { "plantd.transactions": transactions };
    const span = this.#past("write", tookMs, attributes, this.#api.ROOT_CONTEXT);
    if (!ok) span.setStatus({ code: this.#api.SpanStatusCode.ERROR });
    span.end();
    this.#write = { span: span.spanContext(), endMs: performance.now() };
  }

  /** A broker in this process gave a request to a worker, which may be in this process, too. */
  given({ service, alias, body, waitedMs }: GivenRequest): void {
    const { SpanKind, ROOT_CONTEXT } = this.#api;
    const span = this.#past(
      `${service} queue`,
      waitedMs,
      { "rpc.system": "mdp", "rpc.service": service },
      ROOT_CONTEXT,
      SpanKind.PRODUCER,
    );
    span.end();
    HANDOVER.give(alias, body, span);
  }

  /** `handler`, whose work is a part of what {@link given} told of the same request, if it did. */
  taking<Given extends { readonly client: Uint8Array; readonly body: readonly Uint8Array[] }, T>(
    handler: (request: Given) => T,
  ): (request: Given) => T {
    return (request) => {
      const span = HANDOVER.take(request.client, request.body);
      return span ? this.within(span, () => handler(request)) : handler(request);
    };
  }

  #past(
    name: string,
    tookMs: number,
    attributes: Record<string, string | number>,
    parent: Context,
    kind?: number,
  ): Span {
    const startTime = performance.timeOrigin + performance.now() - tookMs;
    const options = { attributes, startTime, ...(kind === undefined ? {} : { kind }) };
    return this.#tracer.startSpan(name, options, parent);
  }
}

/** Of the broker and the worker of this process, which know nothing of one another. */
const HANDOVER = new Handover<Span>();
