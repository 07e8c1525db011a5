import assert from "node:assert/strict";
import { DurableStore } from "../../src/store/durable_store.ts";
import { type DenoKvOptions, openDenoKv } from "../../src/store/deno_kv.ts";
import { encodeRecords } from "../../src/store/deno_kv_encode.ts";
import { fillDenoKv } from "../../src/store/deno_kv_fill.ts";
import { encodeRecord } from "../../src/store/record.ts";
import type { BackupRecord } from "../../src/backup/format.ts";
import { JsonText } from "../../src/state/json.ts";
import type { Mutation } from "../../src/state/store.ts";
import { FakeClock } from "../helpers/clock.ts";
import { tempDir } from "../helpers/temp.ts";
import { systemClock } from "../../src/clock.ts";
import { set, type StorePlace, testStoreContract } from "./contract.ts";
import { open, problemsOf } from "./databases.ts";
import { testPastContract } from "./contract_past.ts";
import { text, until } from "../helpers/async.ts";
import { freePort } from "../helpers/ports.ts";
import { runProgram } from "../helpers/program.ts";

/** A place whose database is checked in the end. */
async function denoKvPlace(options: Partial<DenoKvOptions> = {}): Promise<StorePlace> {
  const dir = await tempDir();
  const path = `${dir.path}/state.db`;
  return {
    open: async (ofStore = {}) => {
      const { clock = systemClock } = ofStore;
      const loaded = await openDenoKv({ path, clock, ...options });
      return new DurableStore(loaded, ofStore);
    },
    [Symbol.asyncDispose]: async () => {
      const problems = await problemsOf(path);
      await dir[Symbol.asyncDispose]();
      assert.deepEqual(problems, []);
    },
  };
}

testStoreContract("deno kv store", () => denoKvPlace());
testPastContract("deno kv store", () => denoKvPlace());
// What is newer than its entry is settled with nearly every commit.
testStoreContract("deno kv store that settles", () => denoKvPlace({ unsettledMax: 2 }));
testPastContract("deno kv store that settles", () => denoKvPlace({ unsettledMax: 2 }));

const source = "test";

/** Number of records in the database under `prefix`; the store must be closed. */
async function countRecords(path: string, prefix: string): Promise<number> {
  const kv = await Deno.openKv(path);
  let count = 0;
  for await (const _ of kv.list({ prefix: [prefix] })) count += 1;
  kv.close();
  return count;
}

/** Runs crash_writer.ts on `path`, kills it once it has said `after`, and returns all it said. */
async function killWriter(
  path: string,
  mode: string,
  after: (said: string) => boolean,
): Promise<string> {
  const writer = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", "tests/store/crash_writer.ts", path, mode],
    cwd: new URL("../../", import.meta.url).pathname,
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let said = "";
  let killed = false;
  for await (const chunk of writer.stdout) {
    said += text(chunk);
    if (!killed && after(said)) {
      writer.kill("SIGKILL");
      killed = true;
    }
  }
  await writer.status;
  assert.ok(killed, "the writer ended by itself");
  return said;
}

