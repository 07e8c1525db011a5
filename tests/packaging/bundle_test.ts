import assert from "node:assert/strict";
import { bundle, withLateModules, withLateParts, withStableNames } from "../../packaging/bundle.ts";
import { BUNDLE_PATH } from "../../packaging/parts.ts";
import { text } from "../helpers/async.ts";
import { runToEnd } from "../helpers/child.ts";
import { tempDir } from "../helpers/temp.ts";

/** What a file imports at once, not when it is asked for. */
function importsOf(code: string): string[] {
  return [...code.matchAll(/^(?:import|\} from) ?(?:[^"\n]* from )?"([^"]+)";$/gm)]
    .map(([, name]) => name!);
}

Deno.test("bundle - a start waits for no module of Node's but SQLite, and for no command but its own", async () => {
  const files = new Map(
    (await bundle()).map(({ path, bytes }) => [path.split("/").at(-1)!, text(bytes)]),
  );
  const seen = new Set<string>();
  const todo = [BUNDLE_PATH.split("/").at(-1)!];
  for (const name of todo) {
    if (seen.has(name)) continue;
    seen.add(name);
    if (name.startsWith("node:")) continue;
    const code = files.get(name);
    assert.ok(code !== undefined, name);
    todo.push(...importsOf(code).map((one) => one.replace("./", "")));
  }
  // It proves the database, and takes next to no time to load.
  assert.deepEqual([...seen].filter((name) => name.startsWith("node:")), ["node:sqlite"]);
  const code = [...seen].map((name) => files.get(name) ?? "").join("\n");
  for (const late of ["npm:@optique/", "npm:zeromq/", "src/cli/dev.ts", "src/http/api.ts"]) {
    assert.equal(code.includes(`// ${late}`), false, late);
    const elsewhere = [...files.values()].some((code) => code.includes(`// ${late}`));
    assert.ok(elsewhere, `${late} is in the bundle`);
  }
});

Deno.test("bundle - a module of Node's is loaded when something of it is used", async () => {
  const code = withLateModules(
    'import util from "node:util";\nexport const join = () => util.format("%s", "a");\n',
  );
  assert.equal(importsOf(code).length, 0);
  const { join } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  assert.equal(join(), "a");
  assert.equal(withLateModules("export const a = 1;\n"), "export const a = 1;\n");
});

Deno.test("bundle - what is imported in the middle is not read at the start", async () => {
  assert.equal(withLateParts("export const a = 1;\n"), "export const a = 1;\n");
  const code = withLateParts('const { b } = await import("./b_1.js");\nexport const a = b;\n');
  await using dir = await tempDir();
  await Deno.writeTextFile(`${dir.path}/a.js`, code);
  await Deno.writeTextFile(`${dir.path}/b_1.js`, "export const b = 2;\n");
  assert.equal((await import(`file://${dir.path}/a.js`)).a, 2);
  const { stdout } = await runToEnd(Deno.execPath(), ["info", "--json", `${dir.path}/a.js`]);
  assert.equal(JSON.parse(stdout).modules.length, 1);
  for (const { path, bytes } of await bundle()) {
    assert.equal(/\bimport\("/.test(text(bytes)), false, path);
  }
});

Deno.test("bundle - files are called the same whatever the bundler's hashes are", () => {
  const files = (api: string, shared: string) =>
    withStableNames(
      new Map([
        [`chunk-${shared}.js`, "export {};\n"],
        [`api-${api}.js`, `import "./chunk-${shared}.js";\n`],
        ["main.js", `import "./chunk-${shared}.js";\nimport("./api-${api}.js");\n`],
      ]),
    );
  const one = [...files("AAAAAAAA", "BBBBBBBB")];
  assert.deepEqual(one, [...files("ZZZZ9999", "0000AAAA")]);
  assert.equal(one[0]![0], "main.js");
  assert.match(one[0]![1], /import "\.\/chunk_\d\.js";\nimport\("\.\/api_\d\.js"\);/);
});
