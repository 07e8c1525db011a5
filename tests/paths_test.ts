import assert from "node:assert/strict";
import path from "node:path";
import fc from "fast-check";
import { absolute, nameOf, parentOf, within } from "../src/paths.ts";

const somePath = fc.array(fc.constantFrom("/", "//", "..", ".", "a", "b.c", " ", "ä", "\\"))
  .map((parts) => parts.join("")).filter((text) => text !== "");

Deno.test("paths - what they mean is what they mean to Node", () => {
  fc.assert(fc.property(somePath, somePath, (one, other) => {
    assert.equal(absolute(one), path.resolve(one));
    assert.equal(absolute(one, other), path.resolve(other, one));
    assert.equal(absolute(parentOf(one)), path.resolve(path.dirname(one)));
    assert.equal(nameOf(one), path.basename(one));
    assert.equal(absolute(within(one, other)), path.resolve(path.join(one, other)));
  }));
});
