/** What every Store must keep of the past, and for how long: history, time to live, scope options. */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { PlantdError } from "../../src/errors.ts";
import { JsonText } from "../../src/state/json.ts";
import type { ScopeOptions, SettingsChange } from "../../src/state/scope_options.ts";
import type { Change, Mutation, Store, Version } from "../../src/state/store.ts";
import { SCOPE_DEFAULTS } from "../../src/store/durable_store.ts";
import { until } from "../helpers/async.ts";
import { FakeClock } from "../helpers/clock.ts";
import { set, type StorePlace } from "./contract.ts";

const source = "test";

const remove = (scope: string, key: string): Mutation => ({ kind: "delete", scope, key });
const drop = (scope: string): Mutation => ({ kind: "delete-scope", scope });
const configure = (scope: string, settings: SettingsChange): Mutation => ({
  kind: "configure-scope",
  scope,
  settings,
});
const living = (key: string, value: unknown, ttlMs: number): Mutation => ({
  ...set("a", key, value) as Extract<Mutation, { kind: "set" }>,
  ttlMs,
});

function code(expected: string): (error: PlantdError) => boolean {
  return (error) => {
    assert.equal(error.code, expected, error.message);
    return true;
  };
}

/** Values of `key` in scope `a`, the latest first; undefined where it was deleted. */
async function pastOf(store: Store, key: string): Promise<(string | undefined)[]> {
  return (await store.history("a", key)).map(({ value }) => value);
}

