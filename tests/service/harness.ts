/** A network and a service in this process, on free ports, and a client to ask it. */

import { loadStateConfig } from "../../src/config/load.ts";
import type { StateConfig } from "../../src/config/schema.ts";
import { Client } from "../../src/mdp/client.ts";
import { Network } from "../../src/network.ts";
import { Service } from "../../src/service.ts";
import { Poller } from "../../src/zmq/poller.ts";
import { Socket } from "../../src/zmq/socket.ts";
import { bytes, text } from "../helpers/async.ts";
import { freePorts, whenFree } from "../helpers/ports.ts";
import { tempDir } from "../helpers/temp.ts";

/** Heartbeat in the tests, in milliseconds. */
export const HEARTBEAT_MS = 400;

/** A JSON reply. */
export type Reply = Record<string, unknown> & { data?: Record<string, unknown> };

/** One plant for one test. Start what the test needs. */
export class Plant implements AsyncDisposable {
  readonly #parts = new AsyncDisposableStack();
  readonly poller: Poller;
  readonly config: StateConfig;
  readonly frontend: string;
  readonly client: Client;
  #service: Service | undefined;

  private constructor(dir: string, overrides: Partial<Record<string, string>>) {
    const [broker, frontend, backend] = freePorts(3);
    this.poller = this.#parts.use(new Poller());
    const flag = (value: string) => ({ value, flag: "test" });
    const settings: Record<string, string> = {
      "database.path": `${dir}/state.db`,
      "broker.endpoint": `tcp://127.0.0.1:${broker}`,
      "broker.heartbeat-ms": String(HEARTBEAT_MS),
      "bus.endpoint": `tcp://127.0.0.1:${backend}`,
      // Of the system's choice each time: a test that starts the service again asks for none back.
      "health.port": "0",
      "feed.endpoint": "tcp://127.0.0.1:*",
      "worker.lanes": "4",
      ...overrides,
    };
    const flags = Object.fromEntries(
      Object.entries(settings).map(([path, value]) => [path, flag(value)]),
    );
    this.config = loadStateConfig({ flags, env: () => undefined, cwd: dir }).config;
    this.frontend = `tcp://127.0.0.1:${frontend}`;
    this.client = this.#parts.use(
      new Client({
        poller: this.poller,
        endpoint: this.config.broker.endpoint.address,
        dialect: "mdp01",
        timeoutMs: 15_000,
        retries: 0,
      }),
    );
  }

  static async make(overrides: Partial<Record<string, string>> = {}): Promise<Plant> {
    const dir = await tempDir();
    const plant = new Plant(dir.path, overrides);
    plant.#parts.defer(() => dir[Symbol.asyncDispose]());
    return plant;
  }

  /** Broker and bus anew, as soon as libzmq has let go of the ports. */
  startNetworkAgain(): Promise<Network> {
    return whenFree(() => this.startNetwork());
  }

  /** Broker and bus. */
  startNetwork(): Promise<Network> {
    const { broker, bus } = this.config;
    return Network.start({
      endpoint: broker.endpoint.address,
      heartbeatMs: broker.heartbeatMs,
      liveness: broker.heartbeatLiveness,
      highWaterMark: 10_000,
      buses: [{
        name: "state",
        frontend: { mode: "bind", address: this.frontend },
        backend: { mode: "bind", address: bus.endpoint.address },
      }],
    });
  }

  /** The service; the next one begins when this one has ended. */
  async startService(): Promise<Service> {
    return this.#service = await Service.start(this.config);
  }

  /** Asks the service one thing. */
  async ask(operation: string, body: unknown = {}, timeoutMs = 15_000): Promise<Reply> {
    const [reply] = await this.client.request(
      "org.plantd.State",
      [bytes(operation), bytes(JSON.stringify(body))],
      { timeoutMs },
    );
    return JSON.parse(text(reply!)) as Reply;
  }

  /** Whether the service answers within a quarter of a heartbeat. */
  async answers(operation: string, body: unknown): Promise<boolean> {
    try {
      await this.ask(operation, body, HEARTBEAT_MS / 4);
      return true;
    } catch {
      return false;
    }
  }

  /** A publisher on the bus that sends when somebody subscribed to what it sends. */
  publisher(): Publisher {
    return new Publisher(this.poller, this.frontend);
  }

  /** The answer of /healthz of the service started last. */
  async health(): Promise<{ status: number; body: Record<string, unknown> }> {
    const response = await fetch(`${this.#service!.httpUrl}/healthz`);
    return { status: response.status, body: await response.json() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
  }
}

/** An XPUB that publishes, and knows what is subscribed through the bus. */
export class Publisher implements AsyncDisposable {
  readonly #socket: Socket;
  readonly topics = new Set<string>();

  constructor(poller: Poller, frontend: string) {
    this.#socket = Socket.open(poller, "xpub", {
      onMessage: ([frame]) => {
        const topic = text(frame!.subarray(1));
        if (frame![0] === 1) this.topics.add(topic);
        else this.topics.delete(topic);
      },
    });
    this.#socket.connect(frontend);
  }

  async publish(...frames: string[]): Promise<void> {
    await this.#socket.send(frames.map(bytes));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#socket.close();
  }
}
