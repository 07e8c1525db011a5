/**
 * Kills the service at random moments under load, and checks each time that its database holds all that
 * was acknowledged and nothing by half, and that after a restart everybody gets on.
 */

import assert from "node:assert/strict";
import { Watcher } from "../../src/watch/watcher.ts";
import { Socket } from "../../src/zmq/socket.ts";
import { openDenoKv } from "../../src/store/deno_kv.ts";
import { DurableStore } from "../../src/store/durable_store.ts";
import { pause, text, until } from "../helpers/async.ts";
import type { Child } from "../helpers/child.ts";
import { tempDir } from "../helpers/temp.ts";
import type { Reply } from "../service/harness.ts";
import { contentsOf } from "../store/contract.ts";
import { Actor, type Contents } from "./actor.ts";
import type { Bundled } from "./bundled.ts";
import { memoryDir } from "./power_cuts.ts";
import { randomOf } from "./random.ts";
import { Revisions } from "./revisions.ts";
import { SERVICE, Site } from "./site.ts";

/** What was tried. */
export interface Kills {
  readonly kills: number;
  /** Requests that were acknowledged. */
  readonly acknowledged: number;
  /** Updates from the bus that were told to watchers. */
  readonly updates: number;
  /** Requests that nobody had answered when the service was killed, and that had been stored. */
  readonly storedUnanswered: number;
  readonly tookMs: number;
}

/** Clients that write at once. */
const ACTORS = 8;
/** So that a killed service is given up at once. */
const HEARTBEAT_MS = 100;
/** Where updates go. */
const BUS_SCOPE = "org.plantd.Bus";
/** Time an attempt waits for its reply, in milliseconds: a request to a service that was killed is lost. */
const ATTEMPT_MS = 2000;

/**
 * @throws When something is lost or half; the sentence names the round.
 */
export async function killRepeatedly(
  bundled: Bundled,
  { seed, kills, onKill = () => {} }: {
    readonly seed: number;
    readonly kills: number;
    readonly onKill?: (kill: number) => void;
  },
): Promise<Kills> {
  await using dir = await tempDir();
  await using site = await Site.make(dir.path, HEARTBEAT_MS);
  await using run = new Run(site, seed);
  const startMs = performance.now();
  for (let kill = 1; kill <= kills; kill += 1) {
    try {
      await run.round(bundled, kill);
    } catch (cause) {
      throw new Error(`seed ${seed}, kill ${kill}`, { cause });
    }
    onKill(kill);
  }
  const tookMs = performance.now() - startMs;
  return { kills, ...run.figures, tookMs };
}

class Run implements AsyncDisposable {
  readonly #site: Site;
  readonly #random: () => number;
  readonly #actors: readonly Actor[];
  readonly #parts = new AsyncDisposableStack();
  readonly #watchers = new Map<string, Watcher>();
  readonly #revisions = new Revisions();
  readonly #feed: Socket;
  /** Number of the last update that was sent, and of the last that was told. */
  #published = 0;
  #told = 0;
  #storedUnanswered = 0;
  #fault: unknown;

