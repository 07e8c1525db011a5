/** The portable executables as they would be handed out: built once for a run of the tests. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import project from "../../deno.json" with { type: "json" };
import { BUNDLE_PATH, DENO_IN_TARBALL, DENO_PATH } from "../../packaging/parts.ts";
import { portable } from "../../packaging/portable.ts";
import { tar } from "../../packaging/tar.ts";
import { TARGETS } from "../../packaging/targets.ts";
import { isThere } from "../../src/is_there.ts";
import { Child, runToEnd } from "../helpers/child.ts";
import { tempDir } from "../helpers/temp.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Where the executables of this run are; test files run one after the other in one process. */
const BUILT = `${ROOT}dist/.tested-${Deno.pid}`;

/** The target of this machine. */
export const HERE = Deno.build.arch === "aarch64" ? "linux-arm64" : "linux-x64";
/** The target of another machine. */
export const ELSEWHERE = HERE === "linux-x64" ? "linux-arm64" : "linux-x64";

/** Runs `deno task compile` with the permissions that it gives itself. */
export async function compile(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const [deno, ...words] = project.tasks.compile.command.split(" ");
  assert.equal(deno, "deno");
  return await runToEnd(Deno.execPath(), [...words, ...args], { cwd: ROOT, env });
}

/** The directory with the portable executables of all Linux targets. */
export async function built(): Promise<string> {
  if (await isThere(`${BUILT}/SHA256SUMS`)) return BUILT;
  for (const { name } of Deno.readDirSync(await ensureDir(`${ROOT}dist`))) {
    const pid = /^\.tested-(\d+)$/.exec(name)?.[1];
    // What an earlier run left; it cannot know which of its files is the last one.
    if (pid && (await runToEnd("/bin/sh", ["-c", `kill -0 ${pid}`])).code !== 0) {
      await Deno.remove(`${ROOT}dist/${name}`, { recursive: true });
    }
  }
  const { code, stderr } = await compile(["--portable", `--output=${BUILT}`]);
  assert.equal(code, 0, stderr);
  return BUILT;
}

/**
 * The executable with a script of two lines for Deno, which knows its version: for the many cases of
 * where and when to unpack, in which 100 MB would only take time.
 */
async function withoutDeno(): Promise<string> {
  const path = `${await built()}/.without-deno`;
  if (await isThere(path)) return path;
  const text = new TextEncoder();
  const deno = {
    path: DENO_PATH,
    mode: 0o755,
    bytes: text.encode(`#!/bin/sh\necho ${project.version}\n`),
  };
  const content = {
    version: project.version,
    target: TARGETS.find(({ name }) => name === HERE)!,
    program: [{ path: BUNDLE_PATH, mode: 0o644, bytes: text.encode("// empty\n") }],
    deno,
    denoTarball: gzipSync(tar([{ ...deno, path: DENO_IN_TARBALL }])),
  };
  const template = await Deno.readTextFile(`${ROOT}packaging/header.sh`);
  await Deno.writeFile(path, portable(content, template), { mode: 0o755 });
  return path;
}

/** The path of the executable for `target`. */
export async function artifact(target = HERE): Promise<string> {
  return `${await built()}/plantd-state-${project.version}-${target}`;
}

/** An empty directory with the executable in it, as on a host that has never seen it. */
export class Host implements AsyncDisposable {
  /** The directory. */
  readonly path: string;
  readonly #temp: AsyncDisposable;

  private constructor(temp: { path: string } & AsyncDisposable, cache: string) {
    this.path = temp.path;
    this.cache = cache;
    this.#temp = temp;
  }

  /** @param what The target the executable is for, this machine by default, or one without Deno. */
  static async make(what: string = HERE): Promise<Host> {
    const path = what === "without Deno" ? await withoutDeno() : await artifact(what);
    const temp = await tempDir();
    const host = new Host(temp, `${temp.path}/cache`);
    await Deno.copyFile(path, host.file);
    return host;
  }

  /** One where it was unpacked before, into a cache that these tests share. */
  static async makeUsed(): Promise<Host> {
    const host = new Host(await tempDir(), `${await built()}/.cache`);
    await Deno.copyFile(await artifact(), host.file);
    return host;
  }

  /** The executable. */
  get file(): string {
    return `${this.path}/plantd-state`;
  }

  /** Where it unpacks to unless a test says otherwise. */
  readonly cache: string;

  /** Names in a cache directory that its owner can see. */
  unpacked(cache = this.cache): string[] {
    return [...Deno.readDirSync(cache)].map(({ name }) => name).sort();
  }

  /** Runs it to its end. Nothing is in the environment but PATH and what `env` says. */
  async run(
    args: readonly string[],
    { env, file, stdin }: RunOptions = {},
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    const command = this.#command(args, env, file);
    return await runToEnd("/usr/bin/env", command, {
      cwd: this.path,
      ...(stdin === undefined ? {} : { stdin }),
    });
  }

  /** Starts it. */
  start(args: readonly string[], { env, file }: RunOptions = {}): Child {
    return Child.start("/usr/bin/env", this.#command(args, env, file), { cwd: this.path });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#temp[Symbol.asyncDispose]();
  }

  #command(
    args: readonly string[],
    env: Readonly<Record<string, string>> = { PLANTD_STATE_CACHE: this.cache },
    file: string | readonly string[] = this.file,
  ): string[] {
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    return ["-i", "PATH=/usr/bin:/bin", ...variables, ...[file].flat(), ...args];
  }
}

/** How to run it. */
export interface RunOptions {
  /** By default only PLANTD_STATE_CACHE, with {@link Host.cache}. */
  readonly env?: Readonly<Record<string, string>>;
  /** How to call it; the path of the executable by default. */
  readonly file?: string | readonly string[];
  readonly stdin?: string;
}

/** Fails unless it ended with 70 and one line like `expected`. */
export function assertRefused(
  { code, stdout, stderr }: { code: number; stdout: string; stderr: string },
  expected: RegExp,
): void {
  assert.match(stderr, /^plantd-state: [^\n]*\n$/);
  assert.match(stderr, expected);
  assert.deepEqual({ code, stdout }, { code: 70, stdout: "" });
}

/** What it says when all is well. */
export const VERSION_SAID = { code: 0, stdout: `${project.version}\n`, stderr: "" };

/** Says why a test is skipped and what it would have proved. */
export function skip(why: string, name: string): void {
  const line = `SKIPPED: ${why}; it would have proved: ${name}\n`;
  Deno.stderr.writeSync(new TextEncoder().encode(line));
}

async function ensureDir(path: string): Promise<string> {
  await Deno.mkdir(path, { recursive: true });
  return path;
}
