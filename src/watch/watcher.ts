/**
 * Watches a scope: subscribes to the change feed, loads, catches up, and does so again whenever something
 * was missed or the service, the feed or the network was away.
 *
 * @module
 */

import { PlantdError } from "../errors.ts";
import { FEED_HEARTBEAT_MS, WATCH_QUEUE_MAX, WATCH_RETRY_MS } from "../limits.ts";
import type { Client } from "../mdp/client.ts";
import { parseObject } from "../state/json.ts";
import { connectable } from "../zmq/address.ts";
import type { Poller } from "../zmq/poller.ts";
import { type Frames, Socket } from "../zmq/socket.ts";
import { Follower, type FollowEvent } from "./follower.ts";
import { changeOf, ServiceClient } from "./service_client.ts";

/** Options of a watcher. */
export interface WatcherOptions {
  readonly poller: Poller;
  readonly client: Client;
  /** Majordomo name of the state service. */
  readonly service: string;
  readonly scope: string;
  /** Address of the broker: a feed that listens on every interface is sought on the same host. */
  readonly broker: string;
  /** Told what happens to the scope, in order. */
  readonly onEvent: (event: FollowEvent) => void;
  /** Told why the copy may be out of date, and with undefined that it is not. */
  readonly onStale?: (why: string | undefined) => void;
}

/** Silence of the feed after which it is asked for anew. */
const SILENCE_MS = 3 * FEED_HEARTBEAT_MS;

/**
 * A running watcher. After `reset` and one `set` for each key there is comes `synced`, also for a scope
 * that is empty or does not exist; from there on each change. A user who keeps a map by these events has
 * the scope.
 *
 * @example
 * ```ts
 * await using watcher = Watcher.start({ poller, client, service, scope, onEvent: console.log });
 * await watcher.ended; // rejects when the service cannot be reached at first
 * ```
 */
export class Watcher implements AsyncDisposable {
  /** Resolves when it was disposed of; rejects when the service does not answer the first questions. */
  readonly ended: Promise<void>;
  readonly #options: WatcherOptions;
  readonly #service: ServiceClient;
  readonly #follower = new Follower();
  readonly #stop = new AbortController();
  readonly #queue: Frames[] = [];
  #wake: () => void = () => {};
  #socket: Socket | undefined;
  #endpoint: string | undefined;
  #isStale = true;
  /** Whether it has had a copy: from then on it is not given up any more. */
  #wasSynced = false;

  private constructor(options: WatcherOptions) {
    this.#options = options;
    this.#service = new ServiceClient(options.client, options.service);
    this.ended = this.#run().finally(() => this.#socket?.close());
    // Whoever does not look at it must not be ended by it.
    this.ended.catch(() => {});
  }

  static start(options: WatcherOptions): Watcher {
    return new Watcher(options);
  }

  /** The copy: keys and JSON texts. */
  get entries(): ReadonlyMap<string, string> {
    return this.#follower.entries;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await this.ended.catch(() => {});
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#follow(signal);
      } catch (thrown) {
        if (signal.aborted) return;
        if (!this.#wasSynced || !(thrown instanceof PlantdError)) throw thrown;
        this.#say(thrown.message);
        await this.#pause(WATCH_RETRY_MS);
      }
    }
  }

  /** Follows the feed until it falls silent. */
  async #follow(signal: AbortSignal): Promise<void> {
    await this.#subscribe(signal);
    while (!signal.aborted) {
      if (this.#follower.need) {
        await this.#satisfy(signal);
        continue;
      }
      if (this.#queue.length === 0) await this.#pause(SILENCE_MS);
      // Stopped while it waited: nothing is wrong with the feed.
      if (signal.aborted) return;
      const message = this.#queue.shift();
      if (message) {
        this.#take(message);
      } else {
        this.#say("the feed is silent");
        return this.#follower.doubt();
      }
    }
  }

  /** The service may have moved its feed when it was started anew. */
  async #subscribe(signal: AbortSignal): Promise<void> {
    const { endpoint } = await this.#service.feed(signal);
    if (endpoint === undefined) {
      throw new PlantdError("storage_unavailable", "the service has its change feed switched off", {
        hint: "set feed.enabled in the service's configuration",
      });
    }
    if (endpoint === this.#endpoint) return;
    await this.#socket?.close();
    this.#endpoint = endpoint;
    const socket = Socket.open(this.#options.poller, "sub", {
      receiveHighWaterMark: WATCH_QUEUE_MAX,
      onMessage: (frames) => this.#enqueue(frames),
    });
    this.#socket = socket;
    socket.subscribe("/");
    socket.subscribe(`${this.#options.scope}/`);
    socket.connect(connectable(endpoint, hostOf(this.#options.broker)));
  }

  #enqueue(frames: Frames): void {
    if (this.#queue.length >= WATCH_QUEUE_MAX) {
      this.#queue.length = 0;
      this.#follower.doubt();
    }
    this.#queue.push(frames);
    this.#wake();
  }

  #take([topic, frame]: Frames): void {
    const body = parseObject(frame ?? new Uint8Array());
    const { epoch, revision } = body.members as { epoch: string; revision: number };
    if (topic!.length === 1) {
      this.#follower.heartbeat(epoch, revision);
      if (!this.#follower.need) this.#say(undefined);
    } else {
      this.#emit(this.#follower.change(epoch, changeOf(body)));
    }
  }

  async #satisfy(signal: AbortSignal): Promise<void> {
    const { scope } = this.#options;
    if (this.#follower.need === "load") {
      this.#emit(this.#follower.loaded(await this.#service.load(scope, signal)));
      this.#wasSynced = true;
      return;
    }
    const { known: since, epoch } = this.#follower;
    try {
      const { more, ...page } = await this.#service.changes(scope, { since, epoch }, signal);
      this.#emit(this.#follower.caughtUp(page, more));
    } catch (thrown) {
      if (!(thrown instanceof PlantdError) || thrown.code !== "compacted") throw thrown;
      this.#follower.compacted();
    }
  }

  #emit(events: readonly FollowEvent[]): void {
    for (const event of events) this.#options.onEvent(event);
  }

  #say(why: string | undefined): void {
    const isStale = why !== undefined;
    if (isStale === this.#isStale) return;
    this.#isStale = isStale;
    this.#options.onStale?.(why);
  }

  /** Until something comes, it is stopped, or the time is over. */
  async #pause(ms: number): Promise<void> {
    await new Promise<void>((done) => {
      const id = setTimeout(done, ms);
      this.#wake = () => {
        clearTimeout(id);
        done();
      };
    });
    this.#wake = () => {};
  }
}

/** The host of an address over TCP; undefined where there is none. */
export function hostOf(address: string): string | undefined {
  return /^tcp:\/\/(.+):[^:]+$/.exec(address)?.[1];
}