  constructor(site: Site, seed: number) {
    this.#site = site;
    this.#random = randomOf(seed);
    this.#actors = Array.from(
      { length: ACTORS },
      (_, i) => new Actor(`Actor${i}`, randomOf(seed + i + 1)),
    );
    this.#feed = this.#parts.use(
      Socket.open(site.poller, "sub", {
        receiveHighWaterMark: 1_000_000,
        onMessage: ([topic, body]) => this.#hear(text(topic!), text(body!)),
      }),
    );
    this.#feed.subscribe("");
    this.#feed.connect(site.feed);
  }

  get figures() {
    const acknowledged = this.#actors.reduce((sum, { answered }) => sum + answered, 0);
    return { acknowledged, updates: this.#told, storedUnanswered: this.#storedUnanswered };
  }

  /** Starts the service, kills it at some moment, and looks at what it left. */
  async round(bundled: Bundled, kill: number): Promise<void> {
    await using service = this.#site.serve(bundled);
    if (kill === 1 || this.#random() < 0.2) await this.#settle(service);
    using load = this.#load();
    if (this.#random() < 0.8) {
      const answered = this.#actors.map((actor) => actor.answered);
      await service.until(
        "every client is answered",
        () => this.#actors.every((actor, i) => actor.answered > answered[i]!),
      );
      await pause(this.#random() * 200);
    } else {
      // While it starts, too.
      await pause(this.#random() * 600);
    }
    assert.equal(service.exit, undefined, service.stderr);
    await service.kill();
    load.stop();
    await load.stopped;
    await this.#lookAtDisk();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
  }

  /** Everybody writes until it is stopped. */
  #load(): { stop(): void; readonly stopped: Promise<unknown> } & Disposable {
    const stop = new AbortController();
    const stopped = Promise.all([
      ...this.#actors.map((actor) => this.#act(actor, stop.signal)),
      this.#publish(stop.signal),
    ]);
    // Whoever stops it looks at how it ended.
    stopped.catch(() => {});
    return { stop: () => stop.abort(), stopped, [Symbol.dispose]: () => stop.abort() };
  }

  async #act(actor: Actor, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) await this.#ask(actor, signal);
  }

  /** Asks for what is next until it is answered, or the signal comes. */
  async #ask(actor: Actor, signal: AbortSignal): Promise<void> {
    const { operation, body } = actor.next();
    let reply: Reply;
    try {
      reply = await this.#site.ask(operation, body, { timeoutMs: ATTEMPT_MS, signal });
    } catch (thrown) {
      if (signal.aborted || (thrown as { code?: string }).code === "no_reply") return;
      throw thrown;
    }
    this.#revisions.replied(body.request_id as string, reply);
    actor.done(reply);
  }

  async #publish(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const n = this.#published += 1;
      await this.#site.publisher.publish(
        `${BUS_SCOPE}${JSON.stringify({ entries: { a: n, b: n, c: n } })}`,
      );
      await pause(2);
    }
  }

  #hear(topic: string, body: string): void {
    if (topic === "/") return;
    try {
      this.#revisions.told(topic, body);
    } catch (fault) {
      // Whoever looks at the disk next says so.
      this.#fault ??= fault;
    }
    if (topic === `${BUS_SCOPE}/a`) {
      this.#told = Math.max(this.#told, JSON.parse(body).value as number);
    }
  }

  /** Whatever was not answered is; then the service, its watchers and the clients agree. */
  async #settle(service: Child): Promise<void> {
    const never = new AbortController().signal;
    for (const actor of this.#actors) {
      while (actor.pending) {
        assert.equal(service.exit, undefined, service.stderr);
        await this.#ask(actor, never);
      }
    }
    if (this.#watchers.size === 0) await this.#startWatchers();
    for (const { contents, scopes } of this.#actors) {
      for (const scope of scopes) {
        const reply = await this.#site.ask("load", { service: scope });
        const wanted = contents.get(scope);
        if (wanted) assert.deepEqual(reply.data?.entries, Object.fromEntries(wanted), scope);
        else assert.equal(reply.code, "scope_not_found", scope);
      }
    }
    for (const [scope, watcher] of this.#watchers) {
      await until(`the watcher of ${scope} has what is there`, async () => {
        const { data } = await this.#site.ask("load", { service: scope });
        const wanted = Object.entries(data?.entries ?? {});
        return wanted.length === watcher.entries.size &&
          wanted.every(([key, value]) => watcher.entries.get(key) === JSON.stringify(value));
      });
    }
  }

  async #startWatchers(): Promise<void> {
    await this.#site.ask("create-scope", { service: BUS_SCOPE });
    for (const scope of [BUS_SCOPE, ...this.#actors.slice(0, 3).map(({ scopes }) => scopes[0])]) {
      const watcher = Watcher.start({
        poller: this.#site.poller,
        client: this.#site.client,
        service: SERVICE,
        scope,
        broker: this.#site.broker,
        onEvent: () => {},
      });
      this.#watchers.set(scope, this.#parts.use(watcher));
    }
  }

  /** Opens a copy, so that the service finds its files as it left them. */
  async #lookAtDisk(): Promise<void> {
    if (this.#fault) throw this.#fault;
    await using dir = await memoryDir();
    for (const suffix of ["", "-wal"]) {
      await Deno.copyFile(`${this.#site.database}${suffix}`, `${dir.path}/state.db${suffix}`)
        .catch((error) => {
          // Killed before it had made it.
          if (!(error instanceof Deno.errors.NotFound)) throw error;
        });
    }
    await using store = new DurableStore(await openDenoKv({ path: `${dir.path}/state.db` }));
    const { revision, damaged, epoch } = store.status();
    assert.equal(damaged, 0);
    this.#revisions.onDisk(epoch, revision);
    const found = contentsOf(store);
    for (const actor of this.#actors) {
      if (isIn(found, actor, actor.contents)) continue;
      assert.ok(
        actor.pending && isIn(found, actor, actor.pending.after),
        `${actor.name}: neither what was acknowledged, nor with ${actor.pending?.operation} besides`,
      );
      this.#revisions.storedUnanswered(actor.pending.body.request_id as string, revision);
      this.#storedUnanswered += 1;
    }
    const bus = found.get(BUS_SCOPE);
    const [a, b, c] = ["a", "b", "c"].map((key) => Number(bus?.get(key) ?? 0));
    assert.deepEqual([b, c], [a, a], "half an update");
    assert.ok(a! >= this.#told, `update ${this.#told} was told, ${a} is on disk`);
  }
}

/** Whether the scopes of `actor` are on disk as `contents` has them. */
function isIn(
  found: ReadonlyMap<string, ReadonlyMap<string, string>>,
  { scopes }: Actor,
  contents: Contents,
): boolean {
  return scopes.every((scope) => {
    const [keys, wanted] = [found.get(scope), contents.get(scope)];
    if (!keys || !wanted) return keys === undefined && wanted === undefined;
    return keys.size === wanted.size &&
      [...wanted].every(([key, value]) => keys.get(key) === JSON.stringify(value));
  });
}
