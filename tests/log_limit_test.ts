import assert from "node:assert/strict";
import fc from "fast-check";
import { LogLimit } from "../src/log_limit.ts";
import { FakeClock } from "./helpers/clock.ts";

/** A log that remembers, as `level message data`. */
function recorder() {
  const lines: [string, string, Record<string, unknown> | undefined][] = [];
  const at = (level: string) => (message: string, data?: Record<string, unknown>) => {
    lines.push([level, message, data]);
  };
  return {
    lines,
    log: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") },
  };
}

Deno.test("log limit - of a flood the first line is told at once, and a second later the last and how many more", () => {
  const clock = new FakeClock();
  const { lines, log } = recorder();
  const limited = new LogLimit(clock).of(log);
  for (let i = 0; i < 100; i++) limited.warn("rubbish", { i });
  assert.deepEqual(lines, [["warn", "rubbish", { i: 0 }]]);
  clock.advance(999);
  assert.equal(lines.length, 1);
  clock.advance(1);
  assert.deepEqual(lines[1], ["warn", "rubbish (and 98 more)", { i: 99, unlogged: 98 }]);
  clock.advance(10_000);
  assert.equal(lines.length, 2, "a flood that is over is not told again");
  limited.warn("rubbish", { i: 100 });
  assert.deepEqual(lines[2], ["warn", "rubbish", { i: 100 }]);
});

Deno.test("log limit - kinds do not hold back one another, nor do different logs", () => {
  const clock = new FakeClock();
  const { lines, log } = recorder();
  const limit = new LogLimit(clock);
  const one = limit.of(log);
  one.warn("a");
  one.error("a");
  one.warn("b");
  limit.of(log).warn("a");
  assert.equal(lines.length, 4);
});

Deno.test("log limit - a single line that was held back is told as it was", () => {
  const clock = new FakeClock();
  const { lines, log } = recorder();
  const limited = new LogLimit(clock).of(log);
  limited.info("a", { n: 1 });
  limited.info("a", { n: 2 });
  clock.advance(1000);
  assert.deepEqual(lines[1], ["info", "a", { n: 2 }]);
});

Deno.test("log limit - what is held back at the end is told then", () => {
  const clock = new FakeClock();
  const { lines, log } = recorder();
  {
    using limit = new LogLimit(clock);
    const limited = limit.of(log);
    for (let i = 0; i < 3; i++) limited.debug("a", { i });
  }
  assert.deepEqual(lines.at(-1), ["debug", "a (and 1 more)", { i: 2, unlogged: 1 }]);
  clock.advance(5000);
  assert.equal(lines.length, 2);
});

Deno.test("log limit - every line is told or counted, and no second has more than is allowed", () => {
  const step = fc.oneof(
    fc.record({ lines: fc.integer({ min: 1, max: 20 }) }),
    fc.record({ ms: fc.integer({ min: 1, max: 1500 }) }),
  );
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 5 }),
    fc.array(step, { maxLength: 30 }),
    (allowed, steps) => {
      const clock = new FakeClock();
      const toldAtMs: number[] = [];
      let unlogged = 0;
      let given = 0;
      const info = (_: string, data: Record<string, unknown> = {}) => {
        toldAtMs.push(clock.monotonic());
        unlogged += Number(data.unlogged ?? 0);
      };
      const log = { debug: info, info, warn: info, error: info };
      {
        using limit = new LogLimit(clock, { lines: allowed });
        const limited = limit.of(log);
        for (const step of steps) {
          if ("ms" in step) clock.advance(step.ms);
          else for (let i = 0; i < step.lines; i++, given++) limited.info("a");
        }
        for (const atMs of toldAtMs) {
          const within = toldAtMs.filter((other) => other >= atMs && other < atMs + 1000);
          // Where two intervals meet there may be those of both.
          assert.ok(within.length <= 2 * allowed, `${within.length} lines within a second`);
        }
      }
      assert.equal(toldAtMs.length + unlogged, given);
    },
  ));
});
