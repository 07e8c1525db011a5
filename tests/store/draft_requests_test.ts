import assert from "node:assert/strict";
import { REQUEST_IDS_MAX } from "../../src/limits.ts";
import { Draft } from "../../src/store/draft.ts";
import { Mirror } from "../../src/store/mirror.ts";
import { set } from "./contract.ts";
import { DRAFT_START as START, NOTHING_MORE } from "./helpers.ts";

const WINDOW_MS = 1000;
const source = "test";

/** A draft at `timeMs` on `mirror`. */
function draftAt(
  mirror: Mirror,
  timeMs: number,
  requestMs = WINDOW_MS,
  monotonicMs = timeMs,
): Draft {
  return new Draft(mirror, { ...START, revision: timeMs, timeMs, requestMs, monotonicMs });
}

function apply(draft: Draft, requestId: string, value = 1) {
  return draft.apply({ mutations: [set("a", "k", value)], source, requestId });
}

Deno.test("draft requests - remembered within the window, also when the clock is stepped, and not beyond", () => {
  const mirror = new Mirror();
  const draft = draftAt(mirror, 5000);
  assert.equal(apply(draft, "r").revision, 5001);
  assert.deepEqual(apply(draft, "r"), { revision: 5001, timeMs: 5000, changes: [] });
  draft.merge(NOTHING_MORE);
  // In this run, whatever the clock on the wall says.
  for (const timeMs of [0, 5999, 1_000_000]) {
    assert.equal(apply(draftAt(mirror, timeMs, WINDOW_MS, 5999), "r").changes.length, 0);
    assert.equal(apply(draftAt(mirror, timeMs, WINDOW_MS, 6000), "r", 2).changes.length, 1);
  }
  // As after a restart, when only that clock tells.
  const { sinceMs: _, ...onDisk } = mirror.request("r")!;
  mirror.putRequest("r", onDisk);
  for (const timeMs of [5000, 5999, 4001]) {
    assert.equal(apply(draftAt(mirror, timeMs), "r").changes.length, 0, `at ${timeMs}`);
  }
  for (const timeMs of [6000, 4000]) {
    assert.equal(apply(draftAt(mirror, timeMs), "r", 2).changes.length, 1, `at ${timeMs}`);
  }
});

Deno.test("draft requests - one that failed is new the next time, one that changed nothing is not", () => {
  const draft = draftAt(new Mirror(), 5000);
  const missing = { kind: "delete", scope: "a", key: "none" } as const;
  const once = { mutations: [missing], source, requestId: "r" };
  assert.throws(() => draft.apply(once));
  const { revision } = apply(draft, "r0");
  assert.deepEqual(draft.apply(once), { revision, timeMs: 5000, changes: [] });
  apply(draft, "r1", 2);
  assert.deepEqual(draft.apply(once), { revision, timeMs: 5000, changes: [] });
});

Deno.test("draft requests - with a window of 0 nothing is remembered", () => {
  const draft = draftAt(new Mirror(), 5000, 0);
  assert.equal(apply(draft, "r").changes.length, 2);
  assert.equal(apply(draft, "r").changes.length, 1);
  assert.equal(draft.requests.writes.size, 0);
});

Deno.test("draft requests - old names go two for each new one, and early when there are too many", () => {
  const mirror = new Mirror();
  const done = (timeMs: number) => ({ revision: 1, timeMs, digest: "d" });
  for (let i = 0; i < 5; i += 1) mirror.putRequest(`old${i}`, done(i));
  mirror.putRequest("recent", done(4500));
  const draft = draftAt(mirror, 5000);
  apply(draft, "new");
  assert.deepEqual(draft.requests.deletes(), ["old0", "old1"]);
  draft.merge(NOTHING_MORE);
  assert.deepEqual([...mirror.requestIds()], ["old2", "old3", "old4", "recent", "new"]);
  for (let i = mirror.requestCount; i < REQUEST_IDS_MAX; i += 1) {
    mirror.putRequest(`r${i}`, done(5000));
  }
  const full = draftAt(mirror, 5001);
  apply(full, "one more");
  assert.deepEqual(full.requests.deletes(), ["old2", "old3"]);
});
