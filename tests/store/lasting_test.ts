import assert from "node:assert/strict";
import { openDenoKv } from "../../src/store/deno_kv.ts";
import { DurableStore } from "../../src/store/durable_store.ts";
import { until } from "../helpers/async.ts";
import { FakeClock } from "../helpers/clock.ts";
import { tempDir } from "../helpers/temp.ts";
import { contentsOf, set } from "./contract.ts";
import { problemsOf } from "./databases.ts";

const source = "test";

/** A store with something of everything, whose database is in the hands of a test. */
async function withStore(
  body: (
    of: { store: DurableStore; path: string; clock: FakeClock; said: string[] },
  ) => Promise<void>,
): Promise<void> {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  const clock = new FakeClock();
  const said: string[] = [];
  const onRenewed = (text: string) => said.push(text);
  const open = async () =>
    new DurableStore(await openDenoKv({ path, clock, onRenewed }), { clock });
  let contents: unknown;
  let epoch = "";
  {
    await using store = await open();
    epoch = store.epoch;
    for (let n = 0; n < 30; n += 1) {
      const value = [n, "x".repeat(n % 7 === 0 ? 150_000 : 10)];
      await store.commit({
        mutations: [set("a", `k${n % 10}`, value)],
        source,
        requestId: `r${n}`,
      });
    }
    await store.commit({ mutations: [{ kind: "delete", scope: "a", key: "k1" }], source });
    await store.commit({ mutations: [set("b", "k", 1)], source });
    await store.commit({ mutations: [{ kind: "delete-scope", scope: "b" }], source });
    const settings = { history: 5 };
    await store.commit({ mutations: [{ kind: "configure-scope", scope: "c", settings }], source });
    await body({ store, path, clock, said });
    contents = contentsOf(store);
  }
  assert.deepEqual(await problemsOf(path), []);
  await using again = await open();
  assert.equal(again.epoch, epoch);
  assert.deepEqual(contentsOf(again), contents);
  assert.deepEqual(again.scopeSettings("c"), { history: 5 });
}

const write = (store: DurableStore, value: unknown, requestId?: string) =>
  store.commit({
    mutations: [set("a", "k0", value)],
    source,
    ...(requestId === undefined ? {} : { requestId }),
  });

/** The next look at the file, and what comes of it. */
async function renewed(clock: FakeClock, store: DurableStore, said: readonly string[]) {
  const before = said.length;
  clock.advance(1000);
  await until("there is a new one", () => said.length > before);
  assert.equal(store.status().available, true);
}

const LOSSES: Readonly<Record<string, (path: string) => Promise<void>>> = {
  "the database is deleted": (path) => Deno.remove(path),
  "the database is deleted, its log and its lock too": async (path) => {
    for (const end of ["", "-wal", "-shm", ".lock"]) await Deno.remove(`${path}${end}`);
  },
  "the whole directory is deleted": (path) =>
    Deno.remove(path.slice(0, path.lastIndexOf("/")), { recursive: true }),
  "its log is deleted": (path) => Deno.remove(`${path}-wal`),
};

for (const [name, lose] of Object.entries(LOSSES)) {
  Deno.test(`lasting disk - ${name}: writes fail, then it is there anew with all its past`, async () => {
    await withStore(async ({ store, path, clock, said }) => {
      const past = await store.history("a", "k0");
      assert.equal(past.length, 3);
      await lose(path);
      await assert.rejects(write(store, "during"), { code: "storage_unavailable" });
      assert.equal(store.status().available, false);
      assert.equal(store.get("a", "k0")!.revision, past[0]!.revision);
      await renewed(clock, store, said);
      assert.match(said[0]!, /deleted while it was open; it was written anew from memory\.$/);
      assert.deepEqual(await store.history("a", "k0"), past);
      assert.equal((await store.history("a", "k1"))[0]!.value, undefined);
      // A request that was done before is not done again.
      await assert.rejects(write(store, "another", "r29"), { code: "invalid_request" });
      const { revision } = store.status();
      assert.equal((await write(store, "after")).revision, revision + 1);
      assert.equal((await store.history("a", "k0")).length, 4);
    });
  });
}

Deno.test("lasting disk - its log is cut short: nothing is acknowledged any more, then it is there anew", async () => {
  await withStore(async ({ store, path, clock, said }) => {
    const before = contentsOf(store);
    assert.equal(store.status().available, true);
    {
      // What a purge writes behind the cut would hide it.
      using kv = await Deno.openKv(path);
      await until("nothing is purged any more", async () => {
        for await (const _ of kv.list({ prefix: ["g"] })) return false;
        return true;
      });
    }
    Deno.truncateSync(`${path}-wal`, 0);
    assert.match(store.status().failure!, /was cut short/);
    await assert.rejects(write(store, "during"), /was cut short/);
    // How much of the past is left is not known.
    await renewed(clock, store, said);
    assert.deepEqual(contentsOf(store), before);
    await write(store, "after");
    for (const key of contentsOf(store).get("a")!.keys()) await store.history("a", key);
  });
});

Deno.test("lasting disk - another file in its place is left alone; moved away, there is a new one", async () => {
  await withStore(async ({ store, path, clock, said }) => {
    await Deno.rename(path, `${path}.mine`);
    await Deno.writeTextFile(path, "another");
    await assert.rejects(write(store, "during"), /deleted or replaced/);
    clock.advance(5000);
    await assert.rejects(write(store, "during"), /deleted or replaced/);
    assert.equal(await Deno.readTextFile(path), "another");
    await Deno.remove(path);
    await renewed(clock, store, said);
    await write(store, "after");
  });
});

Deno.test("lasting disk - what cannot be written anew is tried again", async () => {
  await withStore(async ({ store, path, clock, said }) => {
    // In the way of the new one.
    await Deno.mkdir(`${path}.building/in/the/way`, { recursive: true });
    await Deno.remove(path);
    clock.advance(1000);
    await until("it was tried", () => /cannot write/.test(store.status().failure ?? ""));
    await Deno.remove(`${path}.building`, { recursive: true });
    await renewed(clock, store, said);
  });
});
