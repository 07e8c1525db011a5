/**
 * A plant around a service that comes and goes: broker and bus in this process, the service in one of its
 * own, and everything on ports that stay.
 */

import { Client } from "../../src/mdp/client.ts";
import { Network } from "../../src/network.ts";
import { Poller } from "../../src/zmq/poller.ts";
import { bytes, text } from "../helpers/async.ts";
import type { Child } from "../helpers/child.ts";
import { freePorts, whenFree } from "../helpers/ports.ts";
import { writeConfig } from "../helpers/program.ts";
import { Publisher, type Reply } from "../service/harness.ts";
import type { Bundled } from "./bundled.ts";

/** Heartbeat unless told otherwise; where services are killed it is short, so that they are given up. */
const HEARTBEAT_MS = 1000;

/** Few, so that what is bounded by them is so within a run. */
const RETAINED_CHANGES = 20_000;

/** Time an attempt waits, in milliseconds, and how many there are. */
const ATTEMPT_MS = 2000;
const TRIES = 15;

/** The Majordomo name of the service. */
export const SERVICE = "org.plantd.State";

/** Broker, bus and the place of a service. */
export class Site implements AsyncDisposable {
  readonly #parts = new AsyncDisposableStack();
  readonly poller: Poller;
  readonly client: Client;
  readonly publisher: Publisher;
  readonly broker: string;
  readonly feed: string;
  /** Path of the database. */
  readonly database: string;
  #config = "";
  #network: Network | undefined;
  readonly healthPort: number;
  readonly #ports: readonly number[];
  readonly #heartbeatMs: number;

  private constructor(dir: string, heartbeatMs: number) {
    this.#heartbeatMs = heartbeatMs;
    this.database = `${dir}/state.db`;
    this.#ports = freePorts(5);
    const [broker, frontend, , feed, health] = this.#ports;
    this.broker = at(broker!);
    this.feed = at(feed!);
    this.healthPort = health!;
    this.poller = this.#parts.use(new Poller());
    this.client = this.#parts.use(
      new Client({ poller: this.poller, endpoint: this.broker, dialect: "mdp01", retries: 0 }),
    );
    this.publisher = this.#parts.use(new Publisher(this.poller, at(frontend!)));
  }

  /**
   * @param dir For the database and the configuration.
   * @param settings Further ones of the service.
   */
  static async make(
    dir: string,
    heartbeatMs = HEARTBEAT_MS,
    settings: Readonly<Record<string, unknown>> = {},
  ): Promise<Site> {
    const site = new Site(dir, heartbeatMs);
    const [, , backend, , health] = site.#ports;
    site.#config = await writeConfig(dir, "state.yml", {
      broker: { endpoint: site.broker, "heartbeat-ms": heartbeatMs },
      bus: { endpoint: `>${at(backend!)}` },
      feed: { endpoint: `@${site.feed}`, "retained-changes": RETAINED_CHANGES },
      health: { port: health },
      worker: { lanes: 8 },
      database: { path: site.database },
      ...settings,
    });
    await site.startNetwork();
    return site;
  }

  /** Starts broker and bus; they are started when the site is made, and may be stopped in between. */
  async startNetwork(): Promise<void> {
    const [, frontend, backend] = this.#ports;
    this.#network = await whenFree(() =>
      Network.start({
        endpoint: this.broker,
        heartbeatMs: this.#heartbeatMs,
        liveness: 3,
        highWaterMark: 100_000,
        buses: [{
          name: "state",
          frontend: { mode: "bind", address: at(frontend!) },
          backend: { mode: "bind", address: at(backend!) },
        }],
      })
    );
  }

  async stopNetwork(): Promise<void> {
    await this.#network?.[Symbol.asyncDispose]();
  }

  /** Starts the service; whoever asks waits until it is there. */
  serve(bundled: Bundled, env?: Readonly<Record<string, string>>, ulimit?: string): Child {
    return bundled.serve(this.#config, env, ulimit);
  }

  /** Asks the service one thing. */
  async ask(
    operation: string,
    body: unknown = {},
    options: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<Reply> {
    const frames = [bytes(operation), bytes(JSON.stringify(body))];
    const [reply] = await this.client.request(SERVICE, frames, { timeoutMs: 20_000, ...options });
    return JSON.parse(text(reply!)) as Reply;
  }

  /**
   * Asks what may be asked again, until there is an answer: what a broker has given to workers that were
   * killed is lost.
   */
  async askUntilAnswered(operation: string, body: unknown): Promise<Reply> {
    for (let tries = 1;; tries += 1) {
      try {
        return await this.ask(operation, body, { timeoutMs: ATTEMPT_MS });
      } catch (thrown) {
        if (tries === TRIES || (thrown as { code?: string }).code !== "no_reply") throw thrown;
      }
    }
  }

  /** What /healthz says; undefined while nobody answers there. */
  async health(): Promise<{ readonly status: string; readonly output?: string } | undefined> {
    try {
      const response = await fetch(`http://127.0.0.1:${this.healthPort}/healthz`);
      return await response.json();
    } catch {
      return undefined;
    }
  }

  /** Whether it is ready, and whether it lives, as orchestrators ask. */
  readyz(): Promise<Response> {
    return this.#probe("readyz");
  }

  livez(): Promise<Response> {
    return this.#probe("livez");
  }

  async #probe(path: string): Promise<Response> {
    const response = await fetch(`http://127.0.0.1:${this.healthPort}/${path}`);
    await response.body?.cancel();
    return response;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopNetwork();
    await this.#parts.disposeAsync();
  }
}

function at(port: number): string {
  return `tcp://127.0.0.1:${port}`;
}
