/** Child processes in tests: what they print is kept, and none outlives its test. */

import { until } from "./async.ts";

/** How a process ended. */
export interface Exit {
  readonly code: number;
  readonly signal: Deno.Signal | null;
}

/** Where and with what to run. */
export interface ChildOptions {
  readonly cwd?: string | undefined;
  /** On top of the tests' own environment, without its settings of the program. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/**
 * A running process.
 *
 * @example
 * ```ts
 * await using child = Child.start("cat", []);
 * await child.write("hello\n");
 * await child.until("an echo", () => child.stdout === "hello\n");
 * ```
 */
export class Child implements AsyncDisposable {
  /** Resolves when the process has ended and all it printed has been read. */
  readonly ended: Promise<Exit>;
  readonly #process: Deno.ChildProcess;
  readonly #command: string;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  #stdout = "";
  #stderr = "";
  #exit: Exit | undefined;

  private constructor(command: string, args: readonly string[], options: ChildOptions) {
    this.#command = [command, ...args].join(" ");
    this.#process = new Deno.Command(command, {
      args: [...args],
      clearEnv: true,
      env: { ...inherited(), ...options.env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    }).spawn();
    this.#stdin = this.#process.stdin.getWriter();
    this.ended = this.#end(
      pump(this.#process.stdout, (part) => this.#stdout += part),
      pump(this.#process.stderr, (part) => this.#stderr += part),
    );
  }

  /** Runs `command` with `args`. */
  static start(command: string, args: readonly string[], options: ChildOptions = {}): Child {
    return new Child(command, args, options);
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** All of standard output so far. */
  get stdout(): string {
    return this.#stdout;
  }

  /** All of standard error so far. */
  get stderr(): string {
    return this.#stderr;
  }

  /** How it ended; undefined while it runs. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** Resolves when `condition` holds; fails when it does not in time, or when the process ends first. */
  async until(what: string, condition: () => boolean | Promise<boolean>, timeoutMs?: number) {
    try {
      await until(what, async () => {
        if (await condition()) return true;
        if (this.#exit) throw new Error(`it ended with ${this.#exit.code}: ${what}`);
        return false;
      }, timeoutMs);
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      throw new Error(`${this.#command}: ${cause}\n${this.#stderr.slice(-4000)}`);
    }
  }

  /** Writes to standard input. */
  async write(data: string | Uint8Array): Promise<void> {
    await this.#stdin.write(typeof data === "string" ? new TextEncoder().encode(data) : data);
  }

  /** Closes standard input. */
  async closeStdin(): Promise<void> {
    await this.#stdin.close();
  }

  /** Sends a signal; none to a process that has ended. */
  signal(signal: Deno.Signal): void {
    if (!this.#exit) this.#process.kill(signal);
  }

  /** SIGKILL, and its end. */
  async kill(): Promise<Exit> {
    this.signal("SIGKILL");
    return await this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #end(...pumps: Promise<void>[]): Promise<Exit> {
    const { code, signal } = await this.#process.status;
    this.#exit = { code, signal };
    await Promise.all(pumps);
    await this.#stdin.close().catch(() => {}); // Closed before, or nobody reads there any more.
    return this.#exit;
  }
}

async function pump(stream: ReadableStream<Uint8Array>, take: (part: string) => void) {
  for await (const part of stream.pipeThrough(new TextDecoderStream() as never)) {
    take(part as unknown as string);
  }
}

/** The environment without settings of the program, which would make tests depend on the desk. */
function inherited(): Record<string, string> {
  const all = Object.entries(Deno.env.toObject());
  const kept = all.filter(([name]) => !/^PLANTD_|^DENO_KV_DB_MODE$|^FORCE_COLOR$/.test(name));
  return { ...Object.fromEntries(kept), NO_COLOR: "1" };
}

/** Runs a process to its end. */
export async function runToEnd(
  command: string,
  args: readonly string[],
  options: ChildOptions & { stdin?: string | Uint8Array } = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  await using child = Child.start(command, args, options);
  if (options.stdin !== undefined) await child.write(options.stdin);
  await child.closeStdin();
  const { code } = await child.ended;
  return { code, stdout: child.stdout, stderr: child.stderr };
}
