import assert from "node:assert/strict";
import fc from "fast-check";
import { PlantdError } from "../../src/errors.ts";
import type { Change, Mutation, Transaction } from "../../src/state/store.ts";
import { openDenoKv } from "../../src/store/deno_kv.ts";
import { DurableStore } from "../../src/store/durable_store.ts";
import { until } from "../helpers/async.ts";
import { tempDir } from "../helpers/temp.ts";
import { DISK_FULL, FaultyDisk, faultyStore, memoryDisk } from "../state/helpers.ts";
import { contentsOf, set } from "./contract.ts";

const source = "test";

function one(...mutations: Mutation[]): Transaction {
  return { mutations, source };
}

const create = (scope: string): Mutation => ({ kind: "create-scope", scope });
const drop = (scope: string): Mutation => ({ kind: "delete-scope", scope });
const remove = (scope: string, key: string): Mutation => ({ kind: "delete", scope, key });

/** The codes that `promises` were refused with, "ok" for those that were not. */
async function outcomes(promises: Promise<unknown>[]): Promise<string[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((result) =>
    result.status === "fulfilled" ? "ok" : (result.reason as PlantdError).code
  );
}

/** A store in memory with a faulty disk; scope `a` has key `k`. */
async function setup() {
  const { store, disk, clock } = faultyStore(memoryDisk());
  await store.commit(one(set("a", "k", 1)));
  const changes: Change[] = [];
  store.watch((some) => void changes.push(...some));
  return { store, disk, clock, changes };
}

Deno.test("durable store - a failed commit fails all its callers, leaves mirror and watchers untouched", async () => {
  const { store, disk, changes } = await setup();
  const before = contentsOf(store);
  const status = store.status();
  disk.fault = DISK_FULL;
  const codes = await outcomes([
    store.commit(one(set("a", "k", 2))),
    store.commit(one(set("new", "x", 1))),
    store.commit(one(drop("a"))),
    store.commit(one(create("b"))),
  ]);
  assert.deepEqual(codes, ["storage_full", "storage_full", "storage_full", "storage_full"]);
  assert.deepEqual(contentsOf(store), before);
  assert.deepEqual(store.get("a", "k"), {
    value: "1",
    valueBytes: 1,
    revision: 1,
    created: 1,
    timeMs: Date.UTC(2026, 10, 23, 9),
    source,
  });
  assert.deepEqual(changes, []);
  assert.deepEqual(store.status(), {
    ...status,
    pending: 0,
    available: false,
    failure: "the disk is full; nothing was stored",
  });
});

Deno.test("durable store - after a failed commit the next one succeeds, with the next revision", async () => {
  const { store, disk, changes } = await setup();
  disk.fault = new Error("disk I/O error");
  assert.deepEqual(await outcomes([store.commit(one(set("a", "k", 2), create("b")))]), [
    "storage_unavailable",
  ]);
  disk.fault = undefined;
  const { revision } = await store.commit(one(set("a", "k", 3)));
  assert.equal(revision, 2);
  assert.deepEqual(changes.map(({ revision, value }) => [revision, value]), [[2, "3"]]);
  const { available, failure } = store.status();
  assert.deepEqual({ available, failure }, { available: true, failure: undefined });
  assert.equal((await store.commit(one(create("b")))).revision, 3);
});

Deno.test("durable store - it is told once that commits fail, and once that they succeed again", async () => {
  const loaded = memoryDisk();
  const disk = new FaultyDisk(loaded.disk);
  const told: (string | undefined)[] = [];
  const store = new DurableStore({ ...loaded, disk }, {
    onFailure: (failure) => told.push(failure),
  });
  for (const failure of [undefined, DISK_FULL, DISK_FULL, undefined, undefined]) {
    disk.fault = failure;
    await outcomes([store.commit(one(set("a", "k", told.length)))]);
  }
  assert.deepEqual(told, ["the disk is full; nothing was stored", undefined]);
});

Deno.test("durable store - a failed commit fails exactly those that were in it", async () => {
  const { store, disk } = await setup();
  const release = disk.hold();
  const first = [store.commit(one(set("a", "x", 1))), store.commit(one(set("a", "y", 1)))];
  await until("the first commit is under way", () => disk.writes === 2);
  // The disk fails while the second commit gathers behind the first.
  const second = [store.commit(one(set("a", "z", 1))), store.commit(one(create("b")))];
  disk.fault = DISK_FULL;
  const releaseSecond = disk.hold();
  assert.equal(store.status().pending, 4);
  assert.equal(store.get("a", "x"), undefined);
  release();
  assert.deepEqual(await outcomes(first), ["storage_full", "storage_full"]);
  disk.fault = undefined;
  releaseSecond();
  assert.deepEqual(await outcomes(second), ["ok", "ok"]);
  assert.deepEqual(store.listKeys("a", { limit: 9 }).names, ["k", "z"]);
  assert.equal(store.status().pending, 0);
  assert.equal(store.status().available, true);
});

