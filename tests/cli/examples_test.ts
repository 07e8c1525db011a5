import assert from "node:assert/strict";
import type { DocPage } from "@optique/core/doc";
import { getDocPageSync, parseSync } from "@optique/core/parser";
import { exampleLines } from "../../src/cli/examples.ts";
import { parser } from "../../src/cli/main.ts";
import { commandBehind } from "../../src/cli/words.ts";
import { runProgram } from "../helpers/program.ts";

/** The pages of all commands that do something, with the words that lead there. */
function pages(words: readonly string[] = []): [string, DocPage][] {
  const page = getDocPageSync(parser, words)!;
  const below = page.sections.flatMap(({ entries }) => entries)
    .flatMap(({ term }) => term.type === "command" ? [term.name] : []);
  if (below.length === 0) return [[words.join(" "), page]];
  return below.flatMap((name) => pages([...words, name]));
}

/** The words of a line as a shell reads it; no more of its language than the examples have. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g)]
    .map(([word]) => word.replaceAll(/"([^"]*)"|'([^']*)'/g, "$1$2"));
}

Deno.test("examples - every command has some, and the program takes each of them", () => {
  const all = pages();
  assert.ok(all.length >= 27, String(all.length));
  for (const [name, page] of all) {
    const lines = exampleLines(page.footer);
    assert.notEqual(lines.length, 0, `${name} has no example`);
    for (const line of lines) {
      const [program, ...words] = wordsOf(line);
      assert.equal(program, "plantd-state");
      assert.equal(words.slice(0, name.split(" ").length).join(" "), name);
      const parsed = parseSync(parser, commandBehind(words)[0]);
      assert.ok(parsed.success, `${line}: ${parsed.success ? "" : JSON.stringify(parsed.error)}`);
    }
  }
});

Deno.test("examples - what groups commands has some, too, and so has the program", async () => {
  for (const words of [[], ["state"], ["version"]]) {
    const { code, stdout } = await runProgram([...words, "--help"]);
    const lines = stdout.split("\nExamples:\n")[1]?.trim().split("\n") ?? [];
    assert.deepEqual([code, lines.length > 0], [0, true], words.join(" "));
    for (const line of lines) {
      assert.ok(parseSync(parser, wordsOf(line.trim()).slice(1)).success, line);
    }
  }
});
