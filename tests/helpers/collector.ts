/** An OpenTelemetry collector for tests: takes OTLP over HTTP as JSON, and keeps what it gets. */

/** A span, as much of it as tests look at. */
export interface CollectedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly links: readonly { readonly spanId: string }[];
  readonly status: { readonly code: number };
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** A record of a log. */
export interface CollectedLog {
  readonly severityText: string;
  readonly body: string;
  readonly traceId: string;
  /** Attributes of the process. */
  readonly resource: Readonly<Record<string, unknown>>;
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** Collects until it is disposed of. */
export class Collector implements AsyncDisposable {
  readonly spans: CollectedSpan[] = [];
  readonly logs: CollectedLog[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async (request) => {
        const body = await request.json();
        const { pathname } = new URL(request.url);
        if (pathname === "/v1/traces") this.#takeSpans(body);
        if (pathname === "/v1/logs") this.#takeLogs(body);
        return Response.json({});
      },
    );
  }

  /** What a process needs in its environment to export to here, soon. */
  get env(): Record<string, string> {
    return {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${this.#server.addr.port}`,
      OTEL_SERVICE_NAME: "plantd-state",
      OTEL_RESOURCE_ATTRIBUTES: "app=state",
      OTEL_BSP_SCHEDULE_DELAY: "100",
      OTEL_BLRP_SCHEDULE_DELAY: "100",
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  // deno-lint-ignore no-explicit-any -- the shape is OTLP's, and a test fails where it is another
  #takeSpans({ resourceSpans }: any): void {
    for (const { scopeSpans } of resourceSpans) {
      for (const { scope, spans } of scopeSpans) {
        if (scope.name !== "plantd-state") continue;
        for (const span of spans) {
          this.spans.push({ ...span, attributes: named(span.attributes) });
        }
      }
    }
  }

  // deno-lint-ignore no-explicit-any -- as above
  #takeLogs({ resourceLogs }: any): void {
    for (const { resource, scopeLogs } of resourceLogs) {
      for (const { logRecords } of scopeLogs) {
        for (const { severityText, body, traceId } of logRecords) {
          this.logs.push({
            severityText,
            body: body.stringValue,
            traceId,
            resource: named(resource.attributes),
          });
        }
      }
    }
  }
}

function named(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
