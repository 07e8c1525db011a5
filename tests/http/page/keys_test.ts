import assert from "node:assert/strict";
import fc from "fast-check";
import { KeyList, placeOf } from "../../../src/http/page/keys.js";

const AT_MS = 5_000;

/** A change as the page hands it on. */
function change(operation: string, key: string | undefined, revision: number) {
  const text = String(revision);
  return {
    operation,
    ...(key === undefined ? {} : { key }),
    revision,
    text,
    time: "",
    timeMs: revision,
  };
}

const name = fc.string({ minLength: 1, maxLength: 3 });
const names = fc.uniqueArray(name, { maxLength: 300 });
const sorted = (all: Iterable<string>) => [...all].sort((a, b) => a < b ? -1 : 1);

Deno.test("keys - whatever comes in whatever order, the list is the keys that there are, sorted", () => {
  const changes = fc.array(fc.tuple(fc.constantFrom("set", "delete"), name), { maxLength: 50 });
  fc.assert(fc.property(names, changes, (listed, changed) => {
    const list = new KeyList();
    list.addPage(sorted(listed));
    list.loaded();
    const keys = new Set(listed);
    const told = changed.map(([operation, key], i) => {
      operation === "set" ? keys.add(key) : keys.delete(key);
      return change(operation, key, i + 1);
    });
    list.apply(told, AT_MS);
    assert.deepEqual(list.shown, sorted(keys));
    assert.equal(list.size, keys.size);
    for (const [at, key] of list.shown.entries()) assert.equal(list.indexOf(key), at);
  }));
});

Deno.test("keys - what was deleted while the names are coming does not come back with a page", () => {
  const list = new KeyList();
  list.addPage(["a", "b"]);
  list.apply([change("delete", "b", 1), change("delete", "c", 2), change("set", "d", 3)], AT_MS);
  list.addPage(["c", "d", "e"]);
  list.loaded();
  assert.deepEqual(list.shown, ["a", "d", "e"]);
});

Deno.test("keys - the filter is on what is shown, in upper or lower case, also of what comes later", () => {
  const list = new KeyList();
  list.addPage(["Oven.temp", "pump"]);
  list.setFilter("TEMP");
  assert.deepEqual(list.shown, ["Oven.temp"]);
  list.apply([change("set", "a.temp", 1), change("set", "b", 2)], AT_MS);
  assert.deepEqual(list.shown, ["Oven.temp", "a.temp"]);
  assert.deepEqual([list.size, list.indexOf("pump")], [4, -1]);
});

Deno.test("keys - a value that was asked for does not replace a later one, nor bring a key back", () => {
  const list = new KeyList();
  list.addPage(["a", "b"]);
  list.apply([change("set", "a", 7), change("delete", "b", 8)], AT_MS);
  const old = { text: "old", cut: false, revision: 6, timeMs: 6 };
  list.putRows([{ key: "a", ...old }, { key: "b", ...old }]);
  assert.deepEqual([list.row("a")?.text, list.row("a")?.changedMs], ["7", AT_MS]);
  assert.equal(list.row("b"), undefined);
  assert.deepEqual(list.missing(0, 2), []);
});

Deno.test("keys - a scope that is deleted has none, and its options are none", () => {
  const list = new KeyList();
  list.addPage(["a"]);
  list.apply([change("configure-scope", undefined, 1)], AT_MS);
  assert.deepEqual(list.shown, ["a"]);
  list.apply([change("delete-scope", undefined, 2), change("set", "b", 3)], AT_MS);
  assert.deepEqual([list.shown, list.has("a")], [["b"], false]);
});

Deno.test("keys - the place of a name is the first that is not before it", () => {
  assert.deepEqual(["", "a", "b", "c", "d"].map((name) => placeOf(["a", "c"], name)), [
    0,
    0,
    1,
    1,
    2,
  ]);
});
