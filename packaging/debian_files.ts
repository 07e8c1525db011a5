/**
 * What the Debian package puts where.
 *
 * @module
 */

import { bash, fish, type ShellCompletion, zsh } from "@optique/core/completion";
import { join } from "node:path";
import { constants, gzipSync } from "node:zlib";
import { PROGRAM } from "../src/version.ts";
import { launcher, LIBRARY } from "./launcher.ts";
import { licenses } from "./licenses.ts";
import { manualPage } from "./man.ts";
import { type Part, ROOT } from "./parts.ts";

/** A symbolic link. */
export interface Link {
  /** Relative, with slashes. */
  readonly path: string;
  readonly target: string;
}

/** Anything the package installs, relative to the root directory. */
export type DebianFile = Part | Link;

/** Whether it is a symbolic link. */
export function isLink(file: DebianFile): file is Link {
  return "target" in file;
}

/** The name under which the program is the client. */
const CLIENT = "plant";

/** Files of the tree that are installed as they are. */
const COPIED: readonly [from: string, to: string][] = [
  ["configs/state.yml", "etc/plantd/state.yml"],
  ["configs/broker.yml", "etc/plantd/broker.yml"],
  ["packaging/plantd-state.service", "lib/systemd/system/plantd-state.service"],
  ["packaging/plantd-broker.service", "lib/systemd/system/plantd-broker.service"],
  ["packaging/debian/sysusers.conf", "usr/lib/sysusers.d/plantd-state.conf"],
];

/** Where each shell looks for completions. */
const COMPLETIONS: readonly [shell: ShellCompletion, pathOf: (name: string) => string][] = [
  [bash, (name) => `usr/share/bash-completion/completions/${name}`],
  [zsh, (name) => `usr/share/zsh/vendor-completions/_${name}`],
  [fish, (name) => `usr/share/fish/vendor_completions.d/${name}.fish`],
];

/**
 * The files of the package, in order of their paths.
 *
 * @param program The unpacked program: bundle, addon, Deno.
 * @param code The bundle among them.
 * @param date The day of this version, such as `2026-11-24`.
 */
export async function debianFiles(
  program: readonly Part[],
  code: readonly Part[],
  date: string,
): Promise<DebianFile[]> {
  const documents = `usr/share/doc/${PROGRAM}`;
  const manual = "usr/share/man/man1";
  const files: DebianFile[] = [
    ...program.map((part) => ({ ...part, path: `${LIBRARY}/${part.path}` })),
    { ...text(`usr/bin/${PROGRAM}`, launcher()), mode: 0o755 },
    { path: `usr/bin/${CLIENT}`, target: PROGRAM },
    ...await Promise.all(COPIED.map(copied)),
    ...COMPLETIONS.flatMap(([shell, pathOf]) =>
      [PROGRAM, CLIENT].map((name) => text(pathOf(name), completion(shell, name)))
    ),
    zipped(`${manual}/${PROGRAM}.1.gz`, manualPage(date)),
    { path: `${manual}/${CLIENT}.1.gz`, target: `${PROGRAM}.1.gz` },
    zipped(`${documents}/changelog.gz`, await Deno.readTextFile(join(ROOT, "CHANGELOG.md"))),
    { ...await licenses(code), path: `${documents}/copyright` },
  ];
  return files.sort((a, b) => a.path < b.path ? -1 : 1);
}

/** What `NAME completion SHELL` prints. */
function completion(shell: ShellCompletion, name: string): string {
  return shell.generateScript(name, ["completion", shell.name]);
}

async function copied([from, to]: readonly [string, string]): Promise<Part> {
  return { path: to, mode: 0o644, bytes: await Deno.readFile(join(ROOT, from)) };
}

function text(path: string, content: string): Part {
  return { path, mode: 0o644, bytes: new TextEncoder().encode(content) };
}

/** As `gzip -9n` does it: without a name and a time. */
function zipped(path: string, content: string): Part {
  const bytes = gzipSync(content, { level: constants.Z_BEST_COMPRESSION });
  return { path, mode: 0o644, bytes };
}