Deno.test("durable store - a refusal that rests on a commit which failed is not told as a refusal", async () => {
  const { store, disk } = await setup();
  disk.fault = DISK_FULL;
  const codes = await outcomes([
    store.commit(one(create("b"))),
    store.commit(one(create("b"))), // There is no b: "exists already" would be a lie.
    store.commit(one(drop("a"))),
    store.commit(one(remove("a", "k"))), // There still is an a.
    store.commit(one(remove("b", "none"))), // Would be no change, in a scope that never came.
  ]);
  assert.deepEqual(codes, Array.from({ length: 5 }, () => "storage_full"));
  assert.deepEqual(store.scopes(), ["a"]);
});

Deno.test("durable store - a refusal on its own needs no disk, and does not say that it is back", async () => {
  const { store, disk } = await setup();
  disk.fault = DISK_FULL;
  await outcomes([store.commit(one(create("b")))]);
  const { writes } = disk;
  assert.deepEqual(
    await outcomes([
      store.commit(one(create("a"))),
      store.commit(one(drop("b"))),
      store.commit(one(remove("a", "none"))),
      store.commit(one()),
    ]),
    ["scope_exists", "scope_not_found", "ok", "ok"],
  );
  assert.equal(disk.writes, writes);
  assert.equal(store.status().available, false);
});

Deno.test("durable store - nothing is read, told or answered before it is on disk", async () => {
  const { store, disk, changes } = await setup();
  const release = disk.hold();
  let answered = false;
  const commit = store.commit(one(set("a", "k", 2))).then((committed) => {
    answered = true;
    // Readers and watchers have it by the time the caller is answered.
    assert.equal(store.get("a", "k")!.value, "2");
    assert.equal(changes.length, 1);
    return committed;
  });
  await until("the write has begun", () => disk.writes === 2);
  await new Promise((done) => setTimeout(done, 0));
  assert.deepEqual(
    [store.get("a", "k")!.value, changes.length, answered, store.status().revision],
    ["1", 0, false, 1],
  );
  release();
  assert.equal((await commit).revision, 2);
  assert.equal(store.status().revision, 2);
});

Deno.test("durable store - many writers share a few commits", async () => {
  const { store, disk } = await setup();
  await Promise.all(Array.from({ length: 500 }, (_, i) => store.commit(one(set("a", `${i}`, i)))));
  assert.equal(disk.writes, 2);
  assert.equal(store.status().revision, 501);
});

Deno.test("durable store - the time of a commit is that of all its entries", async () => {
  const { store, clock } = await setup();
  clock.advance(1234);
  const [first, second] = await Promise.all([
    store.commit(one(set("a", "x", 1))),
    store.commit(one(set("a", "y", 1))),
  ]);
  assert.equal(first!.timeMs, Date.UTC(2026, 10, 23, 9, 0, 1, 234));
  assert.equal(second!.timeMs, first!.timeMs);
  assert.equal(store.get("a", "y")!.timeMs, first!.timeMs);
});

Deno.test("durable store - what the disk says is in the error, its cause too", async () => {
  const { store, disk } = await setup();
  const cause = new TypeError("attempt to write a readonly database");
  disk.fault = cause;
  await assert.rejects(store.commit(one(create("b"))), {
    code: "storage_unavailable",
    message: "the database cannot be written: attempt to write a readonly database",
    cause,
  });
  const own = new PlantdError("storage_unavailable", "another process has written");
  disk.fault = own;
  await assert.rejects(store.commit(one(create("b"))), own);
});

Deno.test("durable store - closing lets commits finish and fail, refuses new ones, and is idempotent", async () => {
  const { store, disk } = await setup();
  const release = disk.hold();
  const first = store.commit(one(set("a", "x", 1)));
  await until("it is under way", () => disk.writes === 2);
  const second = store.commit(one(set("a", "y", 1)));
  const closed = [store[Symbol.asyncDispose](), store[Symbol.asyncDispose]()];
  const late = outcomes([store.commit(one(set("a", "z", 1)))]);
  assert.equal(store.status().available, false);
  assert.deepEqual(await late, ["storage_unavailable"]);
  release();
  await Promise.all(closed);
  assert.deepEqual(await outcomes([first, second]), ["ok", "ok"]);
});

Deno.test("durable store - a watcher that was ended hears nothing, the others go on", async () => {
  const { store, changes } = await setup();
  const heard: Change[] = [];
  const stop = store.watch((some) => void heard.push(...some));
  await store.commit(one(set("a", "x", 1)));
  stop();
  stop();
  await store.commit(one(set("a", "x", 2)));
  assert.equal(heard.length, 1);
  assert.equal(changes.length, 2);
});

