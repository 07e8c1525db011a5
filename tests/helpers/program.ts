/** The program itself as a process of its own, with exactly the permissions its tasks give it. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import project from "../../deno.json" with { type: "json" };
import { Child, type ChildOptions, type Exit, runToEnd } from "./child.ts";
import { freePort, freePorts } from "./ports.ts";

const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));

/** How to start the program. */
export interface ProgramOptions extends ChildOptions {
  /**
   * What start waits for: `pass` until /healthz passes, `listening` until it has started,
   * `serving` until the log says so, `nothing`. By default `pass`, for `broker` `serving`.
   */
  readonly wait?: "pass" | "listening" | "serving" | "nothing";
}

/** What /healthz said. */
export interface Health {
  readonly httpStatus: number;
  readonly body: {
    readonly status: string;
    readonly output?: string;
    readonly checks: Readonly<Record<string, readonly { status: string; output?: string }[]>>;
  };
}

/** A running program. */
export class Program implements AsyncDisposable {
  readonly child: Child;
  readonly #healthPort: number | undefined;

  constructor(child: Child, healthPort: number | undefined) {
    this.child = child;
    this.#healthPort = healthPort;
  }

  get stdout(): string {
    return this.child.stdout;
  }

  get stderr(): string {
    return this.child.stderr;
  }

  /** The lines of the log that are JSON. */
  get log(): readonly LogLine[] {
    const whole = this.stderr.slice(0, this.stderr.lastIndexOf("\n") + 1).split("\n");
    return whole.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  }

  /** What /healthz says; undefined when nobody answers there. */
  async health(): Promise<Health | undefined> {
    try {
      const response = await fetch(`http://127.0.0.1:${this.#healthPort}/healthz`);
      return { httpStatus: response.status, body: await response.json() };
    } catch {
      return undefined;
    }
  }

  /** Resolves when /healthz passes. */
  async untilHealthy(): Promise<void> {
    await this.child.until(
      "/healthz passes",
      async () => (await this.health())?.httpStatus === 200,
    );
  }

  /** Sends `signal` and waits for the end, which it measures. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<Exit & { readonly tookMs: number }> {
    const startMs = performance.now();
    this.child.signal(signal);
    const exit = await this.child.ended;
    return { ...exit, tookMs: performance.now() - startMs };
  }

  /** Pulls the plug (SIGKILL). */
  async kill(): Promise<void> {
    await this.child.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child[Symbol.asyncDispose]();
  }
}

/** One line of the program's JSON log. */
export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly logger: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

/**
 * Starts a command that runs until it is stopped. The ports of health and everything else come from
 * `args`, a configuration file or the environment; a free one for health is added where none is given.
 *
 * @example
 * ```ts
 * await using dir = await tempDir();
 * const { args, broker } = await devSettings(dir.path);
 * await using program = await startProgram(["dev", ...args], { cwd: dir.path });
 * ```
 */
export async function startProgram(
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<Program> {
  const [command] = args;
  const hasHealth = command !== "broker" && command !== "state";
  const given = args.find((arg) => arg.startsWith("--health-port="))?.split("=")[1];
  const healthPort = hasHealth ? Number(given ?? freePort()) : undefined;
  const all = hasHealth && given === undefined ? [...args, `--health-port=${healthPort}`] : args;
  // A feed on a port of its own, too: tests run several services at once.
  const env = { PLANTD_STATE_FEED_ENDPOINT: "tcp://127.0.0.1:*", ...options.env };
  const child = Child.start(...invocation(all), { ...options, env });
  const program = new Program(child, healthPort);
  try {
    await ready(program, options.wait ?? (hasHealth ? "pass" : "serving"));
    return program;
  } catch (error) {
    await program.kill();
    throw error;
  }
}

/** Runs a command that ends by itself, such as `state get`. */
export async function runProgram(
  args: readonly string[],
  options: ChildOptions & { stdin?: string | Uint8Array } = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  return await runToEnd(...invocation(args), options);
}

async function ready(program: Program, wait: NonNullable<ProgramOptions["wait"]>): Promise<void> {
  const { child } = program;
  switch (wait) {
    case "pass":
      return await program.untilHealthy();
    case "listening":
      return await child.until("it has started", async () => {
        const health = await program.health();
        return health !== undefined && health.body.checks["service:start"] === undefined;
      });
    case "serving":
      return await child.until("it serves", () => program.log.some((l) => l.message === "serving"));
    case "nothing":
      return;
  }
}

/** The command line of the task `plantd-state` with `args` behind it. */
export function invocation(args: readonly string[]): [command: string, args: string[]] {
  const [deno, ...words] = project.tasks["plantd-state"].command.split(" ");
  const main = words.pop();
  assert.equal(deno, "deno");
  assert.equal(main, "main.ts");
  return [Deno.execPath(), [...words, MAIN, ...args]];
}

/** Where a `dev` listens, and the arguments that make it so. */
export interface DevSettings {
  readonly args: readonly string[];
  /** The broker's address. */
  readonly broker: string;
  /** Where publishers connect. */
  readonly frontend: string;
  /** Where subscribers connect. */
  readonly backend: string;
  readonly healthPort: number;
}

/**
 * Settings for `dev` with free ports and a database in `dir`, as a configuration file there.
 *
 * @param settings Further settings by section, such as `{ broker: { "heartbeat-ms": 200 } }`.
 */
export async function devSettings(
  dir: string,
  settings: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {},
): Promise<DevSettings> {
  const [broker, frontend, backend, health] = freePorts(4);
  const at = (port: number | undefined) => `tcp://127.0.0.1:${port}`;
  const file = await writeConfig(dir, "dev.yml", {
    ...settings,
    broker: { endpoint: at(broker), ...settings.broker },
    bus: { endpoint: `>${at(backend)}`, frontend: `@${at(frontend)}`, ...settings.bus },
    feed: { endpoint: "tcp://127.0.0.1:*" },
    database: { path: `${dir}/state.db` },
  });
  return {
    args: ["--config", file, `--health-port=${health}`],
    broker: at(broker),
    frontend: at(frontend),
    backend: at(backend),
    healthPort: health!,
  };
}

/** Writes a configuration file and returns its path. */
export async function writeConfig(dir: string, name: string, config: unknown): Promise<string> {
  const path = `${dir}/${name}`;
  await Deno.writeTextFile(path, stringify(config));
  return path;
}
