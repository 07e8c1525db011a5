import assert from "node:assert/strict";
import fc from "fast-check";
import type { PlantdError } from "../../src/errors.ts";
import { JsonText } from "../../src/state/json.ts";
import type { Change, Mutation } from "../../src/state/store.ts";
import { Draft } from "../../src/store/draft.ts";
import {
  emptyScope,
  living,
  Mirror,
  type StoredEntry,
  type ValueRef,
} from "../../src/store/mirror.ts";
import { SCOPE_DEFAULTS } from "../../src/store/durable_store.ts";
import { set } from "./contract.ts";
import { DRAFT_START, NOTHING_MORE } from "./helpers.ts";

const source = "test";
const TIME_MS = 1000;
/** Without history; what has one is in draft_history_test.ts. */
const START = {
  ...DRAFT_START,
  revision: 10,
  nextScopeId: 5,
  timeMs: TIME_MS,
  options: { ...SCOPE_DEFAULTS, history: 0 },
};

const create = (scope: string): Mutation => ({ kind: "create-scope", scope });
const drop = (scope: string): Mutation => ({ kind: "delete-scope", scope });
const remove = (scope: string, key: string): Mutation => ({ kind: "delete", scope, key });

const keepOnly = (scope: string, ...keys: string[]): Mutation => ({
  kind: "keep-only",
  scope,
  keys: new Set(keys),
});

function entry(value: string, ref?: ValueRef): StoredEntry {
  const plain = {
    value,
    revision: 1,
    created: 1,
    timeMs: 1,
    source: "old",
    valueBytes: value.length,
  };
  return ref ? { ...plain, ref } : plain;
}

/** A mirror with scope `a` (id 1: keys `k`, and `large` in pieces) and the empty scope `b` (id 2). */
function mirrorOf(): Mirror {
  const mirror = new Mirror();
  const a = emptyScope(1, "a", 3);
  mirror.addScope(a);
  mirror.put(a, "k", entry("1"));
  mirror.put(a, "large", entry('"..."', { id: "pieces", pieces: 3 }));
  mirror.addScope(emptyScope(2, "b", 2));
  return mirror;
}

/** Everything a disk would be told by `draft`, in an order of its own. */
function written(draft: Draft) {
  return {
    revision: draft.revision,
    scopes: draft.scopeWrites().map(({ id, name, revision }) => [id, name, revision]).toSorted(),
    dropped: draft.droppedScopes().map(({ id, name }) => [id, name]).toSorted(),
    entries: draft.keyWrites()
      .map(({ scopeId, key, last }) => [scopeId, key, living(last)?.value, last?.revision])
      .toSorted(),
    orphaned: draft.history.orphans.map(({ id }) => id).toSorted(),
  };
}

const NOTHING = { revision: 10, scopes: [], dropped: [], entries: [], orphaned: [] };

/** Everything in `mirror`, sorted. */
function contentsOf(mirror: Mirror): Map<string, Map<string, string>> {
  return new Map(
    mirror.scopeNames().map((name) => [
      name,
      new Map(
        [...mirror.scope(name)!.entries].map(([k, { value }]) => [k, value] as const).toSorted(),
      ),
    ]),
  );
}

function code(expected: string): (error: PlantdError) => boolean {
  return (error) => {
    assert.equal(error.code, expected);
    return true;
  };
}

Deno.test("draft - a fresh one writes nothing", () => {
  const draft = new Draft(mirrorOf(), START);
  assert.deepEqual(written(draft), NOTHING);
  assert.equal(draft.nextScopeId, 5);
  assert.equal(draft.recordsTouched, 0);
});

Deno.test("draft - a transaction is one revision with its changes in order", () => {
  const draft = new Draft(mirrorOf(), START);
  const { revision, changes } = draft.apply({
    mutations: [set("new", "x", 1), remove("a", "k"), set("a", "l", "two"), drop("b"), create("c")],
    source,
  });
  assert.equal(revision, 11);
  const stamp = { revision: 11, timeMs: TIME_MS, source };
  assert.deepEqual(changes, [
    { ...stamp, previous: 0, scope: "new", operation: "create-scope" },
    { ...stamp, previous: 11, scope: "new", operation: "set", key: "x", value: "1" },
    { ...stamp, previous: 3, scope: "a", operation: "delete", key: "k" },
    { ...stamp, previous: 11, scope: "a", operation: "set", key: "l", value: '"two"' },
    { ...stamp, previous: 2, scope: "b", operation: "delete-scope" },
    { ...stamp, previous: 0, scope: "c", operation: "create-scope" },
  ]);
  assert.deepEqual(written(draft), {
    revision: 11,
    scopes: [[1, "a", 11], [5, "new", 11], [6, "c", 11]],
    dropped: [[2, "b"]],
    entries: [[1, "k", undefined, undefined], [1, "l", '"two"', 11], [5, "x", "1", 11]],
    orphaned: [],
  });
  assert.equal(draft.nextScopeId, 7);
});

