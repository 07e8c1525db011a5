/**
 * Kills the service at random moments under load, and checks each time that its database holds all that
 * was acknowledged and nothing by half, and that after a restart everybody gets on.
 */

import assert from "node:assert/strict";
import { dirname } from "node:path";
import { Watcher } from "../../src/watch/watcher.ts";
import { Socket } from "../../src/zmq/socket.ts";
import { pause, text } from "../helpers/async.ts";
import type { Child } from "../helpers/child.ts";
import type { Reply } from "../service/harness.ts";
import { Actor } from "./actor.ts";
import { backUp, verifyAll } from "./backups.ts";
import type { Bundled } from "./bundled.ts";
import { lookAt } from "./look.ts";
import { memoryDir } from "./memory_dir.ts";
import type { Found } from "./model.ts";
import { randomOf } from "../helpers/random.ts";
import { Revisions } from "./revisions.ts";
import { converged, settled } from "./settled.ts";
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
  /** Requests asked again after they were answered, and answered the same. */
  readonly askedAgain: number;
  /** Backups fetched under load. */
  readonly backups: number;
  readonly tookMs: number;
}

/** Clients that write at once. */
const ACTORS = 8;
/** So that a killed service is given up at once. */
const HEARTBEAT_MS = 200;
/** Patience, in milliseconds: only a run that fails waits so long. */
const ANSWERED_MS = 120_000;
/** Where updates go. */
const BUS_SCOPE = "org.plantd.Bus";
/** Time an attempt waits for its reply, in milliseconds: a request to a service that was killed is lost. */
const ATTEMPT_MS = 2000;

/**
 * @throws When something is lost or half; the sentence names the round.
 */
export async function killRepeatedly(
  bundled: Bundled,
  { seed, kills }: { readonly seed: number; readonly kills: number },
): Promise<Kills> {
  // A kill takes nothing from the file system's memory, and disks are slow.
  await using dir = await memoryDir();
  await using site = await Site.make(dir.path, HEARTBEAT_MS, {
    backup: { directory: `${dir.path}/backups`, every: "1m", keep: 3 },
  });
  await using run = new Run(site, seed);
  const startMs = performance.now();
  for (let kill = 1; kill <= kills; kill += 1) {
    try {
      await run.round(bundled, kill, kill === kills);
    } catch (cause) {
      throw new Error(`seed ${seed}, kill ${kill}`, { cause });
    }
  }
  const tookMs = Math.round(performance.now() - startMs);
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
  #askedAgain = 0;
  #backups = 0;
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
    return {
      acknowledged: this.#actors.reduce((sum, { answered }) => sum + answered, 0),
      updates: this.#told,
      storedUnanswered: this.#storedUnanswered,
      askedAgain: this.#askedAgain,
      backups: this.#backups,
    };
  }

  /** Starts the service, kills it at some moment, and looks at what it left. */
  async round(bundled: Bundled, kill: number, isLast: boolean): Promise<void> {
    await using service = this.#site.serve(bundled);
    try {
      if (kill === 1 || isLast || this.#random() < 0.2) await this.#settle(service);
      await this.#loadAndKill(service);
    } catch (thrown) {
      // Between two services other programs may have taken a port.
      if (!service.stderr.includes("the address is in use")) throw thrown;
      await this.round(bundled, kill, isLast);
    }
    if (this.#fault) throw this.#fault;
    await this.#lookAtDisk();
  }

  async #loadAndKill(service: Child): Promise<void> {
    await using _load = this.#load();
    if (this.#random() < 0.8) {
      const answered = this.#actors.map((actor) => actor.answered);
      await service.until(
        "every client is answered",
        () => this.#actors.every((actor, i) => actor.answered > answered[i]!),
        ANSWERED_MS,
      );
      await pause(this.#random() * 100);
    } else {
      // While it starts, too.
      await pause(this.#random() * 400);
    }
    assert.equal(service.exit, undefined, service.stderr);
    await service.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
  }

  /** Everybody writes until it is disposed of, which fails when one of them has. */
  #load(): AsyncDisposable {
    const stop = new AbortController();
    const stopped = Promise.all([
      ...this.#actors.map((actor) => this.#act(actor, stop.signal)),
      this.#publish(stop.signal),
      this.#backUp(stop.signal),
    ]);
    stopped.catch(() => {});
    return {
      [Symbol.asyncDispose]: async () => {
        stop.abort();
        await stopped;
      },
    };
  }

  async #act(actor: Actor, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (actor.last && !actor.pending && this.#random() < 0.05) {
        const { operation, body, reply } = actor.last;
        const again = await this.#ask(operation, body, signal);
        if (!again) continue;
        assert.deepEqual(again, reply, `${operation} ${body.request_id}, asked again`);
        this.#askedAgain += 1;
      }
      await this.#step(actor, signal);
    }
  }

  /** Asks for what is next until it is answered, or the signal comes. */
  async #step(actor: Actor, signal: AbortSignal): Promise<void> {
    const { operation, body } = actor.next();
    const reply = await this.#ask(operation, body, signal);
    if (!reply) return;
    // That tells the last change of the scope, not its own.
    if (operation !== "configure-scope") this.#revisions.replied(body.request_id as string, reply);
    actor.done(reply);
  }

  /** The reply; undefined when there was none. */
  async #ask(operation: string, body: unknown, signal: AbortSignal): Promise<Reply | undefined> {
    try {
      return await this.#site.ask(operation, body, { timeoutMs: ATTEMPT_MS, signal });
    } catch (thrown) {
      if (signal.aborted || (thrown as { code?: string }).code === "no_reply") return undefined;
      throw thrown;
    }
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

  async #backUp(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const found = await backUp(this.#site, this.#actors, signal);
      if (found) {
        this.#backups += 1;
        wholeUpdate(found);
      }
      await pause(this.#random() * 300);
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
        await this.#step(actor, never);
      }
    }
    if (this.#watchers.size === 0) await this.#startWatchers();
    await settled(this.#site, this.#actors);
    await verifyAll(`${dirname(this.#site.database)}/backups`);
    for (const [scope, watcher] of this.#watchers) {
      await converged(this.#site, scope, () => watcher.entries);
    }
  }

  async #startWatchers(): Promise<void> {
    await this.#site.askUntilAnswered("create-scope", { service: BUS_SCOPE });
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

  async #lookAtDisk(): Promise<void> {
    const look = await lookAt(this.#site.database, this.#actors, this.#random);
    this.#revisions.onDisk(look.epoch, look.revision);
    for (const { body } of look.unanswered.values()) {
      this.#revisions.storedUnanswered(body.request_id as string, look.revision);
      this.#storedUnanswered += 1;
    }
    const onDisk = wholeUpdate(look.contents);
    assert.ok(onDisk >= this.#told, `update ${this.#told} was told, ${onDisk} is on disk`);
  }
}

/** The number of the last update, which is there as a whole. */
function wholeUpdate(found: Found): number {
  const bus = found.get(BUS_SCOPE);
  const [a, b, c] = ["a", "b", "c"].map((key) => Number(bus?.get(key) ?? 0));
  assert.deepEqual([b, c], [a, a], "half an update");
  return a!;
}
