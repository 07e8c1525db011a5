/** The layer of shim.c between a process and the file system, built when it is needed. */

import { fileURLToPath } from "node:url";
import { runToEnd } from "../helpers/child.ts";
import { hasTool, toolTest } from "../helpers/tools.ts";

/** What the shim can let fail; kinds may be added up. */
export const KIND = { write: 1, sync: 2, truncate: 4, open: 8, unlink: 16, all: 31 } as const;

/** Numbers of errors (errno(3)). */
export const ERRNO = { EIO: 5, EMFILE: 24, ENOSPC: 28, EROFS: 30, EDQUOT: 122 } as const;

/** What shall fail: by default everything of those kinds, from now on. */
export interface Fault {
  readonly errno: number;
  readonly kinds: number;
  readonly skip?: number;
  readonly count?: number;
}

const CONTROL_BYTES = 40;

/** A shim for processes that have not begun; one process each. */
export class Shim implements AsyncDisposable {
  readonly #library: string;
  readonly #control: string;
  /** Path of the log, for {@link parseLog}. */
  readonly log: string;

  private constructor(readonly directory: string) {
    this.#library = `${directory}/shim.so`;
    this.#control = `${directory}/control`;
    this.log = `${directory}/log`;
  }

  /** Compiles it into a directory of its own. */
  static async build(): Promise<Shim> {
    const shim = new Shim(await Deno.makeTempDir({ prefix: "plantd-state-shim-" }));
    const source = fileURLToPath(new URL("shim.c", import.meta.url));
    const args = ["-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-o", shim.#library, source];
    const { code, stderr } = await runToEnd("gcc", args);
    if (code !== 0) throw new Error(`shim.c does not compile: ${stderr}`);
    shim.#set(new DataView(new ArrayBuffer(CONTROL_BYTES)));
    return shim;
  }

  /** The environment of a process that is to have faults in its files below `dir`. */
  faultEnv(dir: string): Record<string, string> {
    return { LD_PRELOAD: this.#library, SHIM_DIR: `${dir}/`, SHIM_CONTROL: this.#control };
  }

  /** The environment of a process of which everything it does below `dir` is recorded. */
  logEnv(dir: string): Record<string, string> {
    return { LD_PRELOAD: this.#library, SHIM_DIR: `${dir}/`, SHIM_LOG: this.log };
  }

  /** Lets operations fail. */
  fail({ errno, kinds, skip = 0, count = -1 }: Fault): void {
    this.#change((view) => {
      for (const [at, value] of [errno, kinds, skip, count].entries()) {
        view.setInt32(4 * at, value, true);
      }
    });
  }

  /** Lets no more operations fail, or hang. */
  heal(): void {
    this.#change((view) => {
      view.setInt32(0, 0, true);
      view.setInt32(16, 0, true);
    });
  }

  /** Lets operations of these kinds not return before {@link heal}. */
  hang(kinds: number): void {
    this.#change((view) => view.setInt32(16, kinds, true));
  }

  /** Steps the wall clock, by so many seconds from the true time. */
  setClock(seconds: number): void {
    this.#change((view) => view.setBigInt64(24, BigInt(seconds), true));
  }

  /** Lets time seem to have passed: so many seconds since the process began; never fewer than before. */
  passTime(seconds: number): void {
    this.#change((view) => view.setBigInt64(32, BigInt(seconds), true));
  }

  /** Operations that have failed. */
  get failed(): number {
    return this.#get().getInt32(20, true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.directory, { recursive: true });
  }

  #change(change: (view: DataView) => void): void {
    const view = this.#get();
    change(view);
    this.#set(view);
  }

  #get(): DataView {
    return new DataView(Deno.readFileSync(this.#control).buffer);
  }

  /** Into the same file: processes have it in their memory. */
  #set(view: DataView): void {
    using file = Deno.openSync(this.#control, { write: true, create: true, mode: 0o600 });
    file.writeSync(new Uint8Array(view.buffer));
  }
}

/** A test with a shim; skipped, loudly, where there is no compiler or no glibc. */
export function shimTest(name: string, fn: (shim: Shim) => Promise<void>): void {
  const tools = Deno.build.os === "linux" ? ["gcc"] : ["gcc on Linux"];
  toolTest(tools, name, async () => {
    await using shim = await Shim.build();
    await fn(shim);
  });
}

/** Whether {@link shimTest} runs its tests. */
export const hasShim = Deno.build.os === "linux" && hasTool("gcc");
