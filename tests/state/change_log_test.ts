import assert from "node:assert/strict";
import fc from "fast-check";
import type { PlantdError } from "../../src/errors.ts";
import { ChangeLog, type LoggedChange, numbered } from "../../src/state/change_log.ts";
import type { Change } from "../../src/state/store.ts";

const START = { epoch: "e1", revision: 10 };

function change(revision: number, scope: string, value = "1"): Change {
  return {
    revision,
    previous: 0,
    timeMs: 1,
    source: "test",
    scope,
    operation: "set",
    key: "k",
    value,
  };
}

function compacted(error: PlantdError): boolean {
  assert.equal(error.code, "compacted");
  assert.match(error.message, /load anew/);
  return true;
}

const revisions = (changes: readonly LoggedChange[]) => changes.map(({ revision }) => revision);

Deno.test("change log - a fresh one knows that nothing changed, and of the past nothing", () => {
  const log = new ChangeLog(START, 100);
  assert.deepEqual(log.page({ since: 10, limit: 5 }), { changes: [], revision: 10, more: false });
  assert.throws(() => log.page({ since: 9, limit: 5 }), compacted);
  assert.throws(() => log.page({ since: 11, limit: 5 }), compacted);
  assert.throws(() => log.page({ since: 10, limit: 5, epoch: "e0" }), compacted);
  assert.equal(log.page({ since: 10, limit: 5, epoch: "e1" }).revision, 10);
});

Deno.test("change log - numbers the changes of a revision by scope", () => {
  const changes = numbered([
    change(11, "a"),
    change(11, "b"),
    change(11, "a"),
    change(12, "a"),
  ]);
  assert.deepEqual(
    changes.map(({ scope, index, count }) => [scope, index, count]),
    [["a", 0, 2], ["b", 0, 1], ["a", 1, 2], ["a", 0, 1]],
  );
});

Deno.test("change log - a page never cuts a revision, and says up to where it is complete", () => {
  const log = new ChangeLog(START, 100);
  log.add(numbered([change(11, "a"), change(12, "a"), change(12, "a"), change(12, "b")]));
  log.add(numbered([change(13, "b"), change(14, "a")]));
  const first = log.page({ since: 10, limit: 2 });
  assert.deepEqual(revisions(first.changes), [11, 12, 12, 12]);
  assert.deepEqual([first.revision, first.more], [12, true]);
  const second = log.page({ since: first.revision, limit: 2 });
  assert.deepEqual(revisions(second.changes), [13, 14]);
  assert.deepEqual([second.revision, second.more], [14, false]);
  // Of one scope: complete beyond its last change.
  const ofB = log.page({ since: 10, limit: 1, scope: "b" });
  assert.deepEqual([revisions(ofB.changes), ofB.revision, ofB.more], [[12], 12, true]);
  assert.deepEqual(log.page({ since: 14, limit: 1, scope: "b" }).changes, []);
});

Deno.test("change log - the oldest go by number and by size, a revision at a time", () => {
  const log = new ChangeLog(START, 3);
  log.add(numbered([change(11, "a"), change(11, "a")]));
  log.add(numbered([change(12, "a"), change(13, "a")]));
  assert.throws(() => log.page({ since: 10, limit: 9 }), compacted);
  assert.deepEqual(revisions(log.page({ since: 11, limit: 9 }).changes), [12, 13]);
  const small = new ChangeLog(START, 1000, 10_000);
  for (let n = 11; n <= 20; n += 1) small.add(numbered([change(n, "a", "x".repeat(1000))]));
  assert.throws(() => small.page({ since: 15, limit: 9 }), compacted);
  assert.deepEqual(revisions(small.page({ since: 16, limit: 9 }).changes), [17, 18, 19, 20]);
  const none = new ChangeLog(START, 0);
  none.add(numbered([change(11, "a")]));
  assert.throws(() => none.page({ since: 10, limit: 9 }), compacted);
  assert.equal(none.page({ since: 11, limit: 9 }).revision, 11);
});

Deno.test("change log - any commits: the pages together are what is asked for, or it is compacted", () => {
  const commits = fc.array(
    fc.array(fc.array(fc.constantFrom("a", "b"), { minLength: 1, maxLength: 3 }), { maxLength: 4 }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(commits, fc.nat(40), fc.integer({ min: 1, max: 5 }), fc.nat(30), (
      commits,
      countMax,
      limit,
      back,
    ) => {
      const log = new ChangeLog(START, countMax);
      const all: LoggedChange[] = [];
      let { revision } = START;
      for (const commit of commits) {
        const changes = numbered(commit.flatMap((scopes) => {
          revision += 1;
          return scopes.map((scope) => change(revision, scope));
        }));
        log.add(changes);
        all.push(...changes);
      }
      const since = Math.max(START.revision, revision - back);
      for (const scope of [undefined, "a"]) {
        const expected = all.filter((c) =>
          c.revision > since && (scope === undefined || c.scope === scope)
        );
        const found: LoggedChange[] = [];
        try {
          for (let at = since, more = true; more;) {
            const page = log.page({ since: at, limit, ...(scope === undefined ? {} : { scope }) });
            found.push(...page.changes);
            ({ revision: at, more } = page);
          }
          assert.deepEqual(found, expected);
        } catch (error) {
          compacted(error as PlantdError);
          assert.ok(all.filter((c) => c.revision > since).length > countMax);
        }
      }
    }),
    { numRuns: 500 },
  );
});
