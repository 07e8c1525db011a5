import assert from "node:assert/strict";
import type { Mutation } from "../../src/state/store.ts";
import { openDenoKv } from "../../src/store/deno_kv.ts";
import { DurableStore } from "../../src/store/durable_store.ts";
import { FakeClock } from "../helpers/clock.ts";
import { tempDir } from "../helpers/temp.ts";
import { set } from "./contract.ts";

const source = "test";
const KEYS = 300;
const REQUESTS = 40;

Deno.test("many requests - their names are counted among the records of a commit that is full of versions", async () => {
  await using dir = await tempDir();
  const clock = new FakeClock();
  const { disk, ...loaded } = await openDenoKv({ path: `${dir.path}/state.db`, clock });
  await using store = new DurableStore({ disk, ...loaded }, { clock, requestMs: 1000 });
  const all = (value: number): Mutation[] =>
    Array.from({ length: KEYS }, (_, i) => set("a", `k${i}`, value));
  const named = (round: number) =>
    Array.from({ length: REQUESTS }, (_, i) => {
      const mutations = [set("a", `r${i}`, round)];
      return store.commit({ mutations, source, requestId: `${round}/${i}` });
    });
  await store.commit({
    mutations: [...all(0), { kind: "configure-scope", scope: "a", settings: { history: 1 } }],
    source,
  });
  await store.commit({ mutations: all(1), source });
  await Promise.all(named(1));
  clock.advance(2000);
  // One commit: each key writes itself and a version and drops one, each request forgets another.
  await Promise.all([store.commit({ mutations: all(2), source, requestId: "all" }), ...named(2)]);
  assert.equal(store.get("a", `k${KEYS - 1}`)!.value, "2");
  assert.equal(store.get("a", `r${REQUESTS - 1}`)!.value, "2");
  assert.equal((await store.history("a", "k0")).length, 2);
});
