/**
 * Portable executables: a shell script in front of a payload, made of npm packages alone. The script
 * is header.sh; the payload is an archive of the program and, behind it, npm's tarball of Deno as it
 * is, so that nothing has to be compressed anew and anyone can compare it with the registry's.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { constants, gzipSync } from "node:zlib";
import { RUN_FLAGS } from "./launch.ts";
import { BUNDLE_PATH, type Part, portableParts } from "./parts.ts";
import { concat, tar } from "./tar.ts";
import type { Target } from "./targets.ts";

/** What goes into a portable executable. */
export interface PortableContent {
  readonly version: string;
  readonly target: Target;
  /** The bundle, the addon with its manifest, and what else should be there. */
  readonly program: readonly Part[];
  /** Deno's executable, as it lies in `denoTarball`. */
  readonly deno: Part;
  readonly denoTarball: Uint8Array;
}

/** Files that no start looks at. */
const UNUSED = /^LICENSES/;

/** The bytes of a portable executable; the same for the same content. */
export function portable(content: PortableContent, template: string): Uint8Array {
  const program = gzipSync(tar(content.program), { level: constants.Z_BEST_COMPRESSION });
  const payload = concat([program, content.denoTarball]);
  const text = header(content, template, program.length, sha256(payload));
  return concat([text, payload]);
}

/** SHA-256 in hex digits. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The script. It says at which bytes of the file it ends, so its own length is part of it. */
function header(
  content: PortableContent,
  template: string,
  programBytes: number,
  payload: string,
): Uint8Array {
  let length = 0;
  for (;;) {
    const text = new TextEncoder().encode(
      fill(template, settings(content, programBytes, payload, length)),
    );
    if (text.length === length) return text;
    length = text.length;
  }
}

function settings(
  { version, target, program, deno }: PortableContent,
  programBytes: number,
  payload: string,
  headerBytes: number,
): Record<string, string | number> {
  const used = [...program, deno].filter(({ path }) => !UNUSED.test(path));
  const unpackedBytes = used.reduce((sum, { bytes }) => sum + bytes.length, 0);
  return {
    VERSION: version,
    TARGET: target.name,
    UNAME: portableParts(target).uname,
    LOADER: portableParts(target).loader,
    PAYLOAD: payload,
    // tail counts from 1.
    PAYLOAD_AT: headerBytes + 1,
    PROGRAM_BYTES: programBytes,
    DENO_AT: headerBytes + 1 + programBytes,
    FILES: used.map(({ path, bytes }) => `${path}=${bytes.length}`).join(" "),
    SYNCED: used.map(({ path }) => path).join(" "),
    FILE_COUNT: used.length,
    UNPACKED_MB: Math.ceil(unpackedBytes / 1e6),
    BUNDLE: BUNDLE_PATH,
    RUN_FLAGS: RUN_FLAGS.map(quote).join(" "),
  };
}

/**
 * @throws {Error} When the template and the settings do not know the same names.
 */
function fill(template: string, settings: Readonly<Record<string, string | number>>): string {
  const unused = new Set(Object.keys(settings));
  const filled = template.replaceAll(/@([A-Z_]+)@/g, (_, name: string) => {
    const value = settings[name];
    if (value === undefined) throw new Error(`the header asks for @${name}@, which nobody sets`);
    unused.delete(name);
    return String(value);
  });
  if (unused.size > 0) throw new Error(`the header does not use ${[...unused].join(", ")}`);
  return filled;
}

/** A word of a shell script. */
function quote(word: string): string {
  return /^[\w=,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
