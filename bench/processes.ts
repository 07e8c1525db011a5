/**
 * Processes of a benchmark: started in a directory that goes with them, and how much processor time they
 * took. What is written in C is compiled first.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { until } from "../tests/helpers/async.ts";
import { freePorts } from "../tests/helpers/ports.ts";

/** The program, from source. */
export const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

/** Ticks of a second in /proc (proc_pid_stat(5)); 100 on every Linux. */
const TICKS_PER_SECOND = 100;

/** Processes and a directory that go when it is disposed of. */
export class Bench implements AsyncDisposable {
  readonly #processes: Deno.ChildProcess[] = [];

  private constructor(readonly dir: string) {}

  static async make(): Promise<Bench> {
    return new Bench(await Deno.makeTempDir({ prefix: "plantd-state-bench-" }));
  }

  /** Runs this program, or another script, under Deno. */
  start(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Deno.ChildProcess {
    return this.run(Deno.execPath(), ["run", "-A", "--quiet", ...args], env);
  }

  /** Runs a program without input and output. */
  run(
    program: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Deno.ChildProcess {
    const command = new Deno.Command(program, {
      args: [...args],
      cwd: this.dir,
      env,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    });
    return this.own(command.spawn());
  }

  /** Ends `process` with all others. */
  own(process: Deno.ChildProcess): Deno.ChildProcess {
    this.#processes.push(process);
    return process;
  }

  /** Runs the service with a database of its own; what `env` does not say is as by default. */
  startService(name: string, env: Readonly<Record<string, string>>): Deno.ChildProcess {
    const [health] = freePorts(1);
    return this.start([MAIN, "serve", `--db=${this.dir}/${name}.db`], {
      PLANTD_STATE_HEALTH_PORT: String(health),
      PLANTD_STATE_FEED_ENDPOINT: "@tcp://127.0.0.1:*",
      ...env,
    });
  }

  /** Resolves when somebody listens at `port`. */
  async untilOpen(port: number): Promise<void> {
    await until(`port ${port} is open`, async () => {
      try {
        (await Deno.connect({ hostname: "127.0.0.1", port })).close();
        return true;
      } catch {
        return false;
      }
    });
  }

  /** Compiles `source` of this directory with gcc; resolves with the executable's path. */
  async compile(source: string, ...libraries: readonly string[]): Promise<string> {
    const output = `${this.dir}/${source.replace(".c", "")}`;
    const path = fileURLToPath(new URL(source, import.meta.url));
    const args = ["-O2", "-Wall", "-Wextra", "-o", output, path, ...libraries];
    const { success, stderr } = await new Deno.Command("gcc", { args }).output();
    if (!success) throw new Error(`${source}: ${new TextDecoder().decode(stderr)}`);
    return output;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of this.#processes) {
      try {
        process.kill("SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
    await Promise.all(this.#processes.map((process) => process.status));
    await Deno.remove(this.dir, { recursive: true });
  }
}

/** Processor time that the process has taken so far, in seconds. */
export function cpuSeconds(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  // Behind the name, which may hold anything: state, then ten more before utime and stime.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** The middle one of several. */
export function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** Prints a line. */
export function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
