/** The subject of a hostile suite as its tests see it: a process that is watched from outside. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Child } from "../../helpers/child.ts";
import { until } from "../../helpers/async.ts";

const SCRIPT = fileURLToPath(new URL("subject.ts", import.meta.url));

/** What may come on top of what the process had when it was warm. */
const GROWTH_MAX = 1.2;

/**
 * With many floods at once glibc's arenas are full of holes: what the system gave goes up and down by a
 * third from one minute to the next, while what is in use stays. See the latter for leaks.
 */
const RSS_GROWTH_MAX = 1.5;

/**
 * What libzmq 4.3.5 keeps of a connection that claimed an identity which was taken, until the socket
 * closes: it never reads on from the pipe of a peer without a name, so the pipe never sees its end
 * (router.cpp, `_anonymous_pipes`). Measured: 36,100 bytes.
 */
export const IGNORED_BYTES = 40_000;

/** What a process holds after a full garbage collection, in bytes. */
export interface Memory {
  /** What the system gave it. Pieces of it may be free, and too small to be given back. */
  readonly rss: number;
  /** What V8 and malloc have handed out: a leak is here, and nothing else is. */
  readonly inUse: number;
  /** Entries of /proc/self/fd. */
  readonly fds: number;
  /** ZeroMQ sockets of ours. */
  readonly sockets: number;
}

/**
 * A running subject.
 *
 * @example
 * ```ts
 * await using subject = await Subject.start<BrokerStatus>("broker");
 * const before = await subject.memory();
 * ```
 */
export class Subject<Status> implements AsyncDisposable {
  readonly #child: Child;
  /** Where its broker listens; empty for workers. */
  readonly endpoint: string;
  readonly #control: string;

  private constructor(child: Child, endpoint: string, port: number) {
    this.#child = child;
    this.endpoint = endpoint;
    this.#control = `http://127.0.0.1:${port}`;
  }

  static async start<Status>(mode: string, ...args: string[]): Promise<Subject<Status>> {
    const flags = ["run", "--no-prompt", "--allow-all", "--v8-flags=--expose-gc"];
    const child = Child.start(Deno.execPath(), [...flags, SCRIPT, mode, ...args]);
    try {
      await child.until("it says where it is", () => child.stdout.endsWith("\n"));
      const { endpoint, port } = JSON.parse(child.stdout);
      return new Subject(child, endpoint, port);
    } catch (error) {
      await child.kill();
      throw error;
    }
  }

  /** Fails with what the process printed when it has ended. */
  assertAlive(): void {
    const { exit, stderr } = this.#child;
    assert.equal(exit, undefined, `the subject ended with ${exit?.code}:\n${stderr.slice(-2000)}`);
  }

  async status(): Promise<Status & { readonly errors: readonly string[] }> {
    return await this.#ask("/status");
  }

  /** Workers: requests that are held by the one of this index are answered. */
  async release(worker: number): Promise<void> {
    await this.#ask(`/release/${worker}`);
  }

  /** Garbage is collected first. */
  async memory(): Promise<Memory> {
    return await this.#ask("/memory");
  }

  /**
   * Resolves when it holds as much as in `warm` again, or a fifth more, of memory from the system half
   * more; fails with the figures.
   *
   * @param ignored Connections since then under identities that were taken.
   */
  async untilBack(warm: Memory, ignored = 0): Promise<void> {
    const inUseMax = warm.inUse * GROWTH_MAX + ignored * IGNORED_BYTES;
    let now = warm;
    try {
      await until("memory and descriptors are back", async () => {
        now = await this.memory();
        return now.inUse <= inUseMax && now.rss <= warm.rss * RSS_GROWTH_MAX &&
          now.fds <= warm.fds && now.sockets <= warm.sockets;
      });
    } catch {
      assert.fail(`held when warm: ${JSON.stringify(warm)}, now: ${JSON.stringify(now)}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
  }

  async #ask<T>(path: string): Promise<T> {
    this.assertAlive();
    try {
      const response = await fetch(this.#control + path);
      return await response.json();
    } catch (error) {
      // It may have died of what it was asked after.
      await until("its end", () => this.#child.exit !== undefined, 1000).catch(() => {});
      this.assertAlive();
      throw error;
    }
  }
}
