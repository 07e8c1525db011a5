/**
 * Runs a command for each change, one after the other.
 *
 * @module
 */

import { originalHome } from "../config/invocation.ts";
import { messageOf, PlantdError } from "../errors.ts";
import { WATCH_QUEUE_MAX } from "../limits.ts";
import { environmentOf, eventJson, type KeyChange } from "./watch_changes.ts";
import { warn } from "./output.ts";

const encoder = new TextEncoder();

/**
 * Takes changes and runs the command for them in order. A command that fails is said, and the next
 * change has its own; one that cannot be started at all ends it.
 *
 * @example
 * ```ts
 * await using runner = new Runner(["sh", "-c", "echo $PLANTD_KEY"], "org.plantd.Test");
 * runner.take(change);
 * await runner.failed; // rejects when it cannot be started
 * ```
 */
export class Runner implements AsyncDisposable {
  /** Rejects when the command cannot be started; never resolves otherwise. */
  readonly failed: Promise<never>;
  readonly #command: readonly string[];
  readonly #scope: string;
  readonly #fail: (reason: unknown) => void;
  readonly #queue: KeyChange[] = [];
  #running: Deno.ChildProcess | undefined;
  #work: Promise<void> | undefined;
  #skipped = 0;
  #isStopped = false;

  constructor(command: readonly string[], scope: string) {
    this.#command = command;
    this.#scope = scope;
    const { promise, reject } = Promise.withResolvers<never>();
    this.failed = promise;
    this.#fail = reject;
    // Whoever does not look at it must not be ended by it.
    promise.catch(() => {});
  }

  /** Never waits. When too many are waiting the oldest is left out, which is said. */
  take(change: KeyChange): void {
    if (this.#queue.length >= WATCH_QUEUE_MAX) {
      this.#queue.shift();
      this.#skipped += 1;
    }
    this.#queue.push(change);
    this.#work ??= this.#drain();
  }

  /** Asks a command that runs to end (SIGTERM), and waits for it; what waits is not run. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    try {
      this.#running?.kill("SIGTERM");
    } catch {
      // It has just ended by itself.
    }
    await this.#work;
  }

  async #drain(): Promise<void> {
    try {
      for (let next; (next = this.#queue.shift()) && !this.#isStopped;) await this.#run(next);
    } catch (error) {
      const [name = ""] = this.#command;
      this.#fail(new PlantdError("usage", `cannot run ${name}: ${messageOf(error)}`));
    }
    this.#work = undefined;
  }

  async #run(change: KeyChange): Promise<void> {
    if (this.#skipped > 0) {
      warn(`${this.#skipped} changes were left out: the command is slower than they come`);
      this.#skipped = 0;
    }
    const [name = "", ...args] = this.#command;
    const home = originalHome();
    this.#running = new Deno.Command(name, {
      args,
      env: { ...environmentOf(this.#scope, change), ...(home === undefined ? {} : { HOME: home }) },
      stdin: "piped",
      stdout: "inherit",
      stderr: "inherit",
    }).spawn();
    const { stdin, status } = this.#running;
    // A command need not read it.
    await new Blob([encoder.encode(`${eventJson(change)}\n`)]).stream().pipeTo(stdin)
      .catch(() => {});
    const { code, signal, success } = await status;
    this.#running = undefined;
    if (success || this.#isStopped) return;
    const how = signal === null ? `code ${code}` : signal;
    warn(`${name} ended with ${how} for revision ${change.revision} of ${change.key}`);
  }
}
