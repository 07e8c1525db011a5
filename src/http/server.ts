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

/** Pause before it serves again after accepting connections has failed, in milliseconds. */
const RETRY_MS = 500;

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
  readonly #options: HttpServerOptions;
  readonly #abort = new AbortController();
  readonly #address: Deno.NetAddr;
  #server: Deno.HttpServer<Deno.NetAddr>;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;

  private constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#server = this.#serve(options.port);
    this.#address = this.#server.addr;
  }

  /** @throws {PlantdError} `endpoint_in_use`, `endpoint_invalid`. */
  static start(options: HttpServerOptions): HttpServer {
    const { host, port } = options;
    try {
      return new HttpServer(options);
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
    const { hostname, port } = this.#address;
    return `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  }

  /** Stops listening; connections kept alive are closed, and after a while those at work, too. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#retry);
    const timer = setTimeout(() => this.#abort.abort(), STOP_MS_MAX);
    // What had ended it before has been answered by serving anew.
    await this.#server.shutdown().catch(() => {});
    clearTimeout(timer);
  }

  #serve(port: number): Deno.HttpServer<Deno.NetAddr> {
    const { host: hostname, answer } = this.#options;
    const { signal } = this.#abort;
    const onError = () => new Response("internal error\n", { status: 500 });
    const server = Deno.serve({ hostname, port, signal, onListen: () => {}, onError }, answer);
    server.finished.catch(() => this.#serveAgain());
    return server;
  }

  /** Deno ends a server that cannot accept a connection, for want of file descriptors. */
  #serveAgain(): void {
    if (this.#isStopped) return;
    this.#retry = setTimeout(() => {
      try {
        this.#server = this.#serve(this.#address.port);
      } catch {
        this.#serveAgain();
      }
    }, RETRY_MS);
  }
}
