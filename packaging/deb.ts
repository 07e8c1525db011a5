/**
 * `deno task deb`: Debian packages, made with Debian's dpkg-deb.
 *
 * @module
 */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, withDefault } from "@optique/core/modifiers";
import { option } from "@optique/core/primitives";
import { choice, string } from "@optique/core/valueparser";
import { dirname, join, resolve } from "node:path";
import { print, warn } from "../src/cli/output.ts";
import { messageOf } from "../src/errors.ts";
import { PROGRAM, VERSION } from "../src/version.ts";
import { Exit, parseArguments } from "./arguments.ts";
import { writeSums } from "./artifacts.ts";
import { controlFiles } from "./debian_control.ts";
import { bundle } from "./bundle.ts";
import { type DebianFile, debianFiles, isLink } from "./debian_files.ts";
import { addon, denoExecutable, type Part, ROOT, run } from "./parts.ts";
import { sha256 } from "./portable.ts";
import { type Target, TARGETS } from "./targets.ts";

/** Where what was fetched is kept, as `deno task compile` does. */
const FETCHED = join(ROOT, "dist", ".fetched");

/** Targets that are Debian's. */
const DEBIAN = TARGETS.filter(({ debian }) => debian !== undefined);

const parser = object({
  targets: multiple(
    option("-t", "--target", choice(DEBIAN.map(({ name }) => name), { metavar: "TARGET" }), {
      description: message`${DEBIAN.map(({ name }) => name).join(" or ")}; by default both.`,
    }),
  ),
  output: withDefault(
    option("-o", "--output", string({ metavar: "DIRECTORY" }), {
      description: message`Where the packages go.`,
    }),
    "dist",
  ),
});

/**
 * Builds the package for a target.
 *
 * @param output The directory it goes to.
 * @param code The bundle.
 * @param epoch Seconds since 1970 that everything in it is dated with.
 * @returns Its path.
 * @throws {Error} With one line about what is missing.
 */
export async function buildDeb(
  target: Target,
  output: string,
  code: readonly Part[],
  epoch: number,
): Promise<string> {
  const date = new Date(epoch * 1000).toISOString().slice(0, "yyyy-mm-dd".length);
  const program = [...code, ...await addon(target), await denoExecutable(target, FETCHED)];
  const files = await debianFiles(program, code, date);
  const path = join(output, `${PROGRAM}_${VERSION}_${target.debian}.deb`);
  await Deno.mkdir(output, { recursive: true });
  const control = await controlFiles(files, target.debian!, VERSION);
  await writeDeb(files, control, path, epoch);
  return path;
}

/**
 * Writes a package; the same bytes for the same content, whoever builds it and when.
 *
 * @throws {Error} What dpkg-deb said.
 */
export async function writeDeb(
  files: readonly DebianFile[],
  control: readonly Part[],
  path: string,
  epoch: number,
): Promise<void> {
  const staging = await Deno.makeTempDir({ prefix: `${PROGRAM}-deb-` });
  try {
    await Deno.chmod(staging, 0o755);
    for (const file of files) await place(staging, file);
    for (const part of control) await place(staging, { ...part, path: `DEBIAN/${part.path}` });
    // gzip, because every dpkg reads it and it takes seconds where xz takes minutes.
    const args = ["--root-owner-group", "-Zgzip", "-z6", "--build", staging, path];
    const { success, stderr } = await new Deno.Command("dpkg-deb", {
      args,
      env: { SOURCE_DATE_EPOCH: String(epoch), LC_ALL: "C" },
      stdout: "null",
      stderr: "piped",
    }).output();
    if (!success) throw new Error(`dpkg-deb failed: ${new TextDecoder().decode(stderr).trim()}`);
  } finally {
    await Deno.remove(staging, { recursive: true });
  }
}

/** Says what is missing before the minutes of work, not after them. */
async function requireDpkgDeb(): Promise<void> {
  try {
    await new Deno.Command("dpkg-deb", { args: ["--version"], stdout: "null" }).output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error("dpkg-deb is missing: Debian packages are built where Debian's dpkg is", {
      cause: error,
    });
  }
}

/** Puts a file where dpkg-deb finds it, with the same rights under any umask. */
async function place(staging: string, file: DebianFile): Promise<void> {
  const path = join(staging, file.path);
  let directory = staging;
  for (const name of dirname(file.path).split("/")) {
    directory = join(directory, name);
    await Deno.mkdir(directory, { recursive: true });
    await Deno.chmod(directory, 0o755);
  }
  if (isLink(file)) return await Deno.symlink(file.target, path);
  await Deno.writeFile(path, file.bytes);
  await Deno.chmod(path, file.mode);
}

/** Time of the last commit, so that a commit always gives the same package; 0 outside of git. */
export async function epochOfCommit(): Promise<number> {
  const given = Deno.env.get("SOURCE_DATE_EPOCH");
  if (given !== undefined && /^\d{1,12}$/.test(given)) return Number(given);
  try {
    return Number(new TextDecoder().decode(await run("git", ["log", "-1", "--format=%ct"])));
  } catch {
    return 0;
  }
}

/** Builds what the command line asks for. Returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  try {
    const { targets, output } = parseArguments({
      parser,
      programName: "deno task deb",
      brief: message`Build plantd-state as Debian packages.`,
      complain: warn,
    }, args);
    await requireDpkgDeb();
    const wanted = DEBIAN.filter(({ name }) => targets.length === 0 || targets.includes(name));
    const [code, epoch] = [await bundle(), await epochOfCommit()];
    for (const target of wanted) {
      const path = await buildDeb(target, resolve(output), code, epoch);
      const bytes = await Deno.readFile(path);
      print(`${path}  ${(bytes.length / 1e6).toFixed(1)} MB  sha256:${sha256(bytes)}`);
    }
    await writeSums(resolve(output));
    return 0;
  } catch (thrown) {
    if (thrown instanceof Exit) return thrown.code;
    warn(`not built: ${messageOf(thrown)}`);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