Deno.test("draft - what changes nothing takes no revision", () => {
  const draft = new Draft(mirrorOf(), START);
  const nothing = { revision: 10, timeMs: TIME_MS, changes: [] };
  assert.deepEqual(draft.apply({ mutations: [remove("a", "none")], source }), nothing);
  assert.deepEqual(draft.apply({ mutations: [], source }), nothing);
  assert.deepEqual(written(draft), NOTHING);
  assert.equal(draft.apply({ mutations: [remove("a", "k")], source }).revision, 11);
  assert.deepEqual(draft.apply({ mutations: [remove("a", "k")], source }).changes, []);
  assert.equal(draft.revision, 11);
});

Deno.test("draft - of several writes to one key only the last is written", () => {
  const draft = new Draft(mirrorOf(), START);
  for (let i = 0; i < 5; i += 1) draft.apply({ mutations: [set("a", "k", i)], source });
  draft.apply({ mutations: [set("a", "x", 1), set("a", "x", 2), remove("a", "x")], source });
  draft.apply({ mutations: [remove("a", "k"), set("a", "k", 9)], source });
  assert.deepEqual(written(draft), {
    ...NOTHING,
    revision: 17,
    scopes: [[1, "a", 17]],
    entries: [[1, "k", "9", 17], [1, "x", undefined, undefined]],
  });
});

Deno.test("draft - a source's time goes with the entry, and only where there is one", () => {
  const draft = new Draft(mirrorOf(), START);
  const at = { ...set("a", "x", 1) as Extract<Mutation, { kind: "set" }>, sourceTimeMs: 0 };
  draft.apply({ mutations: [at, set("a", "y", 1)], source });
  const entries = draft.keyWrites().map(({ last }) => last);
  const stamp = { revision: 11, created: 11, timeMs: TIME_MS, source };
  const plain = { value: "1", valueBytes: 1, ...stamp };
  assert.deepEqual(entries, [{ ...plain, sourceTimeMs: 0 }, plain]);
});

Deno.test("draft - a scope dropped and made anew is another scope", () => {
  const draft = new Draft(mirrorOf(), START);
  draft.apply({ mutations: [set("a", "gone", 1), drop("a")], source });
  assert.throws(
    () => draft.apply({ mutations: [remove("a", "k")], source }),
    code("scope_not_found"),
  );
  draft.apply({ mutations: [create("a")], source });
  assert.deepEqual(draft.apply({ mutations: [remove("a", "k")], source }).changes, []);
  draft.apply({ mutations: [set("a", "new", 2)], source });
  assert.deepEqual(written(draft), {
    revision: 13,
    scopes: [[5, "a", 13]],
    dropped: [[1, "a"]],
    entries: [[5, "new", "2", 13]],
    orphaned: [],
  });
});

Deno.test("draft - a scope that comes and goes within it is never written", () => {
  const draft = new Draft(mirrorOf(), START);
  draft.apply({ mutations: [set("new", "k", 1)], source });
  draft.apply({ mutations: [drop("new")], source });
  draft.apply({ mutations: [drop("a"), create("a"), set("a", "k", 1), drop("a")], source });
  assert.deepEqual(written(draft), { ...NOTHING, revision: 13, dropped: [[1, "a"]] });
  assert.throws(() => draft.apply({ mutations: [drop("a")], source }), code("scope_not_found"));
  assert.throws(() => draft.apply({ mutations: [drop("new")], source }), code("scope_not_found"));
});