/** Registers the suite's tests under `subject`. */
export function testPastContract(subject: string, makePlace: () => Promise<StorePlace>): void {
  const test = (
    behaviour: string,
    body: (of: { place: StorePlace; store: Store; clock: FakeClock }) => Promise<void>,
    scopes: Partial<ScopeOptions> = {},
  ) =>
    Deno.test(`${subject} - ${behaviour}`, async () => {
      await using place = await makePlace();
      const clock = new FakeClock();
      const options = { clock, scopes: { ...SCOPE_DEFAULTS, ...scopes } };
      await using store = await place.open(options);
      await body({ place: { ...place, open: () => place.open(options) }, store, clock });
    });
  /** Writes `mutations` as one change. */
  const write = (store: Store, ...mutations: Mutation[]) => store.commit({ mutations, source });

  test(
    "a key's past is kept, the latest first, with revision, time, source and note, across restarts",
    async ({ place, store, clock }) => {
      await store.commit({ mutations: [set("a", "k", 1)], source: "mdp:00", note: "first" });
      clock.advance(1000);
      await write(store, set("a", "k", "x".repeat(100_000)));
      await write(store, remove("a", "k"));
      await write(store, set("a", "other", 1));
      const expected: Version[] = [
        { revision: 3, timeMs: clock.now(), source },
        { revision: 2, timeMs: clock.now(), source, value: JSON.stringify("x".repeat(100_000)) },
        { revision: 1, timeMs: clock.now() - 1000, source: "mdp:00", note: "first", value: "1" },
      ];
      assert.deepEqual(await store.history("a", "k"), expected);
      assert.deepEqual(await store.history("a", "none"), []);
      await assert.rejects(store.history("none", "k"), code("scope_not_found"));
      await store[Symbol.asyncDispose]();
      await using again = await place.open();
      assert.equal(again.get("a", "k"), undefined);
      assert.deepEqual(await again.history("a", "k"), expected);
      await write(again, set("a", "k", 2));
      const [present, ...before] = await again.history("a", "k");
      assert.equal(present!.value, "2");
      assert.equal(again.get("a", "k")!.created, 5);
      assert.deepEqual(before, expected);
    },
  );

  test("so many versions are kept as the scope says, and none when it says so", async ({ store }) => {
    await write(store, configure("a", { history: 2 }));
    for (let i = 0; i < 300; i += 1) await write(store, set("a", "k", i));
    assert.deepEqual(await pastOf(store, "k"), ["299", "298", "297"]);
    await write(store, configure("a", { history: 5 }));
    for (let i = 300; i < 303; i += 1) await write(store, set("a", "k", i));
    assert.deepEqual(await pastOf(store, "k"), ["302", "301", "300", "299", "298", "297"]);
    await write(store, configure("a", { history: 0 }));
    assert.deepEqual(await pastOf(store, "k"), ["302"]);
    await write(store, set("a", "k", 303));
    await write(store, configure("a", { history: 5 }));
    assert.deepEqual(await pastOf(store, "k"), ["303"], "what was not kept is gone");
    await write(store, configure("a", { history: null }));
    for (let i = 304; i < 320; i += 1) await write(store, set("a", "k", i));
    assert.equal((await pastOf(store, "k")).length, 9, "the present one and eight");
  });

  test("versions older than the scope keeps are not told", async ({ store, clock }) => {
    await write(store, configure("a", { historyMs: 60_000 }));
    await write(store, set("a", "k", 1));
    clock.advance(40_000);
    await write(store, set("a", "k", 2));
    clock.advance(40_000);
    await write(store, set("a", "k", 3));
    assert.deepEqual(await pastOf(store, "k"), ["3", "2"]);
    clock.advance(100_000);
    assert.deepEqual(await pastOf(store, "k"), ["3"], "the present one has no age");
  });

  test("a scope made anew has no past", async ({ place, store }) => {
    await write(store, set("a", "k", 1), set("a", "l", 1));
    await write(store, set("a", "k", 2), remove("a", "l"));
    await Promise.all([write(store, drop("a")), write(store, set("a", "k", 3))]);
    assert.deepEqual(await pastOf(store, "k"), ["3"]);
    assert.deepEqual(await pastOf(store, "l"), []);
    await store[Symbol.asyncDispose]();
    await using again = await place.open();
    assert.deepEqual(await pastOf(again, "k"), ["3"]);
  });

  test("a change is one version, however often it wrote the key", async ({ store }) => {
    await write(store, set("a", "k", 1));
    await write(store, set("a", "k", 2), remove("a", "k"), set("a", "k", 3));
    assert.deepEqual(await pastOf(store, "k"), ["3", "1"]);
  });

  test("many changes of a key in one commit are all its past", async ({ place, store }) => {
    const values = Array.from({ length: 20 }, (_, i) => i % 3 === 0 ? "x".repeat(70_000) : i);
    await Promise.all(values.map((value) => write(store, set("a", "k", value))));
    const expected = values.slice(-9).reverse().map((value) => JSON.stringify(value));
    assert.deepEqual(await pastOf(store, "k"), expected);
    await store[Symbol.asyncDispose]();
    await using again = await place.open();
    assert.deepEqual(await pastOf(again, "k"), expected);
    for (let i = 0; i < 9; i += 1) await write(again, set("a", "k", i));
    assert.deepEqual(await pastOf(again, "k"), ["8", "7", "6", "5", "4", "3", "2", "1", "0"]);
  });

  test(
    "an entry expires by a change of its own, to the second, and stays away",
    async ({ place, store, clock }) => {
      const changes: Change[] = [];
      store.watch((some) => changes.push(...some));
      await write(store, living("k", 1, 5_000), living("later", 2, 60_000), set("a", "l", 3));
      assert.equal(store.get("a", "k")!.expiresMs, clock.now() + 5_000);
      assert.equal(store.status().expiring, 2);
      clock.advance(4_999);
      assert.equal(store.get("a", "k")!.value, "1");
      clock.advance(1);
      assert.equal(store.get("a", "k"), undefined);
      clock.advance(300);
      await until("it is deleted", () => store.status().revision === 2);
      const { revision, operation, key, source: by } = changes.at(-1)!;
      assert.deepEqual([revision, operation, key, by], [2, "delete", "k", "ttl"]);
      assert.deepEqual(store.listKeys("a", { limit: 9 }).names, ["l", "later"]);
      assert.deepEqual(await pastOf(store, "k"), [undefined, "1"]);
      await store[Symbol.asyncDispose]();
      await using again = await place.open();
      assert.equal(again.get("a", "k"), undefined);
      assert.equal(again.get("a", "later")!.value, "2");
      assert.equal(again.status().expiring, 1);
    },
  );

  test("what expired while nobody was there goes at the start", async ({ place, store, clock }) => {
    await write(store, living("k", 1, 5_000));
    await store[Symbol.asyncDispose]();
    clock.advance(10_000);
    await using again = await place.open();
    assert.equal(again.get("a", "k"), undefined);
    clock.advance(300);
    await until("it is deleted", () => again.status().keys === 0);
  });

  test(
    "an entry that was written again lives as long as its writer says then",
    async ({ store, clock }) => {
      await write(store, living("k", 1, 5_000), living("l", 1, 5_000));
      clock.advance(3_000);
      await write(store, living("k", 2, 5_000), set("a", "l", 2));
      assert.equal(store.status().expiring, 1);
      clock.advance(3_000);
      assert.equal(store.get("a", "k")!.value, "2");
      clock.advance(3_000);
      assert.equal(store.get("a", "k"), undefined);
      clock.advance(1_000_000);
      await until("k is deleted", () => store.status().keys === 1);
      assert.equal(store.get("a", "l")!.value, "2");
    },
  );

  test("who writes after its time finds no such key", async ({ store, clock }) => {
    await write(store, living("k", 1, 1_000));
    clock.advance(1_000);
    const { revision } = await store.commit({
      mutations: [{ ...set("a", "k", 2), ifRevision: 0 } as Mutation],
      source,
    });
    assert.equal(revision, 3, "after it was deleted");
    assert.equal(store.get("a", "k")!.created, 3);
  });

  test(
    "a scope's time to live is for those who do not say, and 0 is for ever",
    async ({ store, clock }) => {
      await write(store, configure("a", { ttlMs: 1_000 }));
      await write(store, set("a", "k", 1), living("l", 1, 0), living("m", 1, 60_000));
      clock.advance(1_500);
      await until("k is gone", () => store.status().keys === 2);
      assert.deepEqual(store.listKeys("a", { limit: 9 }).names, ["l", "m"]);
    },
  );

  test("a thousand entries expire together", async ({ store, clock }) => {
    for (let i = 0; i < 1000; i += 250) {
      await write(
        store,
        ...Array.from({ length: 250 }, (_, j) => living(`k${i + j}`, 1, 1_000)),
      );
    }
    clock.advance(1_500);
    await until("all are gone", () => store.status().keys === 0);
    assert.equal(store.status().expiring, 0);
  });

  test(
    "options: what was set, else the service's, also for names of no scope, across restarts",
    async ({
      place,
      store,
    }) => {
      assert.deepEqual(store.scopeOptions("a"), { ...SCOPE_DEFAULTS, ttlMs: 7 });
      const changes: Change[] = [];
      store.watch((some) => changes.push(...some));
      await write(store, configure("a", { history: 3, ttlMs: 0, busCreate: true }));
      await write(store, configure("a", { history: 3 }));
      assert.deepEqual(
        changes.map(({ operation, value, previous }) => [operation, value, previous]),
        [
          ["configure-scope", '{"history":3,"ttl_ms":0,"bus_create":true}', 0],
        ],
      );
      assert.deepEqual(store.configuredScopes(), ["a"]);
      assert.equal(store.hasScope("a"), false);
      await write(store, set("a", "k", 1));
      await write(store, drop("a"));
      const expected = { ...SCOPE_DEFAULTS, history: 3, ttlMs: 0, busCreate: true };
      assert.deepEqual(store.scopeOptions("a"), expected);
      await store[Symbol.asyncDispose]();
      await using again = await place.open();
      assert.deepEqual(again.scopeOptions("a"), expected);
      await write(again, configure("a", { history: null, ttlMs: null, busCreate: null }));
      assert.deepEqual(again.scopeOptions("a"), { ...SCOPE_DEFAULTS, ttlMs: 7 });
      assert.deepEqual(again.configuredScopes(), []);
    },
    { ttlMs: 7 },
  );

  test("a configured scope's chain of revisions goes on, across restarts", async ({ place, store }) => {
    await write(store, set("a", "k", 1));
    await write(store, configure("a", { history: 3 }));
    assert.equal(store.view("a").revision, 2);
    await store[Symbol.asyncDispose]();
    await using again = await place.open();
    assert.equal(again.view("a").revision, 2);
    const changes: Change[] = [];
    again.watch((some) => changes.push(...some));
    await write(again, set("a", "k", 2));
    assert.equal(changes[0]!.previous, 2);
  });

  test("a quota of keys and bytes refuses what grows, and lets shrink", async ({ store }) => {
    await write(store, set("a", "k", "ü"), set("a", "l", 1));
    assert.deepEqual(store.scopeStats("a"), { keys: 2, bytes: 1 + 4 + 1 + 1, revision: 1 });
    assert.equal(store.scopeStats("none"), undefined);
    await write(store, configure("a", { keysMax: 2, bytesMax: 20 }));
    await assert.rejects(write(store, set("a", "m", 1)), code("quota_exceeded"));
    await write(store, remove("a", "l"), set("a", "m", 1));
    await assert.rejects(write(store, set("a", "k", "x".repeat(20))), code("quota_exceeded"));
    await write(store, set("a", "k", "x".repeat(10)));
    await write(store, configure("a", { keysMax: 1, bytesMax: 5 }));
    await write(store, set("a", "k", "x".repeat(9)));
    assert.equal(store.scopeStats("a")!.bytes, 1 + 11 + 1 + 1);
    await write(store, remove("a", "k"));
    await assert.rejects(write(store, set("a", "k", 1)), code("quota_exceeded"));
    await write(store, set("b", "k", "x".repeat(30)));
  });

  Deno.test(`${subject} - random changes, restarts and time agree with a model of the past`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        await using place = await makePlace();
        const clock = new FakeClock();
        const options = { clock, scopes: { ...SCOPE_DEFAULTS, history: 3 } };
        const model = new Model();
        let store = await place.open(options);
        await write(store, { kind: "create-scope", scope: "a" });
        for (const step of steps) {
          if (step === "restart") {
            await store[Symbol.asyncDispose]();
            store = await place.open(options);
          } else if (typeof step === "number") {
            clock.advance(step);
            model.expire(clock.monotonic());
            await until("what is over is gone", () => store.status().keys === model.live.size);
          } else {
            // At once, so that they share commits.
            await Promise.all(step.map((mutation) => write(store, mutation)));
            for (const mutation of step) model.apply(mutation, clock.monotonic());
          }
          for (const key of KEYS) {
            assert.equal(store.get("a", key)?.value, model.live.get(key)?.value);
            assert.deepEqual(await pastOf(store, key), model.past(key));
          }
          const bytes = [...model.live].reduce(
            (sum, [k, { value }]) => sum + k.length + value.length,
            0,
          );
          assert.equal(store.scopeStats("a")?.bytes ?? 0, bytes);
        }
        await store[Symbol.asyncDispose]();
      }),
      { numRuns: 60 },
    );
  });
}

