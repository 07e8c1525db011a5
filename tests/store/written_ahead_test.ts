import assert from "node:assert/strict";
import type { Mutation } from "../../src/state/store.ts";
import { openDenoKv } from "../../src/store/deno_kv.ts";
import { DurableStore } from "../../src/store/durable_store.ts";
import { until } from "../helpers/async.ts";
import { FakeClock } from "../helpers/clock.ts";
import { tempDir } from "../helpers/temp.ts";
import { contentsOf, set } from "./contract.ts";
import { problemsOf } from "./databases.ts";

const source = "test";
const KEYS = 400;
/** So long that what 400 keys were is written ahead of the commit. */
const VALUE = "v".repeat(240);
const NOTE = "n".repeat(200);

/** Lets `body` have a Deno KV that does no more commits than `left` says: then it is as if killed. */
async function withMortal(body: (life: { left: number }) => Promise<void>): Promise<void> {
  const { prototype } = Deno.AtomicOperation;
  const { commit } = prototype;
  const life = { left: Infinity };
  prototype.commit = function () {
    life.left -= 1;
    return life.left < 0 ? Promise.reject(new TypeError("killed")) : commit.call(this);
  };
  try {
    await body(life);
  } finally {
    prototype.commit = commit;
  }
}

/** Numbers of the records in the database under `prefix`. */
async function numbers(path: string, prefix: string): Promise<number[]> {
  using kv = await Deno.openKv(path);
  const found: number[] = [];
  for await (const { key } of kv.list({ prefix: [prefix] })) found.push(key[1] as number);
  return found;
}

const name = (prefix: string, i: number) => `${prefix}${i}`.padEnd(150, "k");
const sets = (prefix: string, value: unknown): Mutation[] =>
  Array.from({ length: KEYS }, (_, i) => set("a", name(prefix, i), value));
/** Other keys in the place of all there are. */
const replace = (prefix: string): Mutation[] => {
  const keys = new Set(Array.from({ length: KEYS }, (_, i) => name(prefix, i)));
  return [{ kind: "keep-only", scope: "a", keys }, ...sets(prefix, VALUE)];
};

/** A database in which the second change of 400 keys was killed before its commit. */
async function killed(path: string, second: Mutation[]): Promise<void> {
  await withMortal(async (life) => {
    await using store = new DurableStore(await openDenoKv({ path }));
    await store.commit({ mutations: sets("k", VALUE), source, note: NOTE });
    life.left = 1;
    await assert.rejects(store.commit({ mutations: second, source }), /killed/);
  });
}

async function checked(path: string): Promise<void> {
  assert.deepEqual(await problemsOf(path), []);
}

for (
  const [what, second] of Object.entries({ replaced: sets("k", 2), deleted: replace("l") })
) {
  Deno.test(`written ahead - of keys ${what} by a commit that was killed: the next start purges it`, async () => {
    await using dir = await tempDir();
    const path = `${dir.path}/state.db`;
    await killed(path, second);
    assert.equal((await numbers(path, "h")).length, KEYS);
    assert.equal((await numbers(path, "d")).length, what === "deleted" ? KEYS : 0);
    await checked(path);
    let contents: unknown;
    {
      await using store = new DurableStore(await openDenoKv({ path }));
      assert.deepEqual((await store.history("a", name("k", 7))).map(({ revision }) => revision), [
        1,
      ]);
      // While it is purged, so that no number may be given to two.
      await store.commit({ mutations: sets("k", 3), source });
      await until("it is purged", async () => (await numbers(path, "g")).length === 0);
      const settings = { history: 0 };
      for (let i = 0; i < KEYS; i += 1) {
        const past = (await store.history("a", name("k", i))).map(({ value }) => value?.length);
        assert.deepEqual(past, [1, VALUE.length + 2]);
      }
      // A deletion of which nothing is kept: of the one that never was nothing may be told.
      await store.commit({
        mutations: [{ kind: "configure-scope", scope: "a", settings }],
        source,
      });
      await store.commit({
        mutations: [{ kind: "delete", scope: "a", key: name("k", 7) }],
        source,
      });
      await store.commit({
        mutations: [{ kind: "configure-scope", scope: "a", settings: { history: 8 } }],
        source,
      });
      contents = contentsOf(store);
    }
    assert.deepEqual([await numbers(path, "d"), (await numbers(path, "h")).length], [[], KEYS - 1]);
    await checked(path);
    await using again = new DurableStore(await openDenoKv({ path }));
    assert.deepEqual(contentsOf(again), contents);
    assert.deepEqual(await again.history("a", name("k", 7)), []);
  });
}

Deno.test("written ahead - of a commit that failed: it is purged, and what comes next keeps its own", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  await withMortal(async (life) => {
    const clock = new FakeClock();
    await using store = new DurableStore(await openDenoKv({ path, clock }), { clock });
    await store.commit({ mutations: sets("k", VALUE), source, note: NOTE });
    life.left = 1;
    await assert.rejects(store.commit({ mutations: sets("k", 2), source }), /killed/);
    life.left = Infinity;
    const { revision } = await store.commit({ mutations: sets("k", 3), source });
    assert.equal(revision, 2);
    await until("it is purged", async () => {
      clock.advance(10_000);
      return (await numbers(path, "g")).length === 0;
    });
    for (let i = 0; i < KEYS; i += 1) {
      assert.equal((await store.history("a", name("k", i))).length, 2);
    }
  });
  assert.equal((await numbers(path, "h")).length, KEYS);
  await checked(path);
});