Deno.test("draft - a large value that is replaced or deleted is an orphan, one in a dropped scope not", () => {
  for (const mutation of [set("a", "large", 1), remove("a", "large")]) {
    const draft = new Draft(mirrorOf(), START);
    draft.apply({ mutations: [mutation], source });
    draft.apply({ mutations: [set("a", "large", 2)], source });
    assert.deepEqual(draft.history.orphans, [{ id: "pieces", pieces: 3 }]);
  }
  // Its entries are purged with the scope, and their pieces with them.
  const dropped = new Draft(mirrorOf(), START);
  dropped.apply({ mutations: [drop("a")], source });
  assert.deepEqual(dropped.history.orphans, []);
  const draft = new Draft(mirrorOf(), START);
  draft.apply({ mutations: [set("a", "k", 1)], source });
  assert.throws(() => draft.apply({ mutations: [set("a", "large", 1), create("a")], source }));
  assert.deepEqual(draft.history.orphans, []);
});

Deno.test("draft - refusals carry their code and name the scope", () => {
  const draft = new Draft(mirrorOf(), START);
  const fails = (mutation: Mutation, expected: string) =>
    assert.throws(() => draft.apply({ mutations: [mutation], source }), {
      code: expected,
      data: { scope: mutation.scope },
      message: new RegExp(`"${mutation.scope}"`),
    });
  fails(create("a"), "scope_exists");
  fails(drop("missing"), "scope_not_found");
  fails(remove("missing", "k"), "scope_not_found");
  fails({ ...set("missing", "k", 1), missingScope: "fail" } as Mutation, "scope_not_found");
  draft.apply({ mutations: [create("c")], source });
  fails(create("c"), "scope_exists");
  assert.equal(draft.revision, 11);
});

Deno.test("draft - before the merge the mirror knows nothing, after it everything, with the large ones' places", () => {
  const mirror = mirrorOf();
  const draft = new Draft(mirror, START);
  draft.apply({ mutations: [set("a", "k", 2), remove("a", "large"), drop("b")], source });
  draft.apply({ mutations: [set("new", "x", "large"), set("b", "y", 3)], source });
  assert.deepEqual(contentsOf(mirror), contentsOf(mirrorOf()));
  assert.equal(mirror.keyCount, 2);

  const large = draft.keyWrites().find(({ key }) => key === "x")!.last!;
  const ref = { id: "elsewhere", pieces: 1 };
  draft.merge(new Map([[large, ref]]));
  assert.deepEqual(
    contentsOf(mirror),
    new Map([
      ["a", new Map([["k", "2"]])],
      ["b", new Map([["y", "3"]])],
      ["new", new Map([["x", '"large"']])],
    ]),
  );
  assert.equal(mirror.keyCount, 3);
  assert.deepEqual(mirror.get("new", "x")!.ref, ref);
  assert.equal("ref" in mirror.get("b", "y")!, false);
  assert.notEqual(mirror.scope("b")!.id, 2);
});

Deno.test("draft - if_revision: as known it is written, else revision_conflict tells the present one", () => {
  const draft = new Draft(mirrorOf(), START);
  const conflict = (revision: number) => (error: PlantdError) => {
    assert.equal(error.code, "revision_conflict");
    assert.deepEqual(error.data, { revision });
    return true;
  };
  const apply = (mutation: Mutation, ifRevision: number) =>
    draft.apply({ mutations: [{ ...mutation, ifRevision } as Mutation], source });
  assert.throws(() => apply(set("a", "k", 2), 0), conflict(1));
  assert.throws(() => apply(set("a", "k", 2), 2), conflict(1));
  assert.throws(() => apply(set("a", "x", 2), 1), conflict(0));
  assert.throws(() => apply(set("none", "x", 2), 1), conflict(0));
  assert.throws(() => apply(remove("a", "k"), 7), conflict(1));
  assert.deepEqual(written(draft), NOTHING);
  assert.equal(apply(set("a", "k", 2), 1).revision, 11);
  assert.throws(() => apply(set("a", "k", 3), 1), conflict(11));
  assert.equal(apply(set("a", "x", 1), 0).revision, 12);
  assert.equal(apply(set("none", "x", 1), 0).revision, 13);
  assert.equal(apply(remove("a", "k"), 11).revision, 14);
  assert.equal(apply(set("a", "k", 5), 0).revision, 15);
  assert.equal(living(draft.keyWrites().find(({ key }) => key === "k")!.last)!.created, 15);
});

