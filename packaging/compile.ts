/**
 * `deno task compile`: one executable per target, and SHA256SUMS.
 *
 * @module
 */

import { join, resolve } from "node:path";
import { print, warn } from "../src/cli/output.ts";
import { messageOf } from "../src/errors.ts";
import { VERSION } from "../src/version.ts";
import { type Artifact, writeArtifact, writeSums } from "./artifacts.ts";
import { bundle } from "./bundle.ts";
import { licenses } from "./licenses.ts";
import { native } from "./native.ts";
import { type CompileOptions, parseOptions } from "./options.ts";
import { addon, denoExecutable, denoTarball, type Part, ROOT } from "./parts.ts";
import { portable } from "./portable.ts";
import { DENO_VERSION, type Target } from "./targets.ts";

/** Where what was fetched is kept; SHA256SUMS passes over hidden names. */
const FETCHED = join(ROOT, "dist", ".fetched");

/** How a target can be built. */
export interface Ways {
  native(target: Target): Promise<Uint8Array>;
  portable(target: Target): Promise<Uint8Array>;
}

/**
 * The executable for a target, by the way that was asked for; by default native, and portable where
 * that cannot be had.
 *
 * @param say Takes the one line about why it is not native.
 */
export async function build(
  target: Target,
  way: CompileOptions["way"],
  ways: Ways,
  say: (line: string) => void,
): Promise<Uint8Array> {
  if (way === "portable") return await ways.portable(target);
  try {
    return await ways.native(target);
  } catch (error) {
    if (way === "native") throw error;
    say(`${target.name}: portable, because ${reasonIn(messageOf(error))}`);
    return await ways.portable(target);
  }
}

/**
 * The one line of what `deno compile` said that tells why: the last cause, which it counts, but for
 * causes that only repeat a part of the one before.
 *
 * @example
 * ```ts
 * reasonIn("error: Writing\n\nCaused by:\n    0: Setting up base binary.\n    1: no route"); // "no route"
 * ```
 */
export function reasonIn(said: string): string {
  const causes = [...said.matchAll(/^\s*\d+: (?!<)(.+)$/gm)].map(([, cause]) => cause!);
  const telling = causes.filter((cause, i) =>
    !causes.slice(0, i).some((one) => one.includes(cause))
  );
  return (telling.at(-1) ?? said.split("\n").find((line) => line.trim() !== "") ?? said).trim();
}

/** Builds what the command line asks for. Returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  if (typeof options === "number") return options;
  if (Deno.version.deno !== DENO_VERSION) {
    warn(`Deno ${DENO_VERSION} is needed to build, this is ${Deno.version.deno}`);
    return 1;
  }
  const output = resolve(options.output);
  const code = await bundle();
  const ways = waysWith(code);
  let failures = 0;
  for (const target of options.targets) {
    try {
      const bytes = await build(target, options.way, ways, warn);
      print(describe(await writeArtifact(output, nameFor(target), bytes)));
    } catch (error) {
      failures += 1;
      warn(`${target.name}: not built: ${messageOf(error)}`);
    }
  }
  if (failures < options.targets.length) await writeSums(output);
  return failures === 0 ? 0 : 1;
}

/** Name of a target's executable. */
export function nameFor(target: Target): string {
  return `plantd-state-${VERSION}-${target.name}`;
}

function waysWith(code: readonly Part[]): Ways {
  return {
    native: async (target) => await native(target, [...code, ...await addon(target)]),
    portable: async (target) => {
      const content = {
        version: VERSION,
        target,
        program: [...code, ...await addon(target), await licenses(code)],
        denoTarball: await denoTarball(target, FETCHED),
        deno: await denoExecutable(target, FETCHED),
      };
      const template = await Deno.readTextFile(join(ROOT, "packaging/header.sh"));
      return portable(content, template);
    },
  };
}

function describe({ path, bytes, sha256 }: Artifact): string {
  return `${path}  ${(bytes / 1e6).toFixed(1)} MB  sha256:${sha256}`;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
