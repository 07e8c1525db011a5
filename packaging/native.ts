/**
 * Native executables: `deno compile` of the bundle, with the one addon it needs beside it. Compiling
 * main.ts would take all of node_modules along, 41 MB instead of 2.
 *
 * @module
 */

import { join } from "node:path";
import { PERMISSIONS } from "./launch.ts";
import { BUNDLE_PATH, type Part, run } from "./parts.ts";
import { type Target, TARGETS } from "./targets.ts";

/**
 * Arguments of `deno` that compile what {@link stage} laid out.
 *
 * @param directory Where the parts lie.
 * @param parts As they were staged; all but the bundle are included as they are.
 * @param output The executable to be.
 */
export function compileArguments(
  target: Target,
  directory: string,
  parts: readonly Part[],
  output: string,
): string[] {
  const included = parts.filter(({ path }) => path !== BUNDLE_PATH);
  return [
    "compile",
    "--quiet",
    "--no-check",
    "--no-config",
    "--no-lock",
    "--no-remote",
    "--no-npm",
    // It would lie in /tmp under a name that everybody knows, and be executed.
    "--no-code-cache",
    "--unstable-kv",
    ...PERMISSIONS,
    `--target=${target.triple}`,
    ...included.map(({ path }) => `--include=${join(directory, path)}`),
    `--output=${output}`,
    join(directory, BUNDLE_PATH),
  ];
}

/** Writes parts into a directory, each under its path, and all of one age: `deno compile` embeds it. */
export async function stage(directory: string, parts: readonly Part[]): Promise<void> {
  for (const { path, mode, bytes } of parts) {
    const file = join(directory, path);
    await Deno.mkdir(join(file, ".."), { recursive: true });
    await Deno.writeFile(file, bytes, { mode });
    await Deno.utime(file, 0, 0);
  }
}

/**
 * Builds a native executable.
 *
 * @param parts The bundle, and the addon with its manifest.
 * @throws {Error} When the base runtime is not to be had, and whatever else `deno compile` says.
 */
export async function native(target: Target, parts: readonly Part[]): Promise<Uint8Array> {
  const base = Deno.env.get("DENORT_BIN");
  if (base) checkBase(base, target, await machineOf(base));
  const directory = await Deno.makeTempDir({ prefix: "plantd-state-compile-" });
  try {
    await stage(directory, parts);
    const output = join(directory, "plantd-state");
    await run(Deno.execPath(), compileArguments(target, directory, parts, output));
    return await Deno.readFile(output);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/**
 * `deno compile` takes the base runtime of DENORT_BIN for any target, whatever it is for.
 *
 * @param machine As {@link elfMachine} found it.
 * @throws {Error} When it is for another machine.
 */
export function checkBase(base: string, target: Target, machine: number | undefined): void {
  if (machine === target.elfMachine) return;
  const found = TARGETS.find((one) => machine && one.elfMachine === machine)?.name;
  throw new Error(
    `DENORT_BIN ${base} is not for ${target.name}` + (found ? ` but for ${found}` : ""),
  );
}

async function machineOf(path: string): Promise<number | undefined> {
  using file = await Deno.open(path);
  const head = new Uint8Array(20);
  await file.read(head);
  return elfMachine(head);
}

/** `e_machine` in the first 20 bytes of an ELF file of either byte order; undefined for others (elf(5)). */
export function elfMachine(head: Uint8Array): number | undefined {
  const isElf = [0x7f, 0x45, 0x4c, 0x46].every((byte, i) => head[i] === byte);
  if (!isElf || head.length < 20) return undefined;
  const isLittle = head[5] === 1;
  return new DataView(head.buffer, head.byteOffset).getUint16(18, isLittle);
}
