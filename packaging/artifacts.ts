/**
 * Finished files in the output directory, and the list of their checksums.
 *
 * @module
 */

import { join } from "node:path";
import { sha256 } from "./portable.ts";

/** Name of the list; `sha256sum -c` reads it. */
export const SUMS = "SHA256SUMS";

/** A finished file. */
export interface Artifact {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Writes an executable; it appears under its name when it is whole. */
export async function writeArtifact(
  directory: string,
  name: string,
  bytes: Uint8Array,
): Promise<Artifact> {
  await Deno.mkdir(directory, { recursive: true });
  const path = join(directory, name);
  const draft = join(directory, `.${name}.${Deno.pid}`);
  await Deno.writeFile(draft, bytes, { mode: 0o755 });
  // The mode above is subject to the umask of whoever builds.
  await Deno.chmod(draft, 0o755);
  await Deno.rename(draft, path);
  return { path, bytes: bytes.length, sha256: sha256(bytes) };
}

/** Lists everything in a directory that is not hidden, by name, with its SHA-256. */
export async function writeSums(directory: string): Promise<void> {
  const lines: string[] = [];
  for (const { name, isFile } of Deno.readDirSync(directory)) {
    if (!isFile || name === SUMS || name.startsWith(".")) continue;
    lines.push(`${sha256(await Deno.readFile(join(directory, name)))}  ${name}\n`);
  }
  const byName = (line: string) => line.slice(line.indexOf(" "));
  lines.sort((a, b) => byName(a) < byName(b) ? -1 : 1);
  await Deno.writeTextFile(join(directory, SUMS), lines.join(""));
}
