/**
 * What an executable is made of beside the bundle: zeromq's addon for the target, and Deno.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { versions } from "node:process";
import { fileURLToPath } from "node:url";
import { DENO_VERSION, type Target } from "./targets.ts";

/** A file of the unpacked program. */
export interface Part {
  /** Relative, with slashes. */
  readonly path: string;
  readonly mode: number;
  readonly bytes: Uint8Array;
}

/** The project's directory. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Where the program begins in the unpacked program; it looks for `../build` from there. */
export const BUNDLE_PATH = "lib/plantd-state.js";
/** Where Deno lies in the unpacked program. */
export const DENO_PATH = "bin/deno";

/** The directory of zeromq, as Deno keeps it: `<registry>/zeromq/<version>`. */
const ZEROMQ = dirname(createRequire(import.meta.url).resolve("zeromq/package.json"));

/** The directory with all packages of the registry, `<registry>/<name>/<version>`. */
export const PACKAGES = dirname(dirname(ZEROMQ));

/** What stands in the bundle for {@link PACKAGES}, before the name of a package. */
export const PACKAGE_PREFIX = "npm:";

/**
 * zeromq's addon for `target` and a manifest that names just this one.
 *
 * @throws {Error} When zeromq has no addon for the target.
 */
export async function addon(target: Target): Promise<Part[]> {
  const build = join(ZEROMQ, "build");
  const manifest: Record<string, string> = JSON.parse(
    await Deno.readTextFile(join(build, "manifest.json")),
  );
  const fitting = Object.entries(manifest)
    .map(([description, path]) => ({ description, path, ...describe(description) }))
    .filter(({ os, arch, libc }) =>
      os === target.addonOs && arch === target.addonArch && libc === target.addonLibc
    )
    // Of several for the same machine the newest that Deno's Node compatibility takes; see Node's ABI table.
    .filter(({ abi }) => abi <= Number(versions.modules))
    .sort((a, b) => a.abi - b.abi);
  const chosen = fitting.at(-1);
  if (!chosen) throw new Error(`zeromq has no addon for ${target.name}`);
  const kept = JSON.stringify({ [chosen.description]: chosen.path });
  return [
    { path: "build/manifest.json", mode: 0o644, bytes: new TextEncoder().encode(kept) },
    {
      path: `build/${chosen.path}`,
      mode: 0o644,
      bytes: await Deno.readFile(join(build, chosen.path)),
    },
  ];
}

function describe(description: string): { os: string; arch: string; libc: string; abi: number } {
  return JSON.parse(description);
}

/**
 * Deno's executable for `target`, from npm, kept in `cacheDir` for the next time.
 *
 * @throws {Error} What npm said, or that the tarball is not the one that was pinned.
 */
export async function denoExecutable(target: Target, cacheDir: string): Promise<Part> {
  await denoTarball(target, cacheDir);
  const tarball = join(cacheDir, tarballName(target));
  const bytes = await run("tar", ["-xzOf", tarball, DENO_IN_TARBALL]);
  return { path: DENO_PATH, mode: 0o755, bytes };
}

/** Where Deno lies in npm's tarballs of it. */
export const DENO_IN_TARBALL = "package/deno";

/**
 * npm's tarball with Deno's executable for `target`, to the byte, kept in `cacheDir` for the next time.
 *
 * @throws {Error} What npm said, or that the tarball is not the one that was pinned.
 */
export async function denoTarball(target: Target, cacheDir: string): Promise<Uint8Array> {
  const { denoPackage, denoIntegrity } = portableParts(target);
  const path = join(cacheDir, tarballName(target));
  const wanted = `${denoPackage}@${DENO_VERSION}`;
  const bytes = await readOr(path, async () => {
    await Deno.mkdir(cacheDir, { recursive: true });
    await run("npm", ["pack", "--silent", wanted, `--pack-destination=${cacheDir}`]);
    return await Deno.readFile(path);
  });
  const found = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
  if (found !== denoIntegrity) {
    throw new Error(
      `${path} is not the ${wanted} that was pinned: ${denoIntegrity} is needed, found ${found}`,
    );
  }
  return bytes;
}

/**
 * What the portable path needs to know of a target.
 *
 * @throws {Error} Where there is no portable path.
 */
export function portableParts(target: Target): NonNullable<Target["portable"]> {
  if (target.portable) return target.portable;
  throw new Error(`${target.name}: portable executables are built for Linux only`);
}

/** As `npm pack` calls it. */
function tarballName(target: Target): string {
  const { denoPackage } = portableParts(target);
  return `${denoPackage.replace("@", "").replace("/", "-")}-${DENO_VERSION}.tgz`;
}

async function readOr(path: string, make: () => Promise<Uint8Array>): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return await make();
  }
}

/**
 * Runs a command in the project's directory and returns what it wrote to standard output.
 *
 * @throws {Error} With what it said, when it fails.
 */
export async function run(command: string, args: readonly string[]): Promise<Uint8Array> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (success) return stdout;
  const said = new TextDecoder().decode(stderr.length > 0 ? stderr : stdout).trim();
  throw new Error(`${command} ${args[0]} failed: ${said}`);
}