Deno.test("draft - expect-scope: changes nothing, and holds what comes with it to the revision of the scope", () => {
  const draft = new Draft(mirrorOf(), START);
  const expect = (scope: string, revision: number): Mutation => ({
    kind: "expect-scope",
    scope,
    revision,
  });
  const apply = (...mutations: Mutation[]) => draft.apply({ mutations, source }).revision;
  assert.equal(apply(expect("a", 3), expect("none", 0)), 10);
  assert.throws(() => apply(expect("a", 2), set("a", "k", 2)), code("revision_conflict"));
  assert.throws(() => apply(set("b", "k", 2), expect("none", 1)), code("revision_conflict"));
  assert.deepEqual(written(draft), NOTHING);
  assert.equal(apply(expect("a", 3), set("a", "k", 2)), 11);
  assert.throws(() => apply(expect("a", 3), set("a", "k", 2)), code("revision_conflict"));
  assert.equal(apply(expect("a", 11), remove("a", "k")), 12);
  assert.equal(apply(expect("a", 12)), 12);
});

Deno.test("draft - keep-only deletes the others, of the draft too, and no more than one change can", () => {
  const mirror = mirrorOf();
  const draft = new Draft(mirror, START);
  const apply = (...mutations: Mutation[]) => draft.apply({ mutations, source }).changes;
  apply(set("a", "x", 1));
  const changes = apply(keepOnly("a", "k"), set("a", "y", 1));
  assert.deepEqual(changes.map(({ operation, key }) => [operation, key]), [
    ["delete", "large"],
    ["delete", "x"],
    ["set", "y"],
  ]);
  assert.deepEqual(apply(keepOnly("a", "k", "y")), []);
  assert.deepEqual(apply(keepOnly("none", "k")), []);
  for (let i = 0; i < 401; i += 1) apply(set("b", `k${i}`, i));
  assert.throws(() => apply(keepOnly("b", "y")), code("invalid_request"));
  assert.equal(apply(keepOnly("b", "k0")).length, 400);
});

Deno.test("draft - an entry knows which change made its key, and the note of its own", () => {
  const draft = new Draft(mirrorOf(), START);
  draft.apply({ mutations: [set("a", "k", 2)], source, note: "calibrated" });
  draft.apply({ mutations: [set("a", "x", 2)], source });
  draft.apply({ mutations: [set("a", "x", 3)], source });
  const [k, x] = draft.keyWrites().map(({ last }) => living(last)!);
  assert.deepEqual([k!.created, k!.revision, k!.note], [1, 11, "calibrated"]);
  assert.deepEqual([x!.created, x!.revision, x!.note], [12, 13, undefined]);
});

type Model = Map<string, Map<string, string>>;

/** `model` after `mutations`, or undefined where one of them must fail. */
function applyToModel(model: Model, mutations: readonly Mutation[]): Model | undefined {
  const next: Model = new Map([...model].map(([name, keys]) => [name, new Map(keys)]));
  for (const mutation of mutations) {
    const { scope, kind } = mutation;
    const keys = next.get(scope);
    if (kind === "keep-only") {
      for (const key of keys?.keys() ?? []) if (!mutation.keys.has(key)) keys!.delete(key);
    } else if (kind === "create-scope") {
      if (keys) return undefined;
      next.set(scope, new Map());
    } else if (kind === "set") {
      if (!keys && mutation.missingScope === "fail") return undefined;
      next.set(scope, (keys ?? new Map<string, string>()).set(mutation.key, mutation.value.text));
    } else {
      if (!keys) return undefined;
      if (kind === "delete") keys.delete(mutation.key);
      else if (kind === "delete-scope") next.delete(scope);
    }
  }
  return next;
}

/** What a watcher who knows nothing but the changes believes to be stored. */
function follow(model: Model, changes: readonly Change[]): void {
  for (const { operation, scope, key, value } of changes) {
    if (operation === "create-scope") model.set(scope, new Map());
    else if (operation === "delete-scope") model.delete(scope);
    else if (operation === "set") model.get(scope)!.set(key!, value!);
    else model.get(scope)!.delete(key!);
  }
}

