import assert from "node:assert/strict";
import { formatOf } from "../../src/cli/format.ts";
import { columns, pairs } from "../../src/cli/table.ts";
import { jsonOfYaml, yamlOfJson } from "../../src/config/yaml.ts";

Deno.test("format - --json is --output json, and two that differ are refused", () => {
  assert.equal(formatOf({ json: false }), "table");
  assert.equal(formatOf({ json: false }, "json"), "json");
  assert.equal(formatOf({ json: false, output: "table" }, "json"), "table");
  assert.equal(formatOf({ json: true, output: "json" }), "json");
  assert.throws(() => formatOf({ json: true, output: "yaml" }), /contradict/);
});

Deno.test("format - YAML keeps every digit of a whole number", () => {
  assert.equal(
    yamlOfJson('{"a":12345678901234567890,"b":[1.5,"x"],"c":"12"}'),
    'a: 12345678901234567890\nb:\n  - 1.5\n  - x\nc: "12"',
  );
});

Deno.test("format - YAML keeps numbers and texts to the letter, there and back", () => {
  const json = '{"1.0":1.0,"__proto__":{"x":[-0,1e400]},"big":12345678901234567890,"e":1.5E3,' +
    '"yes":"yes","at":"12:30:00","day":"2026-11-28","n":[null,true,"null","1.0","~"],"t":"a\\nb"}';
  const yaml = yamlOfJson(json);
  assert.equal(jsonOfYaml("x.yml", yaml), json);
  // What YAML 1.1 would read as a truth, a number to the base of 60 and a date is in quotes.
  assert.match(yaml, /^"yes": "yes"\nat: "12:30:00"\nday: "2026-11-28"$/m);
  assert.equal(jsonOfYaml("x.yml", "a: 0x10\nb: +1\n2.50: .5\n"), '{"a":16,"b":1,"2.50":0.5}');
});

Deno.test("format - a YAML number that JSON has not is refused, with its line", () => {
  for (const number of [".inf", "-.inf", ".nan"]) {
    assert.throws(() => jsonOfYaml("x.yml", `a: 1\nb: [${number}]`), {
      code: "usage",
      message: /^x.yml:2: /,
    });
  }
  assert.throws(() => jsonOfYaml("x.yml", "a: [1"), { message: /^x.yml: neither JSON nor YAML/ });
});

Deno.test("table - columns below a header on a terminal, tabs and nothing else elsewhere", () => {
  const rows = [["a", "10"], ["b\u001b[2Jé", "7"]];
  assert.equal(columns(["KEY", "N"], rows, { isTerminal: false }), "a\t10\nb\u001b[2Jé\t7");
  assert.equal(
    columns(["KEY", "N"], rows, { isTerminal: true, right: [1] }),
    "KEY         N\na          10\nb\\x1b[2Jé   7",
  );
  assert.equal(pairs({ keys: 1, revision: 22, none: undefined }), "keys      1\nrevision  22");
});
