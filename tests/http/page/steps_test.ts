import assert from "node:assert/strict";
import fc from "fast-check";
import { FRAME, layOut, pointAt, stepPath, ticks } from "../../../src/http/page/steps.js";

const { width, height, left, right, top, bottom } = FRAME;

Deno.test("steps - ticks are few, round and within the range", () => {
  assert.deepEqual(ticks(0, 10), [0, 5, 10]);
  assert.deepEqual(ticks(-1, 1), [-1, -0.5, 0, 0.5, 1]);
  assert.deepEqual(ticks(849.6, 851.9), [850, 851]);
  assert.deepEqual([ticks(7, 7), ticks(0, Infinity)], [[7], [0]]);
  const number = fc.double({ min: -1e12, max: 1e12, noNaN: true });
  fc.assert(fc.property(number, fc.double({ min: 1e-6, max: 1e12, noNaN: true }), (low, span) => {
    const found = ticks(low, low + span);
    assert.ok(found.length <= 6);
    // Up to the twelve digits that are shown.
    const slack = Math.max(Math.abs(low), span) * 1e-9;
    for (const one of found) assert.ok(one >= low - slack && one <= low + span + slack);
  }));
});

Deno.test("steps - a value holds until the next one, and a deleted key is a gap", () => {
  const points = [{ x: 0, y: 5 }, { x: 10, y: 7 }, { x: 20, y: undefined }, { x: 30, y: 1 }];
  assert.equal(stepPath(points, 40), "M0.0 5.0H10.0V7.0H20.0M30.0 1.0H40.0");
  assert.equal(stepPath(points.slice(0, 3), 40), "M0.0 5.0H10.0V7.0H20.0");
  assert.equal(stepPath([], 40), "");
});

Deno.test("steps - the picture goes from the first version to now, the largest value on top", () => {
  const versions = [
    { timeMs: 1000, number: 10 },
    { timeMs: 2000, number: undefined },
    { timeMs: 3000, number: 20 },
  ];
  const { low, high, last, startMs, endMs, points, path } = layOut(versions, 5000);
  assert.deepEqual({ low, high, last, startMs, endMs }, {
    low: 10,
    high: 20,
    last: 20,
    startMs: 1000,
    endMs: 5000,
  });
  const inner = width - left - right;
  assert.deepEqual(points.map(({ x }) => x), [left, left + inner / 4, left + inner / 2]);
  assert.equal(points[1]!.y, undefined);
  assert.ok(points[2]!.y! < points[0]!.y!);
  assert.ok(path.endsWith(`H${(width - right).toFixed(1)}`));
});

Deno.test("steps - whatever the numbers and the clocks, everything is within the picture", () => {
  const version = fc.record({
    timeMs: fc.integer({ min: 0, max: 2 ** 41 }),
    number: fc.option(fc.double({ min: -1e15, max: 1e15, noNaN: true }), { nil: undefined }),
  });
  const versions = fc.array(version, { minLength: 1, maxLength: 30 })
    .filter((all) => all.some(({ number }) => number !== undefined))
    .map((all) => all.toSorted((a, b) => a.timeMs - b.timeMs));
  // The reader's clock may be behind the service's.
  fc.assert(fc.property(versions, fc.integer({ min: 0, max: 2 ** 41 }), (all, nowMs) => {
    const { points, ticks } = layOut(all, nowMs);
    for (const { x, y } of points) {
      assert.ok(x >= left - 0.01 && x <= width - right + 0.01, `x ${x}`);
      if (y !== undefined) assert.ok(y >= top - 0.01 && y <= height - bottom + 0.01, `y ${y}`);
    }
    for (const { y } of ticks) assert.ok(y >= top - 1 && y <= height - bottom + 1, `tick ${y}`);
  }));
});

Deno.test("steps - the pointer is told the version that holds there", () => {
  const points = [{ x: 10, y: 1 }, { x: 20, y: 2 }];
  assert.deepEqual([0, 10, 19, 20, 99].map((x) => pointAt(points, x)), [0, 0, 0, 1, 1]);
});
