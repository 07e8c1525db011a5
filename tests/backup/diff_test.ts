import assert from "node:assert/strict";
import fc from "fast-check";
import { type Difference, differences, isSameValue } from "../../src/backup/diff.ts";
import type { BackupRecord } from "../../src/backup/format.ts";
import { arbitraryRecords, entry, scope } from "./helpers.ts";

async function* stream(records: readonly BackupRecord[]) {
  yield* records;
}

function diff(
  left: readonly BackupRecord[],
  right: readonly BackupRecord[],
  tolerance?: number,
): Promise<Difference[]> {
  return Array.fromAsync(differences(stream(left), stream(right), tolerance));
}

Deno.test("backup diff - scopes and keys of one side, and other values", async () => {
  const left = [scope("a"), entry("a", "gone", 1), entry("a", "same", 1, 3), scope("b")];
  const right = [scope("a"), entry("a", "new", 2), entry("a", "same", 1, 9), scope("c")];
  assert.deepEqual(await diff(left, right), [
    { kind: "entry", scope: "a", key: "gone", left: "1", right: undefined },
    { kind: "entry", scope: "a", key: "new", left: undefined, right: "2" },
    { kind: "scope", scope: "b", side: "left" },
    { kind: "scope", scope: "c", side: "right" },
  ]);
  assert.deepEqual(await diff([scope("a"), entry("a", "k", 1)], [scope("a"), entry("a", "k", 2)]), [
    { kind: "entry", scope: "a", key: "k", left: "1", right: "2" },
  ]);
});

Deno.test("backup diff - numbers within the tolerance are the same, also deep inside", () => {
  assert.equal(isSameValue("20.01", "20", 0.1), true);
  assert.equal(isSameValue("20.2", "20", 0.1), false);
  assert.equal(isSameValue('{"a":[1,{"b":2.05}]}', '{"a":[1,{"b":2}]}', 0.1), true);
  assert.equal(isSameValue('{"b":1,"a":2}', '{"a":2,"b":1}', 0), true);
  assert.equal(isSameValue("1.0", "1", 0), true);
  assert.equal(isSameValue("1.0", "1", undefined), false);
  assert.equal(isSameValue('["x"]', '{"0":"x"}', 1), false);
  assert.equal(isSameValue('{"a":1}', '{"a":1,"b":1}', 1), false);
  assert.equal(isSameValue('{"__proto__":1}', '{"a":1}', 1), false);
  assert.equal(isSameValue("null", "0", 1), false);
  assert.equal(isSameValue('"1"', "1", 1), false);
});

Deno.test("backup diff - numbers that are just as far apart as the tolerance are the same", () => {
  assert.equal(isSameValue("20.5", "20.6", 0.1), true);
  assert.equal(isSameValue("20.01", "20", 0.01), true);
  assert.equal(isSameValue("-0.3", "-0.1", 0.2), true);
  assert.equal(isSameValue("20.5", "20.6000001", 0.1), false);
  assert.equal(isSameValue("1", "1.0000000000000002", 0), false);
});

Deno.test("backup diff - one with itself has none; a key left out is found", async () => {
  await fc.assert(fc.asyncProperty(arbitraryRecords, fc.nat(), async (records, which) => {
    assert.deepEqual(await diff(records, records), []);
    const keys = records.filter(({ kind }) => kind === "entry");
    const out = keys[which % (keys.length || 1)];
    if (!out || out.kind !== "entry") return;
    const { scope, key, entry: { value } } = out;
    const without = records.filter((record) => record !== out);
    const expected = { kind: "entry", scope, key } as const;
    assert.deepEqual(await diff(without, records), [
      { ...expected, left: undefined, right: value },
    ]);
    assert.deepEqual(await diff(records, without), [
      { ...expected, left: value, right: undefined },
    ]);
  }));
});
