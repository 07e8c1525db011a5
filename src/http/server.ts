/**
 * The one HTTP server: listens at once, so that a port which is taken is noticed before anything else
 * is done, and a long start is seen from outside.
 *
 * @module
 */

import { messageOf, PlantdError } from "../errors.ts";

/** Where to listen, and who answers. */
export interface HttpServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly answer: (request: Request, info: Deno.ServeHandlerInfo) => Response | Promise<Response>;
}

/** Time a request that is being answered has when the server stops, in milliseconds. */
const STOP_MS_MAX = 500;

/**
 * Serves until it is disposed of.
 *
 * @example
 * ```ts
 * await using server = HttpServer.start({ host: "127.0.0.1", port: 8081, answer: app.fetch });
 * // curl http://127.0.0.1:8081/healthz
 * ```
 */
export class HttpServer implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #abort: AbortController;

  private constructor(server: Deno.HttpServer<Deno.NetAddr>, abort: AbortController) {
    this.#server = server;
    this.#abort = abort;
  }

  /** @throws {PlantdError} `endpoint_in_use`, `endpoint_invalid`. */
  static start({ host, port, answer }: HttpServerOptions): HttpServer {
    const abort = new AbortController();
    const { signal } = abort;
    const onError = () => new Response("internal error\n", { status: 500 });
    try {
      const options = { hostname: host, port, signal, onListen: () => {}, onError };
      return new HttpServer(Deno.serve(options, answer), abort);
    } catch (error) {
      const inUse = error instanceof Deno.errors.AddrInUse;
      throw new PlantdError(
        inUse ? "endpoint_in_use" : "endpoint_invalid",
        `cannot serve HTTP on ${host}:${port}: ` +
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

  /** Stops listening; connections kept alive are closed, and after a while those at work, too. */
  async [Symbol.asyncDispose](): Promise<void> {
    const timer = setTimeout(() => this.#abort.abort(), STOP_MS_MAX);
    await this.#server.shutdown();
    clearTimeout(timer);
  }
}
