import assert from "node:assert/strict";
import fc from "fast-check";

import { parseJson, parseToml, parseYaml } from "../../src/config/syntax.ts";
import { complaint } from "./helpers.ts";

Deno.test("syntax - bad syntax is told with its line", () => {
  const cases: [string, string, RegExp][] = [
    [
      "s.yml",
      "log:\n  level: info\n  level: warn\n",
      /^s.yml:3: not valid YAML: Map keys must be unique/,
    ],
    ["s.yml", "a: b: c\n", /^s.yml:1: not valid YAML: /],
    ["s.yml", "log:\n\tlevel: info\n", /^s.yml:2: not valid YAML: /],
    ["s.yml", "log: {}\n---\nlog: {}\n", /^s.yml:2: not valid YAML: .*multiple documents/],
    ["s.toml", "[log]\nlevel = \n", /^s.toml:2: not valid TOML: /],
    ["s.toml", "[log]\nlevel = 'a'\nlevel = 'b'\n", /^s.toml:3: not valid TOML: .*redefine/],
    ["s.json", '{\n"log": x\n}', /^s.json:2: not valid JSON: Unexpected token 'x'/],
    ["s.json", '{\n"log": {},\n}', /^s.json:3: not valid JSON: /],
    ["s.json", '{\n"log": {}\n', /^s.json:3: not valid JSON: /],
    ["s.json", "{}\n{}", /^s.json:2: not valid JSON: /],
    ["s.json", '{\n"log": {},\n"log": {}}', /^s.json:3: not valid JSON: Map keys must be unique/],
  ];
  for (const [name, content, expected] of cases) assert.match(complaint(name, content), expected);
});

Deno.test("syntax - an anchor bomb is refused, not unfolded", () => {
  const levels = Array.from(
    { length: 12 },
    (_, index) => `  - &a${index + 1} [${`*a${index},`.repeat(9)}]`,
  );
  const bomb = `identity:\n  - &a0 [x]\n${levels.join("\n")}\n`;
  assert.match(complaint("s.yml", bomb), /^s.yml: not valid YAML: Excessive alias count/);
});

Deno.test("syntax - depth exhausts nothing", () => {
  assert.match(
    complaint("s.yml", "[".repeat(50_000)),
    /^s.yml:1: not valid YAML: nested too deeply$/,
  );
  assert.match(complaint("s.json", "[".repeat(30_000) + "]".repeat(30_000)), /^s.json: /);
  assert.match(complaint("s.toml", `a = ${"[".repeat(60_000)}`), /^s.toml:1: not valid TOML/);
});

Deno.test("syntax - lines are found through tables, lists, strings and anchors", () => {
  const toml = parseToml(
    'a.b = 1\nc = """\nd = 1\n"""\n[t."x.y"]\nz = 1\n[[l]]\nn = 1\n[l.s]\nm = 1\n[[l]]\nn = 2\n',
  );
  assert.equal(toml.lineOf(["a"]), 1);
  assert.equal(toml.lineOf(["a", "b"]), 1);
  assert.equal(toml.lineOf(["d"]), undefined);
  assert.equal(toml.lineOf(["t", "x.y", "z"]), 6);
  assert.equal(toml.lineOf(["l", 0, "n"]), 8);
  assert.equal(toml.lineOf(["l", 0, "s", "m"]), 10);
  assert.equal(toml.lineOf(["l", 1, "n"]), 12);
  assert.equal(toml.lineOf(["l", 1, "missing"]), 11);

  const yaml = parseYaml("a: &a\n  b: 1\nc: *a\nd:\n  - x: 1\n  - y: 2\n");
  assert.equal(yaml.lineOf(["c", "b"]), 2);
  assert.equal(yaml.lineOf(["d", 1, "y"]), 6);
  assert.equal(yaml.lineOf(["d", 7]), 4);
  assert.equal(yaml.lineOf(["nowhere"]), undefined);
});

Deno.test("syntax - a fault in JSON is found on its line wherever it is", () => {
  fc.assert(fc.property(fc.nat(50), fc.constantFrom("x", "'", "]", "nul", "01"), (before, bad) => {
    const good = Array.from({ length: before }, (_, index) => `"k${index}": "x",\n`).join("");
    try {
      parseJson(`{\n${good}"bad": ${bad}\n}`);
      assert.fail("it was accepted");
    } catch (thrown) {
      assert.equal((thrown as { line?: number }).line, before + 2, String(thrown));
    }
  }));
});
