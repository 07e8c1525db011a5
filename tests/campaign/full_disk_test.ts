import assert from "node:assert/strict";
import type { PlantdError } from "../../src/errors.ts";
import type { Mutation, Store } from "../../src/state/store.ts";
import { openDenoKv } from "../../src/store/deno_kv.ts";
import { DurableStore } from "../../src/store/durable_store.ts";
import { until } from "../helpers/async.ts";
import { runToEnd } from "../helpers/child.ts";
import { tempDir } from "../helpers/temp.ts";
import { contentsOf, set } from "../store/contract.ts";

const SMALL_DISK_BYTES = 32 * 1024 * 1024;

/** A test with a small file system of its own; skipped, loudly, where none may be mounted. */
async function diskTest(name: string, body: (dir: string) => Promise<void>): Promise<void> {
  const mount = async (dir: string) =>
    (await runToEnd("mount", ["-t", "tmpfs", "-o", `size=${SMALL_DISK_BYTES}`, "tmpfs", dir])
      .catch(() => ({ code: 1 }))).code === 0;
  await using trial = await tempDir();
  const ignore = !(await mount(trial.path));
  if (ignore) {
    const line = `SKIPPED: no file system may be mounted; it would have proved: ${name}\n`;
    Deno.stderr.writeSync(new TextEncoder().encode(line));
  } else {
    await runToEnd("umount", [trial.path]);
  }
  Deno.test({
    name,
    ignore,
    fn: async () => {
      await using dir = await tempDir();
      assert.ok(await mount(dir.path));
      try {
        await body(dir.path);
      } finally {
        await runToEnd("umount", [dir.path]);
      }
    },
  });
}

const source = "test";

async function outcome(store: Store, ...mutations: Mutation[]): Promise<string> {
  return await store.commit({ mutations, source })
    .then(() => "ok", (thrown: PlantdError) => thrown.code);
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
    const file = await Deno.open(`${dir}/others`, { write: true, create: true });
    const block = new Uint8Array(65_536);
    await (async () => {
      for (;;) await file.write(block);
    })().catch(() => file.close());
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
    const file = await Deno.open(`${dir}/others`, { write: true, create: true });
    const block = new Uint8Array(4096);
    await (async () => {
      for (;;) await file.write(block);
    })().catch(() => file.close());
    await using store = new DurableStore(await openDenoKv({ path }));
    assert.equal(store.get("full", "k1")!.value.length, 20_002);
    assert.equal(await outcome(store, { kind: "delete", scope: "full", key: "k1" }), "ok");
  },
);