Deno.test("deno kv store - files are for their owner alone", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/new/state.db`;
  await using store = await open(path);
  await store.commit({ mutations: [set("a", "k", 1)], source });
  assert.equal((await Deno.stat(`${dir.path}/new`)).mode! & 0o777, 0o700);
  for await (const { name } of Deno.readDir(`${dir.path}/new`)) {
    assert.equal((await Deno.stat(`${dir.path}/new/${name}`)).mode! & 0o777, 0o600, name);
  }
});

Deno.test("deno kv store - a second one on the same file gets a clear error, a third after it a store", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  const first = await open(path);
  await assert.rejects(open(path), (error: Error) => {
    assert.match(error.message, new RegExp(`state.db is in use by process ${Deno.pid}`));
    return true;
  });
  await first[Symbol.asyncDispose]();
  await using _again = await open(path);
});

Deno.test("deno kv store - another name of the file, and no lock file, are no way around the lock", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  await using store = await open(path);
  await Deno.symlink(path, `${dir.path}/symbolic.db`);
  await Deno.link(path, `${dir.path}/hard.db`);
  await Deno.remove(`${path}.lock`);
  for (const name of ["state.db", "symbolic.db", "hard.db"]) {
    // In a process of its own, as opening and closing here would release what SQLite has locked.
    const { code, stderr } = await runProgram(
      ["serve", `--db=${name}`, `--health-port=${freePort()}`],
      { cwd: dir.path },
    );
    assert.equal(code, 4, name);
    assert.match(stderr, new RegExp(`${name} is in use by`), name);
  }
  await store.commit({ mutations: [set("a", "k", 1)], source });
  assert.equal(store.get("a", "k")!.value, "1");
});

Deno.test("deno kv store - a pipe is no database, and nobody waits for it", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  assert.ok((await new Deno.Command("mkfifo", { args: [path] }).output()).success);
  await assert.rejects(open(path), { code: "database_unusable", message: /it is not a file/ });
});

Deno.test("deno kv store - deleted or replaced underneath: writes fail and say so, reads go on", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  // Nobody looks whether it is gone for good.
  await using store = new DurableStore(await openDenoKv({ path, clock: new FakeClock() }));
  await store.commit({ mutations: [set("a", "k", 1)], source });
  const refusal = { code: "storage_unavailable", message: /state\.db was deleted or replaced/ };
  const write = () => store.commit({ mutations: [set("a", "k", 2)], source });
  await Deno.rename(path, `${path}.aside`);
  await assert.rejects(write(), refusal);
  await Deno.writeTextFile(path, "another");
  await assert.rejects(write(), refusal);
  assert.equal(store.status().available, false);
  assert.match(store.status().failure!, /deleted or replaced/);
  assert.equal(store.get("a", "k")!.value, "1");
  await Deno.rename(`${path}.aside`, path);
  await write();
  assert.equal(store.get("a", "k")!.value, "2");
  assert.equal(store.status().available, true);
});

Deno.test("deno kv store - a file that is no database, and a directory, are named and left alone", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  await Deno.writeTextFile(path, "this is a text about furnaces\n".repeat(500));
  await assert.rejects(open(path), { code: "database_unusable", message: /state\.db/ });
  assert.match(await Deno.readTextFile(path), /^this is a text/);
  await assert.rejects(open(dir.path), { code: "database_unusable" });
});

Deno.test("deno kv store - a database of a newer format is refused", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  const kv = await Deno.openKv(path);
  await kv.set(["m"], encodeRecord({ format: 99, epoch: "e", revision: 1, nextScopeId: 1 }));
  kv.close();
  await assert.rejects(open(path), { code: "database_unusable", message: /format 99/ });
});

/** A database of an earlier format with the scope `a`, still open. */
async function earlier(path: string, format: number): Promise<Deno.Kv> {
  const kv = await Deno.openKv(path);
  await kv.set(["m"], encodeRecord({ format, epoch: "e", revision: 7, nextScopeId: 4 }));
  await kv.set(["s", "a"], encodeRecord({ id: 3, revision: 5 }));
  return kv;
}

Deno.test("deno kv store - a database of format 1 is read, and its keys have a past from then on", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  const kv = await earlier(path, 1);
  await kv.set(["e", 3, "k"], encodeRecord({ r: 7, c: 6, t: 1000, s: "bus" }, '"oof"'));
  kv.close();
  for (const value of [1, 2]) {
    await using store = await open(path);
    await store.commit({ mutations: [set("a", "k", value)], source });
  }
  await using store = await open(path);
  assert.equal(store.epoch, "e");
  const versions = await store.history("a", "k");
  assert.deepEqual(
    versions.map(({ revision, value }) => [revision, value]),
    [[9, "2"], [8, "1"], [7, '"oof"']],
  );
});

Deno.test("deno kv store - records of format 2 are read beside those that are written anew", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  const kv = await earlier(path, 2);
  await kv.set(["o", "a"], encodeRecord({ history: 5 }));
  for (const [key, of] of [["k", "inline"], ["l", undefined]] as const) {
    const header = { r: 7, t: 1000, s: "bus", ...(of ? {} : { v: ["id", 2] }) };
    await kv.set(["e", 3, key], encodeRecord(header, of ? JSON.stringify(of) : ""));
  }
  await kv.set(["v", "id", 0], encodeRecord(null, '"two '));
  await kv.set(["v", "id", 1], encodeRecord(null, 'pieces"'));
  kv.close();
  for (const value of [1, 2]) {
    await using store = await open(path);
    assert.equal(store.status().damaged, 0);
    assert.equal(store.get("a", "l")!.value, '"two pieces"');
    await store.commit({ mutations: [set("a", "k", value)], source });
  }
  await using store = await open(path);
  assert.deepEqual([store.epoch, store.scopeSettings("a")], ["e", { history: 5 }]);
  assert.deepEqual((await store.history("a", "k")).map(({ value }) => value), [
    "2",
    "1",
    '"inline"',
  ]);
});

Deno.test("deno kv store - paths that mean something else to Deno KV are files", async () => {
  await using dir = await tempDir();
  const cwd = Deno.cwd();
  Deno.chdir(dir.path);
  try {
    await using store = await open(":memory:");
    await store.commit({ mutations: [set("a", "k", 1)], source });
    assert.ok((await Deno.stat(`${dir.path}/:memory:`)).isFile);
  } finally {
    Deno.chdir(cwd);
  }
});

Deno.test("deno kv store - a damaged record is left out and counted, the rest is served", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  {
    await using store = await open(path);
    await store.commit({ mutations: [set("a", "k", 1), set("a", "l", 2)], source });
  }
  const kv = await Deno.openKv(path);
  const record = (await kv.get<Uint8Array>(["e", 1, "k"])).value!;
  record[record.length - 1]! ^= 1;
  await kv.set(["e", 1, "k"], record);
  kv.close();
  await using store = await open(path);
  assert.equal(store.get("a", "k"), undefined);
  assert.equal(store.get("a", "l")!.value, "2");
  assert.equal(store.status().damaged, 1);
});

Deno.test("deno kv store - without a readable meta record a new epoch begins behind the highest revision", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  let epoch: string;
  {
    await using store = await open(path);
    await store.commit({ mutations: [set("a", "k", 1)], source });
    await store.commit({ mutations: [set("b", "k", 1)], source });
    epoch = store.status().epoch;
  }
  const kv = await Deno.openKv(path);
  await kv.set(["m"], new Uint8Array([1, 2, 3]));
  kv.close();
  await using store = await open(path);
  assert.notEqual(store.status().epoch, epoch);
  await store.commit({ mutations: [set("c", "k", 1)], source });
  assert.deepEqual(store.scopes(), ["a", "b", "c"]);
  assert.equal(store.get("c", "k")!.revision, 3);
});

Deno.test("deno kv store - a commit behind its back by another writer is refused, not overwritten", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  await using store = await open(path);
  await store.commit({ mutations: [set("a", "k", 1)], source });
  const kv = await Deno.openKv(path);
  await kv.set(["m"], (await kv.get(["m"])).value);
  kv.close();
  await assert.rejects(store.commit({ mutations: [set("a", "k", 2)], source }), {
    code: "storage_unavailable",
    message: /another process/,
  });
  assert.equal(store.get("a", "k")!.value, "1");
  assert.equal(store.status().available, false);
});

Deno.test("deno kv store - replaced and deleted large values and scopes leave no rubbish", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  {
    await using store = await open(path);
    const large = (c: string) => c.repeat(200_000);
    await store.commit({ mutations: [set("a", "k", large("x"))], source });
    await store.commit({ mutations: [set("a", "k", large("y"))], source });
    await store.commit({ mutations: [set("a", "l", large("z"))], source });
    await store.commit({ mutations: [{ kind: "delete", scope: "a", key: "l" }], source });
    await store.commit({ mutations: [set("b", "k", large("x")), set("b", "l", 1)], source });
    await store.commit({ mutations: [{ kind: "delete-scope", scope: "b" }], source });
    await until("the garbage is purged", async () => {
      // A reader of its own: the lock is between stores, and the count is only looked at.
      return await countRecords(path, "g") === 0;
    });
  }
  assert.equal(await countRecords(path, "v"), 4 + 4 + 4, "a's k, what it was, and what l was");
  assert.equal(await countRecords(path, "e"), 1);
  assert.equal(await countRecords(path, "h"), 2);
  assert.equal(await countRecords(path, "d"), 1);
  assert.equal(await countRecords(path, "s"), 1);
});

Deno.test("deno kv store - a scope of the longest keys is purged, too", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  {
    await using store = await open(path);
    await Promise.all(
      Array.from(
        { length: 600 },
        (_, i) => store.commit({ mutations: [set("a", `${i}`.padEnd(1024, "k"), i)], source }),
      ),
    );
    await store.commit({ mutations: [{ kind: "delete-scope", scope: "a" }], source });
    await until("the garbage is purged", async () => await countRecords(path, "g") === 0);
  }
  assert.equal(await countRecords(path, "e"), 0);
});

Deno.test("deno kv store - a scope of 100,000 keys goes at once and its entries soon after", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  {
    await using store = await open(path);
    const value = new JsonText('"0123456789"');
    await Promise.all(Array.from({ length: 250 }, (_, i) =>
      store.commit({
        mutations: Array.from({ length: 400 }, (_, j) => (
          { kind: "set", scope: "big", key: `key${i * 400 + j}`, value, missingScope: "create" }
        )),
        source,
      })));
    assert.equal(store.status().keys, 100_000);
    await store.commit({ mutations: [set("small", "k", 1)], source });

    // In one turn of the event loop the scope is whole, in the next it is gone.
    const dropping = store.commit({ mutations: [{ kind: "delete-scope", scope: "big" }], source });
    while (store.hasScope("big")) {
      assert.equal(store.status().keys, 100_001);
      await new Promise((done) => setTimeout(done, 0));
    }
    assert.equal(store.status().keys, 1);
    await dropping;
    // A scope of the same name starts empty while the old one's entries are still on disk.
    await store.commit({ mutations: [set("big", "fresh", 1)], source });
    assert.deepEqual(store.listKeys("big", { limit: 10 }).names, ["fresh"]);
  }
  {
    await using again = await open(path);
    assert.deepEqual(again.listKeys("big", { limit: 10 }).names, ["fresh"]);
    await until(
      "the old entries are purged",
      async () => await countRecords(path, "g") === 0,
      60_000,
    );
  }
  assert.equal(await countRecords(path, "e"), 2);
});

Deno.test("deno kv store - killed while writing: every acknowledged write is there, every large value whole", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  for (let round = 1; round <= 5; round += 1) {
    const said = await killWriter(path, "write", (said) => said.split("\n").length > 60 * round);
    await using store = await open(path);
    const acknowledged = new Map(
      said.split("\n").slice(0, -1).map((line) => line.split(" ") as [string, string]),
    );
    assert.ok(acknowledged.size > 0);
    for (const [key, number] of acknowledged) {
      const stored = JSON.parse(store.get("crash", key)!.value) as { n: number; fill: string };
      assert.ok(stored.n >= Number(number), `${key}: ${stored.n} is older than ${number}`);
      assert.equal(stored.fill, "x".repeat(stored.fill.length));
      if (key === "large") assert.equal(stored.fill.length, 300_000);
    }
    assert.equal(store.status().damaged, 0);
  }
});

Deno.test("deno kv store - killed while deleting a large scope: it is there whole, or gone", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  let whole = 0;
  for (let round = 0; round < 6; round += 1) {
    await killWriter(path, "drop", (said) => said.includes(round % 2 === 0 ? "filled" : "dropped"));
    await using store = await open(path);
    if (store.hasScope("big")) {
      whole += 1;
      assert.equal(store.listKeys("big", { limit: 100_000 }).names.length, 20_000);
    } else {
      assert.equal(store.status().keys, 0);
    }
  }
  assert.ok(whole < 6);
});

Deno.test("deno kv store - what is no longer kept of the past goes from the disk, large values too", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  {
    await using store = await open(path);
    const settings = { history: 3 };
    await store.commit({ mutations: [{ kind: "configure-scope", scope: "a", settings }], source });
    for (let i = 0; i < 200; i += 1) {
      const value = i % 10 === 0 ? "x".repeat(70_000) : i;
      await store.commit({ mutations: [set("a", "k", value), set("a", "l", i)], source });
    }
    await store.commit({ mutations: [{ kind: "delete", scope: "a", key: "l" }], source });
    await until("the garbage is purged", async () => await countRecords(path, "g") === 0);
    assert.deepEqual((await store.history("a", "k")).map(({ value }) => value), [
      "199",
      "198",
      "197",
      "196",
    ]);
  }
  assert.equal(await countRecords(path, "v"), 0);
  assert.equal(await countRecords(path, "h"), 6);
  {
    await using store = await open(path);
    await store.commit({ mutations: [{ kind: "delete-scope", scope: "a" }], source });
    await until("the garbage is purged", async () => await countRecords(path, "g") === 0);
  }
  for (const prefix of ["e", "h", "d", "v", "s"]) assert.equal(await countRecords(path, prefix), 0);
  assert.equal(await countRecords(path, "o"), 1, "the options stay");
});

Deno.test("deno kv store - the largest changes there are, with a past to each key, are one commit", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  await using store = await open(path);
  const key = (prefix: string, i: number) => `${prefix}${i}`.padEnd(160, "k");
  const entries = (prefix: string, value: unknown) =>
    Array.from({ length: 400 }, (_, i) => set("a", key(prefix, i), value));
  const replace = (prefix: string, value: unknown): Mutation[] => {
    const sets = entries(prefix, value);
    const keys = new Set(sets.map((mutation) => (mutation as { key: string }).key));
    return [{ kind: "keep-only", scope: "a", keys }, ...sets];
  };
  await store.commit({ mutations: entries("a", "v".repeat(1500)), source });
  await store.commit({ mutations: entries("a", "w".repeat(2000)), source });
  for (const [i, prefix] of ["b", "a", "b", "a"].entries()) {
    const { revision } = await store.commit({
      mutations: replace(prefix, "x".repeat(1500 + i)),
      source,
      requestId: `r${i}`,
      note: "n".repeat(256),
    });
    assert.equal(revision, 3 + i);
    assert.equal(store.status().keys, 400);
  }
  const values = (await store.history("a", key("a", 399))).map(({ value }) => value?.length);
  assert.deepEqual(values, [1505, undefined, 1503, undefined, 2002, 1502]);
});

Deno.test("deno kv store - a change of 400 keys with the longest past there is is one commit", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  await using store = await open(path);
  const settings = { history: 100 };
  await store.commit({ mutations: [{ kind: "configure-scope", scope: "a", settings }], source });
  for (let round = 0; round < 105; round += 1) {
    await store.commit({
      mutations: Array.from(
        { length: 400 },
        (_, i) => set("a", `${i}`.padEnd(160, "k"), round < 100 ? round : "v".repeat(1200)),
      ),
      source,
    });
  }
  const past = await store.history("a", "7".padEnd(160, "k"));
  assert.deepEqual([past.length, past.at(-1)!.value], [101, "4"]);
});

Deno.test("deno kv store - a version that took another's place is not told as the earlier one", async () => {
  await using dir = await tempDir();
  const { disk, mirror, ...rest } = await openDenoKv({ path: `${dir.path}/state.db` });
  await using store = new DurableStore({ disk, mirror, ...rest });
  const settings = { history: 1 };
  await store.commit({ mutations: [{ kind: "configure-scope", scope: "a", settings }], source });
  for (const value of [1, 2, 3]) await store.commit({ mutations: [set("a", "k", value)], source });
  const [present, past] = await store.history("a", "k");
  assert.deepEqual([present?.value, past?.value], ["3", "2"]);
  // What somebody asks for who saw the key before the last change.
  const [number] = (store.get("a", "k") as { past?: readonly number[] }).past!;
  const of = { scopeId: mirror.scope("a")!.id, key: "k" };
  const told = async (asked: { scopeId: number; key: string; before: number }) =>
    (await disk.versions([number!], asked)).length;
  assert.equal(await told({ ...of, before: past!.revision }), 0);
  // Nor is one of another key, however it came there.
  assert.equal(await told({ ...of, before: present!.revision }), 1);
  assert.equal(await told({ ...of, key: "l", before: present!.revision }), 0);
  assert.equal(await told({ ...of, scopeId: of.scopeId + 1, before: present!.revision }), 0);
});

Deno.test("deno kv store - a start that takes long says once a second how far it is", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  const entry = { value: "1", revision: 1, created: 1, timeMs: 1, source };
  async function* records(): AsyncGenerator<BackupRecord> {
    yield await { kind: "scope", scope: "a", revision: 1 };
    for (let i = 0; i < 5500; i += 1) yield { kind: "entry", scope: "a", key: `k${i}`, entry };
  }
  await fillDenoKv(path, encodeRecords(records(), { epoch: "e", revision: 1 }));
  let nowMs = 0;
  const clock = { ...systemClock, monotonic: () => nowMs += 400 };
  const told: number[] = [];
  const { disk, mirror } = await openDenoKv({ path, clock, onProgress: (n) => told.push(n) });
  await disk.close();
  assert.equal(mirror.keyCount, 5500);
  // The clock is looked at after each thousand entries, and after the rest.
  assert.deepEqual(told, [3000, 5500]);
});
