import assert from "node:assert/strict";
import {
  exactText,
  keyPath,
  messageOf,
  numberOf,
  parseExact,
  prettyText,
  Refused,
} from "../../../src/http/page/api.js";
import { History } from "../../../src/http/page/history.js";

Deno.test("api of the page - numbers stay to the letter, and are numbers to a plot", () => {
  for (const text of ["1.0", "12345678901234567890", "1e400", '{"a":[1.50,null,"1.0"]}']) {
    assert.equal(exactText(parseExact(text)), text);
  }
  assert.equal(prettyText(parseExact('{"a":1.0}')), '{\n  "a": 1.0\n}');
  assert.deepEqual(["1.50", "7", '"7"', "null", "[1]"].map((text) => numberOf(parseExact(text))), [
    1.5,
    7,
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("api of the page - names are one part of a path each, whatever is in them", () => {
  assert.equal(keyPath("a b", "x/y?z#%"), "/api/v1/scopes/a%20b/keys/x%2Fy%3Fz%23%25");
});

Deno.test("api of the page - a refusal is what the service says, or at least its status", () => {
  assert.equal(messageOf(new Refused(412, { error: "changed", revision: 9 })), "changed");
  assert.equal(messageOf(new Refused(502, {})), "the service answered 502");
  assert.equal(messageOf("odd"), "odd");
});

Deno.test("history of the page - versions that come twice are there once, in order, the last 500", () => {
  const version = (revision: number) => ({
    revision,
    operation: "set",
    value: 1,
    timeMs: revision,
  });
  const history = new History();
  history.add([3, 1, 2].map(version));
  history.add([2, 4].map(version));
  assert.deepEqual(history.all.map(({ revision }) => revision), [1, 2, 3, 4]);
  history.add(Array.from({ length: 600 }, (_, i) => version(i + 1)));
  assert.deepEqual([history.all.length, history.all[0]!.revision], [500, 101]);
});