Deno.test("durable store - whatever fails when: what was acknowledged is there, what was refused is not", async () => {
  const scope = fc.constantFrom("a", "b");
  const key = fc.constantFrom("k", "l");
  const mutation: fc.Arbitrary<Mutation> = fc.oneof(
    scope.map(create),
    scope.map(drop),
    fc.tuple(scope, key).map(([scope, key]) => remove(scope, key)),
    fc.tuple(scope, key, fc.nat(99)).map(([scope, key, n]) => set(scope, key, n)),
  );
  const rounds = fc.array(
    fc.record({
      fails: fc.boolean(),
      transactions: fc.array(fc.array(mutation, { minLength: 1, maxLength: 3 }), { maxLength: 4 }),
    }),
    { maxLength: 8 },
  );
  await fc.assert(
    fc.asyncProperty(rounds, async (rounds) => {
      const tested = faultyStore(memoryDisk());
      // Does the same without faults, and is asked only what the other one acknowledged.
      const model = new DurableStore(memoryDisk(), { clock: tested.clock });
      let told = 0;
      tested.store.watch((changes) => told += changes.length);
      let toldByModel = 0;
      model.watch((changes) => toldByModel += changes.length);
      for (const { fails, transactions } of rounds) {
        tested.disk.fault = fails ? DISK_FULL : undefined;
        const { writes } = tested.disk;
        const codes = await outcomes(
          transactions.map((mutations) => tested.store.commit({ mutations, source })),
        );
        if (fails && tested.disk.writes > writes) {
          for (const [i, code] of codes.entries()) {
            // What only takes away is tried again without the others, and may then be nothing to do.
            const takesAway = transactions[i]!.every(({ kind }) => kind.startsWith("delete"));
            const allowed = takesAway
              ? ["storage_full", "scope_not_found", "ok"]
              : ["storage_full"];
            assert.ok(allowed.includes(code), code);
          }
        } else {
          const expected = transactions.map((mutations) => model.commit({ mutations, source }));
          assert.deepEqual(codes, await outcomes(expected));
        }
        assert.deepEqual(contentsOf(tested.store), contentsOf(model));
        assert.equal(tested.store.status().revision, model.status().revision);
        assert.equal(told, toldByModel);
      }
    }),
    { numRuns: 300 },
  );
});

/** Commits all of `transactions` at once on a Deno KV database, and reads them back after a restart. */
async function commitOnDenoKv(transactions: readonly Transaction[]): Promise<void> {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  let contents: Map<string, Map<string, string>>;
  {
    await using store = new DurableStore(await openDenoKv({ path }));
    const codes = await outcomes(transactions.map((transaction) => store.commit(transaction)));
    assert.deepEqual(codes.filter((code) => code !== "ok"), [], store.status().failure);
    assert.equal(store.status().revision, transactions.length);
    contents = contentsOf(store);
  }
  await using again = new DurableStore(await openDenoKv({ path }));
  assert.deepEqual(contentsOf(again), contents);
}

Deno.test("durable store - commits stay within the records Deno KV takes, also when scopes come along", async () => {
  const single = Array.from({ length: 549 }, (_, i) => one(set("a", `${i}`, i)));
  const wide = Array.from({ length: 400 }, (_, i) => set(`scope${i}`, "k", i));
  const drops = Array.from({ length: 400 }, (_, i) => drop(`scope${i}`));
  await commitOnDenoKv([...single, one(...wide), ...single, one(...drops), one(...wide)]);
});

Deno.test("durable store - commits stay within the bytes of keys Deno KV takes", async () => {
  const key = (i: number) => `${i}`.padStart(1024, "k");
  const long = Array.from({ length: 500 }, (_, i) => one(set("a", key(i), i)));
  const many = Array.from(
    { length: 63 },
    (_, i) => set("s".repeat(255), key(i), "v".repeat(1000)),
  );
  const scopes = Array.from(
    { length: 255 },
    (_, i) => set(`${i}`.padStart(255, "s"), "k", "v".repeat(1000)),
  );
  await commitOnDenoKv([...long, one(...many), one(...scopes), ...long]);
});

Deno.test("durable store - commits stay within the bytes Deno KV takes, also with the longest source", async () => {
  const from = `mdp:${"ff".repeat(255)}`;
  const write = (keyBytes: number, valueBytes: number) =>
    Array.from({ length: 2000 }, (_, i) => ({
      mutations: [set("a", `${i}`.padStart(keyBytes, "k"), "v".repeat(valueBytes))],
      source: from,
    }));
  await commitOnDenoKv([...write(5, 1), ...write(20, 355), ...write(136, 697)]);
});

Deno.test("durable store - a change that no commit could hold is refused in words, and the store goes on", async () => {
  const { store, disk } = await setup();
  const { writes } = disk;
  const refused: [mutations: Mutation[], sentence: RegExp][] = [
    [Array.from({ length: 401 }, (_, i) => set("a", `${i}`, i)), /at most 400 keys, found 401/],
    [
      Array.from({ length: 65 }, (_, i) => set("a", `${i}`.padStart(1024, "k"), i)),
      /at most 65536 bytes of keys, found 66561/,
    ],
    [
      Array.from({ length: 300 }, (_, i) => create(`${i}`.padStart(255, "s"))),
      /at most 65536 bytes of keys, found 76500/,
    ],
  ];
  for (const [mutations, message] of refused) {
    await assert.rejects(store.commit(one(...mutations)), { code: "invalid_request", message });
  }
  assert.equal(disk.writes, writes);
  assert.equal(store.status().available, true);
  await store.commit(one(set("a", "k", 2)));
});