const KEYS = ["k", "l", "m"];

const change: fc.Arbitrary<Mutation> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("set" as const),
      scope: fc.constant("a"),
      key: fc.constantFrom(...KEYS),
      value: fc.oneof(fc.nat(99), fc.constant("x".repeat(61_000)))
        .map((value) => new JsonText(JSON.stringify(value))),
      missingScope: fc.constant("create" as const),
      ttlMs: fc.constantFrom(0, 0, 2_000, 10_000),
    }),
  },
  fc.constantFrom(...KEYS).map((key) => remove("a", key)),
  fc.constantFrom(0, 1, 3, null).map((history) => configure("a", { history })),
);

/** Changes at once, a restart, or time that passes. */
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.array(change, { minLength: 1, maxLength: 6 }),
  },
  { weight: 1, arbitrary: fc.constant("restart" as const) },
  { weight: 1, arbitrary: fc.constantFrom(3_000, 20_000) },
);

/** What is told of scope `a`. */
class Model {
  readonly live = new Map<string, { value: string; deadlineMs: number }>();
  readonly #versions = new Map<string, (string | undefined)[]>();
  #history = 3;

  apply(mutation: Mutation, nowMs: number): void {
    if (mutation.kind === "set") {
      const { key, value: { text: value }, ttlMs = 0 } = mutation;
      this.#push(key, value);
      this.live.set(key, { value, deadlineMs: ttlMs === 0 ? Infinity : nowMs + ttlMs });
    } else if (mutation.kind === "delete") {
      if (this.live.delete(mutation.key)) this.#push(mutation.key, undefined);
    } else if (mutation.kind === "configure-scope") {
      this.#history = mutation.settings.history ?? 3;
    }
  }

  expire(nowMs: number): void {
    for (const [key, { deadlineMs }] of this.live) {
      if (deadlineMs > nowMs) continue;
      this.live.delete(key);
      this.#push(key, undefined);
    }
  }

  past(key: string): (string | undefined)[] {
    return (this.#versions.get(key) ?? []).slice(0, this.#history + 1);
  }

  /** What is pushed out is gone, also when more is kept later. */
  #push(key: string, value: string | undefined): void {
    const versions = [value, ...this.#versions.get(key) ?? []].slice(0, this.#history + 1);
    const isForgotten = this.#history === 0 && value === undefined;
    if (isForgotten) this.#versions.delete(key);
    else this.#versions.set(key, versions);
  }
}
