import assert from "node:assert/strict";
import fc from "fast-check";
import { around, diffLines } from "../../../src/http/page/diff.js";

const lines = fc.array(fc.constantFrom("a", "b", "c", ""), { minLength: 1, maxLength: 20 });

Deno.test("diff - what is the same and gone is the text before, what is the same and new the one after", () => {
  fc.assert(fc.property(lines, lines, (before, after) => {
    const told = diffLines(before.join("\n"), after.join("\n"))!;
    const of = (kind: string) =>
      told.filter((line) => line.kind === "same" || line.kind === kind).map(({ text }) => text);
    assert.deepEqual([of("gone"), of("new")], [before, after]);
  }));
});

Deno.test("diff - no more is told than there is: a line that was added is one line", () => {
  assert.deepEqual(diffLines("a\nc", "a\nb\nc"), [
    { kind: "same", text: "a" },
    { kind: "new", text: "b" },
    { kind: "same", text: "c" },
  ]);
  const same = diffLines("a\nb", "a\nb")!;
  assert.ok(same.every(({ kind }) => kind === "same"));
});

Deno.test("diff - what is too long is not compared", () => {
  const long = "x\n".repeat(400);
  assert.deepEqual([diffLines(long, "x"), diffLines("x", long)], [undefined, undefined]);
});

Deno.test("diff - only the lines around a change are shown, and where others are left out", () => {
  const text = Array.from({ length: 9 }, (_, i) => String(i));
  const told = diffLines(text.join("\n"), text.with(4, "x").join("\n"))!;
  assert.deepEqual(around(told, 1).map((line) => line?.text), [
    undefined,
    "3",
    "4",
    "x",
    "5",
    undefined,
  ]);
  assert.deepEqual(around(diffLines("a\nb", "a\nb")!), [undefined]);
});
