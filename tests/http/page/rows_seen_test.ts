import assert from "node:assert/strict";
import fc from "fast-check";
import { rowBehind, scrollTo, windowOf } from "../../../src/http/page/rows_seen.js";

const ROW = 30;
const index = fc.integer({ min: 0, max: 99_999 });
const pixels = fc.integer({ min: 0, max: 3_000_000 });
const height = fc.integer({ min: ROW, max: 2_000 });

Deno.test("rows seen - all that can be seen are there, and few others", () => {
  assert.deepEqual(windowOf(0, 300, 100_000, ROW), { first: 0, last: 18 });
  assert.deepEqual(windowOf(3000, 300, 100_000, ROW), { first: 92, last: 118 });
  assert.deepEqual(windowOf(0, 300, 3, ROW), { first: 0, last: 3 });
  assert.deepEqual(windowOf(0, 300, 0, ROW), { first: 0, last: 0 });
  // The list became shorter, and the browser has not scrolled yet.
  assert.deepEqual(windowOf(90_000, 300, 10, ROW), { first: 10, last: 10 });
  fc.assert(fc.property(pixels, height, index, (scrollTop, height, count) => {
    const { first, last } = windowOf(scrollTop, height, count, ROW);
    assert.ok(last - first <= Math.ceil(height / ROW) + 17);
    const seen = [Math.floor(scrollTop / ROW), Math.floor((scrollTop + height - 1) / ROW)];
    for (const row of seen) assert.ok(row >= count || (row >= first && row < last));
  }));
});

Deno.test("rows seen - a row is brought into sight by the shortest way", () => {
  assert.equal(scrollTo(5, 0, 300, ROW), 0);
  assert.equal(scrollTo(10, 0, 300, ROW), 30);
  assert.equal(scrollTo(2, 600, 300, ROW), 60);
  fc.assert(fc.property(index, pixels, height, (index, scrollTop, height) => {
    const to = scrollTo(index, scrollTop, height, ROW);
    assert.ok(index * ROW >= to && (index + 1) * ROW <= to + height);
    assert.equal(scrollTo(index, to, height, ROW), to);
  }));
});

Deno.test("rows seen - keys move within the list, and other keys nowhere", () => {
  const behind = (key: string, active: number) => rowBehind(key, active, 100, 10);
  assert.deepEqual(
    ["ArrowDown", "ArrowUp", "PageDown", "PageUp", "Home", "End"].map((key) => behind(key, 50)),
    [51, 49, 60, 40, 0, 99],
  );
  assert.deepEqual([behind("ArrowUp", 0), behind("PageDown", 95)], [0, 99]);
  assert.equal(behind("ArrowDown", -1), 0, "the first, where none is chosen");
  assert.deepEqual([behind("a", 5), behind("toString", 5)], [undefined, undefined]);
  assert.equal(rowBehind("End", -1, 0, 10), undefined);
});
