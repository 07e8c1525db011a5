/**
 * The suite that every Store must pass. It is given a way to open a store, and to open the same one
 * again after it was closed.
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { PlantdError } from "../../src/errors.ts";
import { JsonText } from "../../src/state/json.ts";
import type { Change, Mutation, Store } from "../../src/state/store.ts";
import type { StoreOptions } from "../../src/store/durable_store.ts";

/** Somewhere a store lives, across being closed and opened. */
export interface StorePlace extends AsyncDisposable {
  open(options?: StoreOptions): Promise<Store>;
}

/** A `set` that creates the scope if need be. */
export function set(scope: string, key: string, value: unknown): Mutation {
  const text = new JsonText(JSON.stringify(value));
  return { kind: "set", scope, key, value: text, missingScope: "create" };
}

const source = "test";

function code(expected: string): (error: PlantdError) => boolean {
  return (error) => {
    assert.equal(error.code, expected, error.message);
    return true;
  };
}

/** Registers the suite's tests under `subject`. */
export function testStoreContract(subject: string, makePlace: () => Promise<StorePlace>): void {
  const test = (behaviour: string, body: (place: StorePlace, store: Store) => Promise<void>) =>
    Deno.test(`${subject} - ${behaviour}`, async () => {
      await using place = await makePlace();
      await using store = await place.open();
      await body(place, store);
    });

  test("a new store is empty, at revision 0, available", async (_, store) => {
    await Promise.resolve();
    const { epoch, ...status } = store.status();
    assert.deepEqual(status, {
      available: true,
      revision: 0,
      scopes: 0,
      keys: 0,
      expiring: 0,
      pending: 0,
      damaged: 0,
    });
    assert.notEqual(epoch, "");
    assert.deepEqual(store.scopes(), []);
  });

  test("absent scope, absent key, empty string and null are four results", async (_, store) => {
    assert.throws(() => store.get("a", "k"), code("scope_not_found"));
    await store.commit({ mutations: [{ kind: "create-scope", scope: "a" }], source });
    assert.equal(store.get("a", "k"), undefined);
    await store.commit({ mutations: [set("a", "k", "")], source });
    assert.equal(store.get("a", "k")!.value, '""');
    await store.commit({ mutations: [set("a", "k", null)], source });
    assert.equal(store.get("a", "k")!.value, "null");
  });

  test("a scope is created once and deleted once", async (_, store) => {
    const create = { mutations: [{ kind: "create-scope", scope: "a" } as const], source };
    const drop = { mutations: [{ kind: "delete-scope", scope: "a" } as const], source };
    await assert.rejects(store.commit(drop), code("scope_not_found"));
    await store.commit(create);
    await assert.rejects(store.commit(create), code("scope_exists"));
    await store.commit(drop);
    await assert.rejects(store.commit(drop), code("scope_not_found"));
    assert.equal(store.hasScope("a"), false);
  });

  test(
    "a scope made anew has nothing of its predecessor, in one commit or after a restart",
    async (place, store) => {
      await store.commit({ mutations: [set("a", "old", 1)], source });
      await Promise.all([
        store.commit({ mutations: [{ kind: "delete-scope", scope: "a" }], source }),
        store.commit({ mutations: [set("a", "new", 2)], source }),
      ]);
      assert.deepEqual(store.listKeys("a", { limit: 10 }), { names: ["new"], more: false });
      await store[Symbol.asyncDispose]();
      await using again = await place.open();
      assert.deepEqual(again.listKeys("a", { limit: 10 }), { names: ["new"], more: false });
      assert.equal(again.status().keys, 1);
    },
  );

  test(
    "deleting a missing key is no failure and no change; in a missing scope it is one",
    async (_, store) => {
      await assert.rejects(
        store.commit({ mutations: [{ kind: "delete", scope: "a", key: "k" }], source }),
        code("scope_not_found"),
      );
      const { revision } = await store.commit({
        mutations: [{ kind: "create-scope", scope: "a" }],
        source,
      });
      const changes: Change[] = [];
      store.watch((some) => changes.push(...some));
      const deleted = await store.commit({
        mutations: [{ kind: "delete", scope: "a", key: "k" }],
        source,
      });
      assert.equal(deleted.revision, revision);
      assert.deepEqual(changes, []);
    },
  );

  test("a transaction happens whole or not at all", async (_, store) => {
    await store.commit({ mutations: [set("a", "k", 1)], source });
    const before = store.status().revision;
    await assert.rejects(
      store.commit({
        mutations: [
          set("a", "k", 2),
          { kind: "delete-scope", scope: "a" },
          set("a", "other", 3),
          { kind: "create-scope", scope: "b" },
          { kind: "delete", scope: "missing", key: "k" },
        ],
        source,
      }),
      code("scope_not_found"),
    );
    assert.equal(store.get("a", "k")!.value, "1");
    assert.deepEqual(store.scopes(), ["a"]);
    assert.equal(store.status().revision, before);
  });

  test("a failed transaction leaves those that share its commit alone", async (_, store) => {
    const results = await Promise.allSettled([
      store.commit({ mutations: [set("a", "k", 1)], source }),
      store.commit({ mutations: [{ kind: "create-scope", scope: "a" }], source }),
      store.commit({ mutations: [set("a", "k", 2), set("a", "l", 2)], source }),
    ]);
    assert.deepEqual(results.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
    assert.equal(store.get("a", "k")!.value, "2");
    assert.equal(store.status().revision, 2);
  });

  test(
    "every changing transaction is one revision, in the order of the calls",
    async (_, store) => {
      const revisions = await Promise.all(
        Array.from(
          { length: 2000 },
          (_, i) => store.commit({ mutations: [set("a", `k${i}`, i)], source }),
        ),
      );
      assert.deepEqual(
        revisions.map(({ revision }) => revision),
        revisions.map((_, i) => i + 1),
      );
      assert.equal(store.get("a", "k1999")!.revision, 2000);
    },
  );

  test(
    "what was acknowledged is there after a restart, with revision, time, source and epoch",
    async (place, store) => {
      await store.commit({ mutations: [set("a", "k", 1), set("a", "gone", 1)], source });
      const { revision, timeMs } = await store.commit({
        mutations: [set("a", "k", { deep: [1, "x"] }), set("b", "ключ 🔥", "ö")],
        source: "mdp:0011",
        note: "calibrated 🔥",
      });
      const { epoch } = store.status();
      await store[Symbol.asyncDispose]();
      await using again = await place.open();
      const entry = again.get("a", "k")!;
      assert.equal(entry.value, '{"deep":[1,"x"]}');
      assert.deepEqual(
        [entry.revision, entry.created, entry.timeMs, entry.source, entry.note],
        [revision, 1, timeMs, "mdp:0011", "calibrated 🔥"],
      );
      assert.equal(again.get("b", "ключ 🔥")!.value, '"ö"');
      assert.equal(again.status().epoch, epoch);
      const next = await again.commit({ mutations: [set("a", "k", 2)], source });
      assert.equal(next.revision, revision + 1);
    },
  );

  test(
    "a scope's revision is that of its last change, deletions too, also after a restart",
    async (place, store) => {
      await store.commit({ mutations: [set("a", "k", 1), set("a", "gone", 1)], source });
      await store.commit({ mutations: [set("b", "k", 1)], source });
      assert.equal(store.view("a").revision, 1);
      const mutation: Mutation = { kind: "delete", scope: "a", key: "gone" };
      await store.commit({ mutations: [mutation], source });
      assert.equal(store.view("a").revision, 3);
      assert.deepEqual([...store.view("a").entries.keys()], ["k"]);
      await store[Symbol.asyncDispose]();
      await using again = await place.open();
      assert.equal(again.view("a").revision, 3);
      assert.equal(again.view("b").revision, 2);
      assert.throws(() => again.view("c"), code("scope_not_found"));
      const changes: Change[] = [];
      again.watch((some) => changes.push(...some));
      await again.commit({ mutations: [set("a", "k", 2)], source });
      assert.deepEqual(changes.map(({ previous, revision }) => [previous, revision]), [[3, 4]]);
    },
  );

  test(
    "a request given twice is applied once and answered the same, also after a restart",
    async (place, store) => {
      const once = { mutations: [set("a", "n", 1)], source, requestId: "r1" };
      const [first, beside] = await Promise.all([store.commit(once), store.commit(once)]);
      assert.deepEqual(beside, first);
      await store.commit({ mutations: [set("a", "n", 2)], source });
      assert.deepEqual(await store.commit(once), first);
      assert.equal(store.get("a", "n")!.value, "2");
      const other = { mutations: [set("a", "n", 3)], source, requestId: "r1" };
      await assert.rejects(store.commit(other), code("invalid_request"));
      const scope: Mutation = { kind: "create-scope", scope: "b" };
      const created = await store.commit({ mutations: [scope], source, requestId: "r2" });
      await store[Symbol.asyncDispose]();
      await using again = await place.open();
      assert.deepEqual(await again.commit({ ...once, source: "another" }), first);
      assert.deepEqual(
        await again.commit({ mutations: [scope], source, requestId: "r2" }),
        created,
      );
      await assert.rejects(again.commit({ mutations: [scope], source }), code("scope_exists"));
      assert.equal(again.get("a", "n")!.value, "2");
      assert.equal(again.status().revision, 3);
    },
  );

  test(
    "a request that found nothing to change is not done later, also after a restart",
    async (place, store) => {
      await store.commit({ mutations: [set("a", "other", 1)], source });
      const mutation: Mutation = { kind: "delete", scope: "a", key: "k" };
      const once = { mutations: [mutation], source, requestId: "r1" };
      const first = await store.commit(once);
      assert.equal(first.revision, 1);
      // Of somebody else, and meanwhile.
      await store.commit({ mutations: [set("a", "k", 1)], source });
      assert.deepEqual(await store.commit(once), first);
      await store[Symbol.asyncDispose]();
      await using again = await place.open();
      assert.deepEqual(await again.commit(once), first);
      assert.equal(again.get("a", "k")!.value, "1");
      assert.equal(again.status().revision, 2);
    },
  );

  test(
    "conditions hold across restarts, and among writers at once exactly one wins",
    async (place, store) => {
      const write = (store: Store, value: number, ifRevision: number) =>
        store.commit({
          mutations: [{ ...set("a", "k", value), ifRevision } as Mutation],
          source,
        }).then(() => true, (error) => {
          assert.equal(error.code, "revision_conflict");
          return false;
        });
      const firsts = await Promise.all(Array.from({ length: 20 }, (_, i) => write(store, i, 0)));
      assert.deepEqual(firsts, [true, ...Array(19).fill(false)]);
      await store[Symbol.asyncDispose]();
      await using again = await place.open();
      assert.equal(await write(again, 1, 0), false);
      const { revision } = again.get("a", "k")!;
      const seconds = await Promise.all(
        Array.from({ length: 20 }, (_, i) => write(again, i, revision)),
      );
      assert.equal(seconds.filter(Boolean).length, 1);
    },
  );

  test("a revision is not used again after the scope that had it is gone", async (place, store) => {
    await store.commit({ mutations: [set("a", "k", 1)], source });
    const last = await store.commit({ mutations: [{ kind: "delete-scope", scope: "a" }], source });
    await store[Symbol.asyncDispose]();
    await using again = await place.open();
    const next = await again.commit({ mutations: [set("a", "k", 1)], source });
    assert.equal(next.revision, last.revision + 1);
  });

  test(
    "values from 0 bytes to 1 MiB come back, replace one another and go",
    async (place, store) => {
      const sizes = [0, 1, 59_998, 60_000, 65_536, 600_000, 1024 * 1024];
      const text = (size: number) => "ü".repeat(size / 2) + "x".repeat(size % 2);
      for (const size of sizes) {
        await store.commit({ mutations: [set("a", `k${size}`, text(size))], source });
        await store.commit({ mutations: [set("a", "same", text(size))], source });
      }
      const check = (of: Store) => {
        for (const size of sizes) {
          assert.equal(
            JSON.parse(of.get("a", `k${size}`)!.value),
            text(size),
          );
        }
        assert.equal(JSON.parse(of.get("a", "same")!.value), text(1024 * 1024));
      };
      check(store);
      await store[Symbol.asyncDispose]();
      {
        await using again = await place.open();
        check(again);
        for (const size of sizes) {
          await again.commit({
            mutations: [{ kind: "delete", scope: "a", key: `k${size}` }],
            source,
          });
        }
        await again.commit({ mutations: [set("a", "same", "small")], source });
      }
      await using third = await place.open();
      assert.deepEqual(third.listKeys("a", { limit: 10 }).names, ["same"]);
      assert.equal(third.get("a", "same")!.value, '"small"');
    },
  );

  test("large and small values of one key keep their order in one commit", async (place, store) => {
    await Promise.all(
      [1, "x".repeat(200_000), 2, "y".repeat(100_000), 3].map((value) =>
        store.commit({ mutations: [set("a", "k", value)], source })
      ),
    );
    assert.equal(store.get("a", "k")!.value, "3");
    await store[Symbol.asyncDispose]();
    await using again = await place.open();
    assert.equal(again.get("a", "k")!.value, "3");
  });

  test("one change of 400 keys with 10 kB each is one revision", async (place, store) => {
    const mutations = Array.from({ length: 400 }, (_, i) => set("a", `k${i}`, "v".repeat(10_000)));
    const { revision } = await store.commit({ mutations, source });
    assert.equal(revision, 1);
    assert.equal(store.get("a", "k399")!.revision, 1);
    await store[Symbol.asyncDispose]();
    await using again = await place.open();
    assert.equal(again.status().keys, 400);
    assert.equal(again.get("a", "k7")!.value.length, 10_002);
  });

  test("one change of more than 400 keys is refused in words", async (_, store) => {
    const mutations = Array.from({ length: 401 }, (_, i) => set("a", `k${i}`, i));
    await assert.rejects(store.commit({ mutations, source }), code("invalid_request"));
  });

  test(
    "keys are listed sorted, by prefix, in pages that neither repeat nor skip",
    async (_, store) => {
      const keys = Array.from({ length: 250 }, (_, i) => `k${i % 7}/${i}`);
      await Promise.all(keys.map((key) => store.commit({ mutations: [set("a", key, 1)], source })));
      const listed: string[] = [];
      for (let more = true; more;) {
        const after = listed.at(-1);
        const page = store.listKeys("a", { limit: 17, ...(after === undefined ? {} : { after }) });
        listed.push(...page.names);
        more = page.more;
      }
      assert.deepEqual(listed, keys.toSorted());
      const wanted = keys.filter((key) => key.startsWith("k3/")).toSorted();
      assert.deepEqual(store.listKeys("a", { prefix: "k3/", limit: 1000 }), {
        names: wanted,
        more: false,
      });
      assert.deepEqual(
        store.listKeys("a", { prefix: "k3/", after: "k3/17", limit: 1000 }).names,
        wanted.filter((key) => key > "k3/17"),
      );
      assert.deepEqual(store.listKeys("a", { prefix: "zz", limit: 5 }), { names: [], more: false });
      assert.throws(() => store.listKeys("b", { limit: 5 }), code("scope_not_found"));
    },
  );

  test("a listing sees keys that came and went since the last one", async (_, store) => {
    await store.commit({ mutations: [set("a", "b", 1), set("a", "d", 1)], source });
    assert.deepEqual(store.listKeys("a", { limit: 9 }).names, ["b", "d"]);
    await store.commit({
      mutations: [set("a", "c", 1), { kind: "delete", scope: "a", key: "d" }],
      source,
    });
    assert.deepEqual(store.listKeys("a", { limit: 9 }).names, ["b", "c"]);
  });

  test("names like __proto__ are names like any other", async (place, store) => {
    for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      await store.commit({ mutations: [set(name, name, name)], source });
    }
    await store[Symbol.asyncDispose]();
    await using again = await place.open();
    assert.equal(again.get("__proto__", "__proto__")!.value, '"__proto__"');
    assert.equal(again.get("constructor", "valueOf"), undefined);
    assert.equal(again.status().keys, 4);
  });

  test(
    "watchers are told every change once, in order, when it can be read already",
    async (_, store) => {
      const seen: Change[] = [];
      const stop = store.watch((changes) => {
        for (const change of changes) {
          if (change.operation === "set") {
            assert.equal(store.get(change.scope, change.key!)!.revision >= change.revision, true);
          }
          seen.push(change);
        }
      });
      await store.commit({ mutations: [set("a", "k", 1), set("a", "l", 2)], source });
      await store.commit({ mutations: [{ kind: "delete", scope: "a", key: "k" }], source });
      await store.commit({ mutations: [{ kind: "delete-scope", scope: "a" }], source });
      stop();
      await store.commit({ mutations: [set("a", "k", 1)], source });
      assert.deepEqual(
        seen.map(({ revision, operation, key, value }) => [revision, operation, key, value]),
        [
          [1, "create-scope", undefined, undefined],
          [1, "set", "k", "1"],
          [1, "set", "l", "2"],
          [2, "delete", "k", undefined],
          [3, "delete-scope", undefined, undefined],
        ],
      );
    },
  );

  test(
    "closing finishes what was asked for; afterwards writing is refused",
    async (place, store) => {
      const writes = Array.from(
        { length: 50 },
        (_, i) => store.commit({ mutations: [set("a", `${i}`, i)], source }),
      );
      await store[Symbol.asyncDispose]();
      await Promise.all(writes);
      await assert.rejects(
        store.commit({ mutations: [set("a", "k", 1)], source }),
        code("storage_unavailable"),
      );
      await using again = await place.open();
      assert.equal(again.status().keys, 50);
    },
  );

  Deno.test(`${subject} - random operations and restarts agree with a plain model`, async () => {
    const scope = fc.constantFrom("a", "b", "c");
    const key = fc.constantFrom("k", "l", "m", "__proto__");
    const value = fc.oneof(
      { weight: 5, arbitrary: fc.jsonValue() },
      { weight: 1, arbitrary: fc.constantFrom("x".repeat(70_000), "y".repeat(130_000)) },
    );
    const mutation: fc.Arbitrary<Mutation> = fc.oneof(
      { weight: 1, arbitrary: scope.map((scope) => ({ kind: "create-scope", scope }) as const) },
      { weight: 1, arbitrary: scope.map((scope) => ({ kind: "delete-scope", scope }) as const) },
      {
        weight: 6,
        arbitrary: fc.tuple(scope, key, value).map(([scope, key, value]) => set(scope, key, value)),
      },
      {
        weight: 2,
        arbitrary: fc.tuple(scope, key).map(([scope, key]) =>
          ({ kind: "delete", scope, key }) as const
        ),
      },
    );
    const transactions = fc.array(fc.array(mutation, { minLength: 1, maxLength: 4 }), {
      maxLength: 12,
    });
    const step = fc.oneof(
      { weight: 4, arbitrary: transactions },
      { weight: 1, arbitrary: fc.constant("restart" as const) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
        await using place = await makePlace();
        let store = await place.open();
        const model = new Map<string, Map<string, string>>();
        for (const step of steps) {
          if (step === "restart") {
            await store[Symbol.asyncDispose]();
            store = await place.open();
          } else {
            const expected = step.map((mutations) => applyToModel(model, mutations));
            const results = await Promise.allSettled(
              step.map((mutations) => store.commit({ mutations, source })),
            );
            assert.deepEqual(results.map(({ status }) => status === "fulfilled"), expected);
          }
          assert.deepEqual(contentsOf(store), model);
        }
        await store[Symbol.asyncDispose]();
      }),
      { numRuns: 60 },
    );
  });
}

/** Applies a transaction to the model, whole or not at all; true if it could be. */
function applyToModel(
  model: Map<string, Map<string, string>>,
  mutations: readonly Mutation[],
): boolean {
  const next = new Map([...model].map(([name, keys]) => [name, new Map(keys)]));
  for (const mutation of mutations) {
    const keys = next.get(mutation.scope);
    if (mutation.kind === "create-scope") {
      if (keys) return false;
      next.set(mutation.scope, new Map());
    } else if (mutation.kind === "set") {
      const into = keys ?? new Map<string, string>();
      next.set(mutation.scope, into.set(mutation.key, mutation.value.text));
    } else {
      if (!keys) return false;
      if (mutation.kind === "delete") keys.delete(mutation.key);
      else next.delete(mutation.scope);
    }
  }
  model.clear();
  for (const [name, keys] of next) model.set(name, keys);
  return true;
}

/** Everything in a store, as the model has it. */
export function contentsOf(store: Store): Map<string, Map<string, string>> {
  return new Map(
    store.scopes().map((scope) => [
      scope,
      new Map(
        store.listKeys(scope, { limit: 1_000_000 }).names.map((
          key,
        ) => [key, store.get(scope, key)!.value]),
      ),
    ]),
  );
}
