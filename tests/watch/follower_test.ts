import assert from "node:assert/strict";
import fc from "fast-check";
import { ChangeLog, type LoggedChange, numbered } from "../../src/state/change_log.ts";
import { JsonText } from "../../src/state/json.ts";
import type { Mutation } from "../../src/state/store.ts";
import { Draft } from "../../src/store/draft.ts";
import { Mirror } from "../../src/store/mirror.ts";
import { Follower, type FollowEvent } from "../../src/watch/follower.ts";
import { DRAFT_START, NOTHING_MORE } from "../store/helpers.ts";

const SCOPE = "s";

/** A store in memory that logs and publishes, and answers what a follower asks for. */
class Site {
  epoch = "e1";
  revision = 0;
  mirror = new Mirror();
  log = new ChangeLog(this, 20);
  #nextScopeId = 1;

  /** Applies a transaction; returns what the feed says of the scope. */
  apply(mutations: readonly Mutation[]): LoggedChange[] {
    const start = { ...DRAFT_START, revision: this.revision, nextScopeId: this.#nextScopeId };
    const draft = new Draft(this.mirror, start);
    try {
      const changes = numbered(draft.apply({ mutations, source: "test" }).changes);
      draft.merge(NOTHING_MORE);
      this.revision = draft.revision;
      this.#nextScopeId = draft.nextScopeId;
      this.log.add(changes);
      return changes.filter(({ scope }) => scope === SCOPE);
    } catch {
      return [];
    }
  }

  /** The log begins anew, with the same history or another one. */
  restart(restored: boolean): void {
    if (restored) this.epoch = `${this.epoch}'`;
    this.log = new ChangeLog(this, 20);
  }

  contents(): Map<string, string> {
    const entries = this.mirror.scope(SCOPE)?.entries ?? new Map();
    return new Map([...entries].map(([key, { value }]) => [key, value]));
  }

  /** Answers until the follower needs nothing more. */
  serve(follower: Follower): FollowEvent[] {
    const events: FollowEvent[] = [];
    while (follower.need) {
      if (follower.need === "load") {
        events.push(...follower.loaded({
          epoch: this.epoch,
          revision: this.mirror.scope(SCOPE)?.revision ?? 0,
          storeRevision: this.revision,
          entries: this.contents(),
        }));
        continue;
      }
      try {
        const query = { since: follower.known, scope: SCOPE, epoch: follower.epoch, limit: 3 };
        const page = this.log.page(query);
        events.push(...follower.caughtUp({ epoch: this.epoch, ...page }, page.more));
      } catch {
        follower.compacted();
      }
    }
    return events;
  }
}

const set = (key: string, n: number, scope = SCOPE): Mutation => ({
  kind: "set",
  scope,
  key,
  value: new JsonText(`${n}`),
  missingScope: "create",
});

/** A copy kept from events alone, as a user of the watcher keeps it. */
function follow(copy: Map<string, string>, events: readonly FollowEvent[]): void {
  for (const event of events) {
    if (event.kind === "reset") copy.clear();
    else if (event.kind === "set") copy.set(event.key, event.value);
    else if (event.kind === "delete") copy.delete(event.key);
  }
}

Deno.test("follower - begins with what there is, and a marker, also where there is nothing", () => {
  const site = new Site();
  const follower = new Follower();
  assert.equal(follower.need, "load");
  assert.deepEqual(site.serve(follower), [{ kind: "reset" }, { kind: "synced", revision: 0 }]);
  site.apply([set("k", 1)]);
  const other = new Follower();
  assert.deepEqual(site.serve(other), [
    { kind: "reset" },
    { kind: "set", key: "k", value: "1", revision: 1 },
    { kind: "synced", revision: 1 },
  ]);
});

Deno.test("follower - a change that follows is applied, one that is known is not, a gap is noticed", () => {
  const site = new Site();
  const follower = new Follower();
  site.serve(follower);
  const [create, first] = site.apply([set("k", 1)]);
  assert.deepEqual(follower.change("e1", create!), []);
  assert.deepEqual(follower.change("e1", first!).length, 1);
  assert.deepEqual(follower.change("e1", first!), []);
  assert.equal(follower.need, undefined);
  site.apply([set("k", 2)]); // lost
  const [third] = site.apply([set("x", 3)]);
  assert.deepEqual(follower.change("e1", third!), []);
  assert.equal(follower.need, "changes");
  assert.deepEqual(site.serve(follower).map((event) => event.kind), ["set", "set"]);
  assert.deepEqual(follower.entries, new Map([["k", "2"], ["x", "3"]]));
});

Deno.test("follower - of several changes in one revision each lost one is noticed", () => {
  for (const lost of [0, 1, 2]) {
    const site = new Site();
    const follower = new Follower();
    site.apply([set("k", 0)]);
    site.serve(follower);
    const changes = site.apply([set("a", 1), set("b", 2), set("c", 3)]);
    for (const change of changes.toSpliced(lost, 1)) follower.change("e1", change);
    follower.heartbeat("e1", site.revision);
    assert.equal(follower.need, "changes", `the change number ${lost} was lost`);
    site.serve(follower);
    assert.deepEqual(follower.entries, site.contents());
  }
});

Deno.test("follower - a heartbeat tells of a lost last change and of another history", () => {
  const site = new Site();
  const follower = new Follower();
  site.serve(follower);
  follower.heartbeat("e1", 0);
  assert.equal(follower.need, undefined);
  site.apply([set("k", 1)]);
  follower.heartbeat("e1", 1);
  assert.equal(follower.need, "changes");
  site.serve(follower);
  site.apply([set("k", 1, "another")]);
  follower.heartbeat("e1", 2);
  assert.equal(follower.need, "changes");
  assert.deepEqual(site.serve(follower), []);
  follower.heartbeat("e1", 2);
  assert.equal(follower.need, undefined);
  follower.heartbeat("e2", 2);
  assert.equal(follower.need, "load");
});

Deno.test("follower - whatever is lost, and however often the service restarts, the copy becomes the scope", () => {
  const scope = fc.constantFrom(SCOPE, SCOPE, "another");
  const key = fc.constantFrom("a", "b", "c", "__proto__");
  const mutation: fc.Arbitrary<Mutation> = fc.oneof(
    { weight: 5, arbitrary: fc.tuple(key, fc.nat(9), scope).map(([k, n, s]) => set(k, n, s)) },
    fc.tuple(scope, key).map(([scope, key]) => ({ kind: "delete" as const, scope, key })),
    scope.map((scope) => ({ kind: "delete-scope" as const, scope })),
    scope.map((scope) => ({ kind: "create-scope" as const, scope })),
    fc.tuple(scope, key).map(([scope, k]) => ({
      kind: "keep-only" as const,
      scope,
      keys: new Set([k]),
    })),
  );
  const step = fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({
        mutations: fc.array(mutation, { minLength: 1, maxLength: 4 }),
        // Of each message: arrives, is lost, or arrives twice.
        fates: fc.array(fc.constantFrom(1, 1, 1, 0, 2), { minLength: 5, maxLength: 5 }),
      }),
    },
    { weight: 2, arbitrary: fc.constant("heartbeat" as const) },
    fc.constantFrom("restart" as const, "restore" as const),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const site = new Site();
      const follower = new Follower();
      const copy = new Map<string, string>();
      follow(copy, site.serve(follower));
      for (const step of steps) {
        if (step === "heartbeat") {
          follower.heartbeat(site.epoch, site.revision);
          follow(copy, site.serve(follower));
          assert.deepEqual(copy, site.contents());
        } else if (typeof step === "string") {
          site.restart(step === "restore");
        } else {
          for (const [i, change] of site.apply(step.mutations).entries()) {
            for (let n = 0; n < step.fates[i % 5]!; n += 1) {
              follow(copy, follower.change(site.epoch, change));
              follow(copy, site.serve(follower));
            }
          }
        }
        assert.deepEqual(copy, new Map(follower.entries));
      }
      follower.heartbeat(site.epoch, site.revision);
      follow(copy, site.serve(follower));
      assert.deepEqual(copy, site.contents());
    }),
    { numRuns: 3000 },
  );
});
