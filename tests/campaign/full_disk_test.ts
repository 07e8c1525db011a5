import assert from "node:assert/strict";
import type { PlantdError } from "../../src/errors.ts";
import type { Mutation, Store } from "../../src/state/store.ts";
import { openDenoKv } from "../../src/store/deno_kv.ts";
import { DurableStore } from "../../src/store/durable_store.ts";
import { openRecovering } from "../../src/store/recovery.ts";
import { until } from "../helpers/async.ts";
import { contentsOf, set } from "../store/contract.ts";
import { diskTest } from "./small_disk.ts";

const source = "test";

async function outcome(store: Store, ...mutations: Mutation[]): Promise<string> {
  return await store.commit({ mutations, source })
    .then(() => "ok", (thrown: PlantdError) => thrown.code);
}

/** Leaves no room beside a file at `path`. */
async function fillDisk(path: string, blockBytes: number): Promise<void> {
  const file = await Deno.open(path, { write: true, create: true });
  const block = new Uint8Array(blockBytes);
  await (async () => {
    for (;;) await file.write(block);
  })().catch(() => file.close());
}

/** Sets keys `k0`, `k1`... until the disk is full, and returns how many there are. */
async function fill(store: Store): Promise<number> {
  for (let n = 0;; n += 1) {
    const code = await outcome(store, set("full", `k${n}`, "x".repeat(20_000)));
    if (code === "ok") continue;
    assert.equal(code, "storage_full");
    return n;
  }
}

await diskTest(
  "full disk - every key can be deleted, then writes go on, and a restart finds the same",
  async (dir) => {
    const path = `${dir}/state.db`;
    let contents: unknown;
    {
      await using store = new DurableStore(await openDenoKv({ path }));
      const keys = await fill(store);
      assert.ok(keys > 100, `${keys}`);
      // Together, so that those that free share a commit with those that do not.
      const codes = await Promise.all([
        outcome(store, { kind: "delete", scope: "full", key: "k0" }),
        outcome(store, set("full", "new", "x".repeat(20_000))),
      ]);
      assert.deepEqual(codes, ["ok", "storage_full"]);
      assert.equal(store.status().available, false);
      assert.equal(store.get("full", "k1")!.value.length, 20_002);
      for (let n = 1; n < keys; n += 1) {
        assert.equal(
          await outcome(store, { kind: "delete", scope: "full", key: `k${n}` }),
          "ok",
          `${n}`,
        );
      }
      assert.equal(await outcome(store, { kind: "delete-scope", scope: "full" }), "ok");
      contents = contentsOf(store);
    }
    await using store = new DurableStore(await openDenoKv({ path }));
    assert.deepEqual(contentsOf(store), contents);
    assert.equal(await outcome(store, set("after", "k", 1)), "ok");
    assert.equal(store.status().available, true);
  },
);

await diskTest(
  "full disk - filled by others: deletes go on, and writes do when there is space again",
  async (dir) => {
    await using store = new DurableStore(await openDenoKv({ path: `${dir}/state.db` }));
    for (let n = 0; n < 100; n += 1) await outcome(store, set("a", `k${n}`, n));
    await fillDisk(`${dir}/others`, 65_536);
    while (await outcome(store, set("a", "k", "x".repeat(1000))) === "ok");
    assert.equal(await outcome(store, { kind: "delete", scope: "a", key: "k1" }), "ok");
    assert.equal(await outcome(store, set("a", "more", "x".repeat(50_000))), "storage_full");
    assert.equal(store.status().available, false);
    await Deno.remove(`${dir}/others`);
    await until("it is well, though nobody writes", () => store.status().available);
    assert.equal(await outcome(store, set("a", "more", "x".repeat(50_000))), "ok");
  },
);

await diskTest(
  "full disk - a service that was stopped starts on it, serves, and deletes",
  async (dir) => {
    const path = `${dir}/state.db`;
    {
      await using store = new DurableStore(await openDenoKv({ path }));
      await fill(store);
    }
    await fillDisk(`${dir}/others`, 4096);
    await using store = new DurableStore(await openDenoKv({ path }));
    assert.equal(store.get("full", "k1")!.value.length, 20_002);
    assert.equal(await outcome(store, { kind: "delete", scope: "full", key: "k1" }), "ok");
  },
);

for (const what of ["whole", "record", "structure"] as const) {
  const title = what === "whole" ? "a whole database" : `damage to the ${what}`;
  await diskTest(
    `full disk - with ${title}, all that a start does finds its room in the reserve`,
    async (dir) => {
      const path = `${dir}/state.db`;
      {
        await using store = new DurableStore(await openDenoKv({ path }));
        for (let n = 0; n < 20; n += 1) {
          await outcome(store, set("a", `k${n}`, `${"x".repeat(3000)}${n}`));
        }
      }
      await damage(path, what);
      await fillDisk(`${dir}/others`, 4096);
      const { loaded, notices } = await openRecovering({ path, onDamage: "start" });
      await using store = new DurableStore(loaded);
      assert.equal(notices.all.length, what === "whole" ? 0 : 1);
      const keys = store.listKeys("a", { limit: 100 }).names;
      assert.ok(keys.length >= (what === "record" ? 19 : what === "whole" ? 20 : 1));
      assert.equal(await outcome(store, { kind: "delete", scope: "a", key: keys[0]! }), "ok");
    },
  );
}

const latin1 = new TextDecoder("latin1");

async function damage(path: string, what: "whole" | "record" | "structure"): Promise<void> {
  if (what === "whole") return;
  const bytes = await Deno.readFile(path);
  if (what === "structure") bytes.fill(0, 3 * 4096, 4 * 4096);
  else for (const { index } of latin1.decode(bytes).matchAll(/xxx7"/g)) bytes[index] = 0x79;
  await Deno.writeFile(path, bytes);
}

await diskTest(
  "full disk - with no reserve left a start serves what there is, and writes when there is space again",
  async (dir) => {
    const path = `${dir}/state.db`;
    {
      await using store = new DurableStore(await openDenoKv({ path, reserveBytes: 0 }));
      await outcome(store, set("a", "k", 1));
    }
    await Deno.remove(`${path}.lock`);
    await fillDisk(`${dir}/others`, 4096);
    const { loaded } = await openRecovering({ path, onDamage: "start", reserveBytes: 0 });
    await using store = new DurableStore(loaded);
    assert.equal(store.get("a", "k")?.value, "1");
    assert.equal(await outcome(store, set("a", "k", 2)), "storage_unavailable");
    assert.match(store.status().failure!, /No space left/);
    await Deno.remove(`${dir}/others`);
    await until("it is well", () => store.status().available);
    assert.equal(await outcome(store, set("a", "k", 2)), "ok");
  },
);
