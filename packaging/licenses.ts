/**
 * The licenses of what others wrote and the executable carries.
 *
 * @module
 */

import { join } from "node:path";
import { PACKAGE_PREFIX, PACKAGES, type Part, ROOT } from "./parts.ts";
import { DENO_VERSION } from "./targets.ts";

/** A package and the texts it comes under. */
interface Licensed {
  readonly title: string;
  readonly texts: readonly string[];
}

/**
 * One file with the licenses of Deno and of all packages in the bundle.
 *
 * @param bundle As {@link import("./bundle.ts").bundle} makes it.
 */
export async function licenses(bundle: readonly Part[]): Promise<Part> {
  const code = bundle.map(({ bytes }) => new TextDecoder().decode(bytes)).join("\n");
  const all = [
    {
      title: "plantd-state: MIT",
      texts: [await Deno.readTextFile(join(ROOT, "LICENSE"))],
    },
    {
      title: `Deno ${DENO_VERSION}: MIT`,
      texts: [await Deno.readTextFile(join(ROOT, "packaging/licenses/deno.txt"))],
    },
    ...await Promise.all(packagesIn(code).map(licensed)),
  ];
  const text = all.map(({ title, texts }) =>
    [title, "=".repeat(title.length), "", ...texts.map((t) => `${t.trimEnd()}\n`)].join("\n")
  );
  return { path: "LICENSES.txt", mode: 0o644, bytes: new TextEncoder().encode(text.join("\n\n")) };
}

/**
 * The packages a bundle holds, by the names the bundler gave their modules.
 *
 * @example
 * ```ts
 * packagesIn("// npm:@logtape/logtape/2.4.2/dist/mod.js\n"); // ["@logtape/logtape/2.4.2"]
 * ```
 */
export function packagesIn(code: string): string[] {
  const found = new Set<string>();
  const pattern = new RegExp(`^// ${PACKAGE_PREFIX}((?:@[^/\\s]+/)?[^/\\s]+/[^/\\s]+)/`, "gm");
  for (const [, name] of code.matchAll(pattern)) found.add(name!);
  return [...found].sort();
}

async function licensed(name: string): Promise<Licensed> {
  const directory = join(PACKAGES, name);
  const project = JSON.parse(await Deno.readTextFile(join(directory, "package.json")));
  const files = [...Deno.readDirSync(directory)].map((entry) => entry.name)
    .filter((file) => /^(licen[cs]e|copying|notice)/i.test(file)).sort();
  return {
    title: `${project.name} ${project.version}: ${project.license}`,
    texts: await Promise.all(files.map((file) => Deno.readTextFile(join(directory, file)))),
  };
}
