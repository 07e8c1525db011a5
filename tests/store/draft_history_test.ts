import { strict as assert } from "node:assert";
import { DraftHistory } from "../../src/store/draft_history.ts";
import type { Undo } from "../../src/store/draft_types.ts";
import type { StoredEntry } from "../../src/store/mirror.ts";

/** On disk since revision 9, with three versions before it. */
const LAST: StoredEntry = {
  value: "1",
  valueBytes: 1,
  revision: 9,
  created: 1,
  timeMs: 1,
  source: "test",
  past: [2, 4, 6],
};

function history() {
  const undo: Undo = [];
  const draft = new DraftHistory({ revision: 10, nextVersion: 50 });
  const place = (
    of: { last?: StoredEntry; kept?: number; revision?: number; isSmall?: boolean } = {},
  ) => {
    const { last = LAST, kept = 3, revision = 11, isSmall = true } = of;
    return draft.succeed({ scopeId: 1, key: "k", last, revision, kept, isSmall, undo });
  };
  const succeed = (of: { last?: StoredEntry; kept?: number; revision?: number } = {}) =>
    place({ ...of, isSmall: false }).past;
  const takeBack = () => undo.reverse().forEach((step) => step());
  const numbers = () => [...draft.writes].map(({ number, isReused }) => [number, isReused]);
  return { draft, place, succeed, takeBack, numbers };
}

Deno.test("draft history - what becomes the past takes the place of what is no longer kept", () => {
  const { draft, succeed, numbers, takeBack } = history();
  assert.deepEqual(succeed(), [4, 6, 2]);
  assert.deepEqual(numbers(), [[2, true]]);
  assert.deepEqual(draft.drops, []);
  assert.equal(draft.nextVersion, 50);
  takeBack();
  assert.deepEqual(numbers(), []);
  assert.equal(draft.bytes, 0);
});

Deno.test("draft history - while there is room for more, each has a number of its own", () => {
  const { draft, succeed, numbers } = history();
  assert.deepEqual(succeed({ kept: 4 }), [2, 4, 6, 100]);
  assert.deepEqual(numbers(), [[100, false]]);
  assert.deepEqual(draft.drops, []);
});

Deno.test("draft history - where fewer are kept now, one place is taken and the others are dropped", () => {
  const { draft, succeed, numbers } = history();
  assert.deepEqual(succeed({ kept: 1 }), [6]);
  assert.deepEqual(numbers(), [[6, true]]);
  assert.deepEqual(draft.drops, [2, 4]);
});

Deno.test("draft history - nothing takes the place of pieces, or in a change of many keys", () => {
  const inPieces = history();
  assert.deepEqual(inPieces.succeed({ last: { ...LAST, past: [3, 4, 6] } }), [4, 6, 100]);
  assert.deepEqual(inPieces.draft.drops, [3]);

  const goesIntoPieces = history();
  const large = { ...LAST, ref: { id: "x", pieces: 2 } };
  assert.deepEqual(goesIntoPieces.succeed({ last: large }), [4, 6, 101]);
  assert.deepEqual(goesIntoPieces.draft.drops, [2]);

  const many = history();
  many.draft.begin(2);
  assert.deepEqual(many.succeed(), [4, 6, 100]);
  assert.deepEqual(many.draft.drops, [2]);
});

Deno.test("draft history - a key that changes more often than is kept leaves nothing behind", () => {
  const { draft, succeed, numbers, takeBack } = history();
  let last: StoredEntry = LAST;
  for (let revision = 11; revision <= 15; revision += 1) {
    last = { ...last, revision, past: succeed({ last, revision })! };
  }
  assert.deepEqual(last.past, [6, 2, 4]);
  assert.deepEqual(numbers(), [[6, true], [2, true], [4, true]]);
  assert.deepEqual(draft.drops, []);
  takeBack();
  assert.deepEqual(numbers(), []);
});

Deno.test("draft history - what took a place is deleted from there when the past goes", () => {
  const { draft, succeed, numbers } = history();
  const past = succeed()!;
  draft.forget({ ...LAST, past }, []);
  assert.deepEqual(numbers(), []);
  assert.deepEqual(draft.drops.toSorted(), [2, 4, 6]);
});

Deno.test("draft history - what is a version at once is written once, and stays where it is", () => {
  const { draft, place, numbers, takeBack } = history();
  // Its entry is the last time that what was there has to be written again.
  assert.deepEqual(place(), { past: [4, 6, 2], at: 100 });
  assert.deepEqual(numbers(), [[2, true]]);
  takeBack();

  const onDisk = { ...LAST, at: 8 };
  assert.deepEqual(place({ last: onDisk }), { past: [4, 6, 8], at: 2 });
  assert.deepEqual(numbers(), []);
  assert.deepEqual(draft.drops, []);
});

Deno.test("draft history - what is a version at once and is replaced in the same commit is written, too", () => {
  const { draft, place, numbers } = history();
  const first = place({ last: { ...LAST, at: 8 } });
  const last = { ...LAST, revision: 11, past: first.past!, at: first.at! };
  assert.deepEqual(place({ last, revision: 12 }), { past: [6, 8, 2], at: 4 });
  assert.deepEqual(numbers(), [[2, true]]);
  assert.deepEqual(draft.drops, []);
});

Deno.test("draft history - a version at once needs an entry on disk whose value is no other's", () => {
  const { draft, place } = history();
  const inThisCommit = { ...LAST, revision: 11 };
  assert.equal(place({ last: inThisCommit, revision: 12 }).at, undefined);
  const inPieces = { ...LAST, ref: { id: "x", pieces: 2 } };
  assert.equal(place({ last: inPieces }).at, undefined);
  draft.begin(2);
  assert.equal(place().at, undefined);
});

Deno.test("draft history - where no past is kept any more, what was a version goes with it", () => {
  const { draft, place, numbers } = history();
  assert.deepEqual(place({ last: { ...LAST, at: 8 }, kept: 0 }), {});
  assert.deepEqual(numbers(), []);
  assert.deepEqual(draft.drops, [2, 4, 6, 8]);
});
