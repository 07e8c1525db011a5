import assert from "node:assert/strict";
import type { Mutation, Store } from "../../src/state/store.ts";
import { openDenoKv } from "../../src/store/deno_kv.ts";
import { DurableStore } from "../../src/store/durable_store.ts";
import { openRecovering } from "../../src/store/recovery.ts";
import { parentOf } from "../../src/paths.ts";
import { until } from "../helpers/async.ts";
import { runToEnd } from "../helpers/child.ts";
import { tempDir } from "../helpers/temp.ts";
import { contentsOf, set } from "../store/contract.ts";
import { diskTest } from "./small_disk.ts";

const source = "test";
/** Where copies are made. */
const MEMORY = await (async () => {
  await using dir = await tempDir();
  return parentOf(dir.path);
})();

async function remount(dir: string, how: "ro" | "rw"): Promise<void> {
  const { code, stderr } = await runToEnd("mount", ["-o", `remount,${how}`, dir]);
  assert.equal(code, 0, stderr);
}

/** As the power left it: what was committed last is in the log alone. */
async function cutOff(dir: string): Promise<unknown> {
  await using elsewhere = await tempDir();
  const path = `${elsewhere.path}/state.db`;
  await using store = new DurableStore(await openDenoKv({ path }));
  for (const value of [1, 2, "x".repeat(150_000), 3]) {
    await store.commit({ mutations: [set("a", "k", value), set("b", "l", value)], source });
  }
  for (const end of ["", "-wal"]) await Deno.copyFile(`${path}${end}`, `${dir}/state.db${end}`);
  assert.ok((await Deno.stat(`${dir}/state.db-wal`)).size > 0);
  return contentsOf(store);
}

function copies(): string[] {
  return [...Deno.readDirSync(MEMORY)].map(({ name }) => name)
    .filter((name) => name.startsWith("plantd-state-copy-"));
}

async function outcome(store: Store, ...mutations: Mutation[]): Promise<string> {
  return await store.commit({ mutations, source }).then(() => "ok", ({ code }) => code);
}

await diskTest(
  "read-only - a start serves all there is, and writes as soon as the file system takes it",
  async (dir) => {
    const before = copies();
    const path = `${dir}/state.db`;
    const contents = await cutOff(dir);
    await remount(dir, "ro");
    const said: string[] = [];
    const open = () =>
      openRecovering({
        path,
        onDamage: "start",
        onUnwritable: (reason) => said.push(reason),
        onRegained: () => said.push("regained"),
      });
    {
      const { loaded } = await open();
      await using store = new DurableStore(loaded);
      assert.deepEqual(contentsOf(store), contents);
      const past = (await store.history("a", "k")).map(({ value }) => value?.length);
      assert.deepEqual(past, [1, 150_002, 1, 1]);
      assert.equal(await outcome(store, set("a", "k", 4)), "storage_unavailable");
      assert.equal(
        await outcome(store, { kind: "delete", scope: "a", key: "k" }),
        "storage_unavailable",
      );
      assert.match(store.status().failure!, /state\.db.*Read-only file system/);
      await remount(dir, "rw");
      await until("it is well", () => store.status().available);
      assert.deepEqual(contentsOf(store), contents);
      assert.deepEqual((await store.history("a", "k")).map(({ value }) => value?.length), past);
      assert.equal(await outcome(store, set("a", "k", 4)), "ok");
    }
    assert.match(said[0]!, /Read-only/);
    assert.deepEqual(said.slice(1), ["regained"]);
    assert.deepEqual(copies(), before, "the copy is gone");
    const { loaded } = await open();
    await using store = new DurableStore(loaded);
    assert.equal(store.get("a", "k")?.value, "4");
    assert.equal((await store.history("a", "k")).length, 5);
  },
);

await diskTest(
  "read-only - what a start that was killed has left in memory goes with the next one",
  async (dir) => {
    const before = copies();
    await cutOff(dir);
    const left = `${MEMORY}/plantd-state-copy-left`;
    await Deno.mkdir(left);
    await Deno.writeTextFile(`${left}/state.db`, "x");
    await Deno.utime(left, 1, 1);
    await remount(dir, "ro");
    const options = { path: `${dir}/state.db`, onDamage: "start" } as const;
    const first = await openRecovering(options);
    const second = await openRecovering(options);
    assert.equal(copies().length, before.length + 2, "one for each that runs");
    await first.loaded.disk.close();
    await second.loaded.disk.close();
    assert.deepEqual(copies(), before);
    await remount(dir, "rw");
  },
);

await diskTest("read-only - a damaged database, or none, is an error as before", async (dir) => {
  const options = { path: `${dir}/state.db`, onDamage: "start" } as const;
  await remount(dir, "ro");
  await assert.rejects(openRecovering(options), { code: "database_unusable" });
  await remount(dir, "rw");
  await Deno.writeFile(options.path, new Uint8Array(8192).fill(1));
  await remount(dir, "ro");
  await assert.rejects(openRecovering(options), { code: "database_unusable" });
  await remount(dir, "rw");
});
