/**
 * What dpkg wants to know about the package (deb-control(5), deb-conffiles(5)).
 *
 * @module
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { type DebianFile, isLink } from "./debian_files.ts";
import { type Part, ROOT } from "./parts.ts";

/**
 * What Deno and the addon are linked against. The versions are those of the newest symbols they ask
 * for, on both architectures: GLIBC_2.27 and GLIBCXX_3.4.22 (GCC 6).
 */
const DEPENDS = [
  "libc6 (>= 2.27)",
  "libgcc-s1",
  "libstdc++6 (>= 6)",
  // Either makes the services' user.
  "systemd | adduser",
];

const DESCRIPTION = `State service of the plantd control network
 Keeps the state of instruments, furnaces, loggers and notebooks: what their
 modules publish on a ZeroMQ bus, or store through a Majordomo broker. When a
 module, the service or the host goes down, everything is there again.
 .
 Carries its own runtime; nothing is fetched from the network. Contains the
 service, a broker with its buses, and the client (plant).`;

/** Scripts that dpkg runs, in `packaging/debian`. */
const SCRIPTS = ["postinst", "prerm", "postrm"];

/**
 * The files of the package's `DEBIAN` directory.
 *
 * @param architecture As Debian calls it.
 *
 * @example
 * ```ts
 * await controlFiles(files, "amd64", "0.1.0"); // control, conffiles, md5sums, postinst, prerm, postrm
 * ```
 */
export async function controlFiles(
  files: readonly DebianFile[],
  architecture: string,
  version: string,
): Promise<Part[]> {
  const parts = files.filter((file): file is Part => !isLink(file));
  const conffiles = parts.filter(({ path }) => path.startsWith("etc/")).map(({ path }) => path);
  const texts = {
    control: control(parts, architecture, version),
    conffiles: lines(conffiles.map((path) => `/${path}`)),
    // Configuration is not listed: it is meant to be changed.
    md5sums: lines(
      parts.filter(({ path }) => !conffiles.includes(path))
        .map(({ path, bytes }) => `${createHash("md5").update(bytes).digest("hex")}  ${path}`),
    ),
  };
  return [
    ...Object.entries(texts).map(([path, text]) => ({
      path,
      mode: 0o644,
      bytes: new TextEncoder().encode(text),
    })),
    ...await Promise.all(SCRIPTS.map(async (path) => ({
      path,
      mode: 0o755,
      bytes: await Deno.readFile(join(ROOT, "packaging/debian", path)),
    }))),
  ];
}

function control(parts: readonly Part[], architecture: string, version: string): string {
  const kibibytes = parts.reduce((sum, { bytes }) => sum + Math.ceil(bytes.length / 1024), 0);
  return lines([
    "Package: plantd-state",
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    "Maintainer: the plantd-state authors",
    `Installed-Size: ${kibibytes}`,
    `Depends: ${DEPENDS.join(", ")}`,
    "Section: net",
    "Priority: optional",
    "Homepage: https://github.com/geoffjay/plantd",
    `Description: ${DESCRIPTION}`,
  ]);
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join("");
}
