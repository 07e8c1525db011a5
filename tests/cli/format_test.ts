import assert from "node:assert/strict";
import { formatOf } from "../../src/cli/format.ts";
import { columns, pairs } from "../../src/cli/table.ts";
import { yamlOfJson } from "../../src/config/yaml.ts";

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

Deno.test("table - columns below a header on a terminal, tabs and nothing else elsewhere", () => {
  const rows = [["a", "10"], ["b\u001b[2Jé", "7"]];
  assert.equal(columns(["KEY", "N"], rows, { isTerminal: false }), "a\t10\nb\u001b[2Jé\t7");
  assert.equal(
    columns(["KEY", "N"], rows, { isTerminal: true, right: [1] }),
    "KEY         N\na          10\nb\\x1b[2Jé   7",
  );
  assert.equal(pairs({ keys: 1, revision: 22, none: undefined }), "keys      1\nrevision  22");
});
