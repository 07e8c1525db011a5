import assert from "node:assert/strict";
import * as z from "zod";
import { leavesOf } from "../../src/config/collect.ts";
import { BROKER_SETTINGS, STATE_SETTINGS } from "../../src/config/schema.ts";
import { Setting } from "../../src/config/setting.ts";

Deno.test("setting - every default is as it would be if a file said it", () => {
  for (const tree of [STATE_SETTINGS, BROKER_SETTINGS]) {
    for (const [path, leaf] of leavesOf(tree)) {
      assert.deepEqual(leaf.fallback(), leaf.schema.parse(undefined), path);
    }
  }
});

Deno.test("setting - what it may be is made when there is a value, and once", () => {
  let made = 0;
  const make = () => {
    made += 1;
    return z.int();
  };
  const lanes = new Setting(make, Number).prefault(16);
  assert.equal(lanes.fallback(), 16);
  assert.equal(made, 0);
  assert.equal(lanes.schema.safeParse(0.5).success, false);
  assert.equal(lanes.schema.parse(undefined), 16);
  assert.equal(made, 1);
});
