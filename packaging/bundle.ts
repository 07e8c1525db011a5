/**
 * The program as JavaScript: what every start runs in one file, and what only some need in others.
 *
 * @module
 */

import { dirname, join, relative } from "node:path";
import { BUNDLE_PATH, PACKAGE_PREFIX, PACKAGES, type Part, ROOT, run } from "./parts.ts";

/**
 * Stands before the code of a file that uses built-in modules of Node. Deno loads each when it is first
 * imported, which takes 20 to 60 ms for most; npm packages import them for what a start never calls.
 */
const LATER = `const __later = (module) => new Proxy({}, {
  get: (_, name) => globalThis.process.getBuiltinModule(module)[name],
});
`;

/**
 * Stands before the code of a file that imports others in the middle. Deno reads at the start whatever is
 * imported under a name that is written out; a megabyte of it takes 20 ms.
 */
const PART = "const __part = (name) => name;\n";

/** How the bundler imports another file in the middle. */
const LATE_PART = /\bimport\(("\.\/\w+\.js")\)/g;

/** The bundler's name of a file beside the one to start: what it is for, and a hash. */
const HASHED = /\b(\w+)-[0-9A-Z]{8}\.js\b/g;

/** What the bundler calls the file to start; no other imports it. */
const ENTRY = "main.js";

/** How the bundler imports all of a built-in module for an npm package. */
const WHOLE_MODULE = /^import (\w+) from ("node:[\w/]+");$/gm;

/** How the bundler lets CommonJS packages ask for built-in modules. */
const REQUIRE =
  /^import { createRequire as (\w+) } from "node:module";\nvar __require = \1\(import\.meta\.url\);$/gm;

/**
 * Bundles the program with all its JavaScript, the same on every machine. The first part is the file to
 * start.
 *
 * @throws {Error} What `deno bundle` said.
 */
export async function bundle(): Promise<Part[]> {
  const output = await Deno.makeTempDir();
  try {
    await run(Deno.execPath(), [
      "bundle",
      "--quiet",
      "--platform=deno",
      "--code-splitting",
      `--outdir=${output}`,
      "main.ts",
    ]);
    const files = new Map<string, string>();
    for (const { name } of Deno.readDirSync(output)) {
      files.set(name, withoutPlaces(await Deno.readTextFile(join(output, name))));
    }
    return [...withStableNames(files)].map(([name, code]) => ({
      path: name === ENTRY ? BUNDLE_PATH : `${dirname(BUNDLE_PATH)}/${name}`,
      mode: 0o644,
      bytes: new TextEncoder().encode(withLateParts(withLateModules(code))),
    }));
  } finally {
    await Deno.remove(output, { recursive: true });
  }
}

/**
 * Has built-in modules of Node loaded when something of them is first used.
 *
 * @example
 * ```ts
 * withLateModules('import util from "node:util";\n'); // ... const util = __later("node:util");
 * ```
 */
export function withLateModules(code: string): string {
  const late = code
    .replaceAll(REQUIRE, "var __require = __later;")
    .replaceAll(WHOLE_MODULE, "const $1 = __later($2);");
  return late === code ? code : LATER + late;
}

/**
 * Has other files of the bundle read when they are imported, not at the start.
 *
 * @example
 * ```ts
 * withLateParts('await import("./api_1.js");'); // ... await import(__part("./api_1.js"));
 * ```
 */
export function withLateParts(code: string): string {
  const late = code.replaceAll(LATE_PART, "import(__part($1))");
  return late === code ? code : PART + late;
}

/**
 * The bundler's hashes are also over the paths of this machine. Instead the files are numbered, in the
 * order of what they hold. The file to start is the first.
 *
 * @example
 * ```ts
 * withStableNames(new Map([["main.js", 'import "./a-01234567.js";'], ["a-01234567.js", ""]]));
 * // main.js, with 'import "./a_1.js";', and a_1.js
 * ```
 */
export function withStableNames(files: ReadonlyMap<string, string>): Map<string, string> {
  const key = ([name, code]: [string, string]) =>
    `${Number(name !== ENTRY)}${`${name}\n${code}`.replaceAll(HASHED, "$1.js")}`;
  const ordered = [...files].toSorted((a, b) => key(a) < key(b) ? -1 : 1);
  const names = new Map(ordered.map(([name], index) => [
    name,
    name.replace(HASHED, `$1_${index}.js`),
  ]));
  return new Map(ordered.map(([name, code]) => [
    names.get(name)!,
    code.replaceAll(HASHED, (found) => names.get(found) ?? found),
  ]));
}

/**
 * The bundler names each module by its path from here, which is another one on each machine.
 *
 * @throws {Error} When a path of this machine is left.
 */
function withoutPlaces(code: string): string {
  const clean = code.replaceAll(`${relative(ROOT, PACKAGES)}/`, PACKAGE_PREFIX);
  for (const place of [ROOT, PACKAGES]) {
    if (clean.includes(place)) throw new Error(`the bundle names ${place}, which is only here`);
  }
  return clean;
}