/** What is on a disk that did as `draft` told it, beginning with the `before` of the mirror. */
function onDisk(before: Mirror, draft: Draft): Model {
  const scopes = new Map(
    before.scopeNames().map((name) => {
      const { id, entries } = before.scope(name)!;
      return [id, { name, keys: new Map([...entries].map(([key, { value }]) => [key, value])) }];
    }),
  );
  for (const { id } of draft.droppedScopes()) assert.ok(scopes.delete(id), "dropped, never there");
  for (const { id, name } of draft.scopeWrites()) {
    if (scopes.get(id)?.name === name) continue;
    assert.ok(!scopes.has(id), "an id is used twice");
    assert.ok(id < draft.nextScopeId);
    scopes.set(id, { name, keys: new Map() });
  }
  for (const { scopeId, key, last } of draft.keyWrites()) {
    const { keys } = scopes.get(scopeId)!;
    const entry = living(last);
    if (entry) keys.set(key, entry.value);
    else keys.delete(key);
  }
  const names = [...scopes.values()].map(({ name }) => name);
  assert.equal(new Set(names).size, names.length, "two scopes of one name");
  return new Map([...scopes.values()].map(({ name, keys }) => [name, keys]));
}

function sorted(model: Model): Model {
  const byName = <T>(map: Map<string, T>) =>
    new Map([...map].toSorted(([a], [b]) => a < b ? -1 : 1));
  return byName(new Map([...model].map(([name, keys]) => [name, byName(keys)])));
}

Deno.test("draft - any transactions: disk, mirror and watchers agree with a model, failed ones leave no trace", () => {
  const scope = fc.constantFrom("a", "b", "c", "__proto__");
  const key = fc.constantFrom("k", "large", "__proto__");
  const mutation: fc.Arbitrary<Mutation> = fc.oneof(
    scope.map(create),
    scope.map(drop),
    fc.tuple(scope, key).map(([scope, key]) => remove(scope, key)),
    fc.tuple(scope, key).map(([scope, key]) => keepOnly(scope, key)),
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("set" as const),
        scope,
        key,
        value: fc.nat(9).map((n) => new JsonText(`${n}`)),
        missingScope: fc.constantFrom("create" as const, "fail" as const),
      }),
    },
  );
  const transactions = fc.array(fc.array(mutation, { maxLength: 5 }), { maxLength: 12 });
  let failed = 0;
  fc.assert(
    fc.property(transactions, fc.constantFrom(0, 2), (transactions, history) => {
      const mirror = mirrorOf();
      const draft = new Draft(mirror, { ...START, options: { ...SCOPE_DEFAULTS, history } });
      let model: Model = contentsOf(mirror);
      const watcher: Model = contentsOf(mirror);
      const last = new Map([["a", 3], ["b", 2]]);
      let { revision } = START;
      for (const mutations of transactions) {
        const before = written(draft);
        const next = applyToModel(model, mutations);
        if (next) {
          const applied = draft.apply({ mutations, source });
          if (applied.changes.length > 0) revision += 1;
          assert.equal(applied.revision, revision);
          for (const change of applied.changes) {
            assert.equal(change.revision, revision);
            assert.equal(change.previous, last.get(change.scope) ?? 0, "the chain of a scope");
            if (change.operation === "delete-scope") last.delete(change.scope);
            else last.set(change.scope, revision);
          }
          follow(watcher, applied.changes);
          model = next;
        } else {
          failed += 1;
          assert.throws(() => draft.apply({ mutations, source }));
          assert.deepEqual(written(draft), before);
        }
        assert.equal(draft.revision, revision);
        assert.deepEqual(sorted(watcher), sorted(model));
        assert.deepEqual(sorted(onDisk(mirror, draft)), sorted(model));
        const { scopes, dropped, entries } = written(draft);
        const records = scopes.length + dropped.length + entries.length +
          draft.history.recordsTouched;
        assert.ok(records <= draft.recordsTouched, `${records} of ${draft.recordsTouched}`);
      }
      assert.deepEqual(contentsOf(mirror), contentsOf(mirrorOf()), "the mirror before the merge");
      draft.merge(NOTHING_MORE);
      assert.deepEqual(sorted(contentsOf(mirror)), sorted(model));
      const keys = [...model.values()].reduce((sum, keys) => sum + keys.size, 0);
      assert.equal(mirror.keyCount, keys);
    }),
    { numRuns: 2000 },
  );
  assert.ok(failed > 500, `only ${failed} failed`);
});
