import assert from "node:assert/strict";
import { DurableStore } from "../../src/store/durable_store.ts";
import { openRecovering } from "../../src/store/recovery.ts";
import { successorOf } from "../../src/store/replace.ts";
import { readWal } from "../../src/store/sqlite_wal.ts";
import { tempDir } from "../helpers/temp.ts";
import { set } from "./contract.ts";
import { backUp, open } from "./databases.ts";

const source = "test";

/** Everything that was ever written, and what is there now, by scope and key. */
interface Truth {
  readonly written: Map<string, Set<string>>;
  readonly last: Map<string, string>;
}

/** A xorshift generator: the campaign is the same each time. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function nameOf(scope: string, key: string): string {
  return `${scope}/${key}`;
}

/** Writes to a store: values of all sizes, in several versions, some deleted. */
async function write(store: DurableStore, truth: Truth, from: number, to: number): Promise<void> {
  const commits: Promise<unknown>[] = [];
  for (let i = from; i < to; i += 1) {
    const [scope, key] = [`s${i % 5}`, `key${i % 130}`];
    const value = { i, fill: "y".repeat(i % 101 === 0 ? 70_000 : i % 300) };
    const name = nameOf(scope, key);
    truth.written.set(name, (truth.written.get(name) ?? new Set()).add(JSON.stringify(value)));
    truth.last.set(name, JSON.stringify(value));
    commits.push(store.commit({ mutations: [set(scope, key, value)], source }));
    if (i % 40 !== 0) continue;
    truth.last.delete(name);
    commits.push(store.commit({ mutations: [{ kind: "delete", scope, key }], source }));
  }
  await Promise.all(commits);
}

/** Opens what is at `path`, and holds it against the truth. */
async function examine(path: string, truth: Truth, what: string, backups?: string): Promise<void> {
  let text = "";
  const { loaded, notices } = await openRecovering({
    path,
    onDamage: "start",
    backups,
    onRecovered: (said) => text = said,
  });
  await using store = new DurableStore(loaded);
  assert.equal(store.status().damaged, 0, what);
  const report = text === "" ? "" : await Deno.readTextFile(notices.all.at(-1)!.report);
  const told = new Set(
    report.split("\n").map((line) => line.replace(/^\w+ (\S+) "(.*)"$/, "$1/$2")),
  );
  const isOpen = /further keys may be missing/.test(text) || /may be there again/.test(text);
  const found = new Set<string>();
  for (const scope of store.scopes().filter((name) => !name.startsWith("recovered-"))) {
    for (const [key, { value }] of store.view(scope).entries) {
      const name = nameOf(scope, key);
      found.add(name);
      assert.ok(truth.written.get(name)?.has(value), `${what}: ${name} has what nobody wrote`);
      const isSaid = truth.last.get(name) === value || told.has(name) || isOpen;
      assert.ok(isSaid, `${what}: ${name} is old, and nobody says so`);
    }
  }
  for (const name of truth.last.keys()) {
    const isSaid = found.has(name) || told.has(name) || isOpen || /recovered-/.test(text);
    assert.ok(isSaid, `${what}: ${name} is missing, and nobody says so: ${text}`);
  }
  if (text === "") assert.equal(found.size, truth.last.size, what);
  // A good request in the end.
  const { revision } = store.status();
  const committed = await store.commit({ mutations: [set("s0", "after", 1)], source });
  assert.ok(committed.revision > revision);
}

/** Ways to spoil bytes at a place. */
const DAMAGES: Record<string, (bytes: Uint8Array, at: number, some: number) => Uint8Array> = {
  "a flipped bit": (bytes, at, some) => {
    bytes[at]! ^= 1 << (some % 8);
    return bytes;
  },
  "a page of zeros": (bytes, at) => bytes.fill(0, at - at % 4096, at - at % 4096 + 4096),
  "many zeros": (bytes, at, some) => bytes.fill(0, at, at + some),
  "random bytes": (bytes, at, some) => {
    const next = random(some + 1);
    for (let i = at; i < Math.min(at + 64, bytes.length); i += 1) bytes[i] = next(256);
    return bytes;
  },
  "a cut": (bytes, at) => bytes.subarray(0, at),
};

for (const withBackup of [false, true]) {
  const title = withBackup ? "with a backup" : "without a backup";
  Deno.test(`recovery - damage anywhere, ${title}: it starts, serves nothing that was not written, and says what it lost`, async () => {
    await using dir = await tempDir();
    const truth: Truth = { written: new Map(), last: new Map() };
    const backups = withBackup ? `${dir.path}/backups` : undefined;
    if (backups) await Deno.mkdir(backups);
    {
      await using store = await open(`${dir.path}/good.db`);
      await write(store, truth, 1, 900);
      if (backups) await backUp(store, `${backups}/x.backup`);
      await write(store, truth, 900, 1500);
    }
    const good = await Deno.readFile(`${dir.path}/good.db`);
    const next = random(withBackup ? 20261124 : 4711);
    for (let run = 0; run < 40; run += 1) {
      const [name, spoil] = Object.entries(DAMAGES)[run % Object.keys(DAMAGES).length]!;
      const at = run < 10 ? next(8192) : next(good.length);
      const path = `${dir.path}/${run}.db`;
      await Deno.writeFile(path, spoil(good.slice(), at, next(20_000)), { mode: 0o600 });
      await examine(path, truth, `${name} at byte ${at}`, backups);
    }
  });
}

Deno.test("recovery - the backup fills what is lost, and what is newer in the database stays", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  await Deno.mkdir(`${dir.path}/backups`);
  {
    await using store = await open(path);
    const big = "x".repeat(3000);
    for (let i = 0; i < 50; i += 1) {
      await store.commit({ mutations: [set("a", `k${i}`, `${big}${i}`)], source });
    }
    await backUp(store, `${dir.path}/backups/x.backup`);
    await store.commit({ mutations: [set("a", "new", 1)], source });
    await store.commit({ mutations: [{ kind: "delete", scope: "a", key: "k7" }], source });
  }
  const bytes = await Deno.readFile(path);
  const at = new TextDecoder("latin1").decode(bytes).indexOf('xxx31"') + 1;
  assert.ok(at > 0);
  bytes[at] = 0x79;
  await Deno.writeFile(path, bytes);
  const options = { path, onDamage: "start", backups: `${dir.path}/backups` } as const;
  const { loaded, notices } = await openRecovering(options);
  await using store = new DurableStore(loaded);
  assert.match(store.get("a", "k31")!.value, /^"x+31"$/);
  assert.equal(store.get("a", "new")!.value, "1");
  assert.equal(store.get("a", "k7"), undefined);
  assert.equal(store.status().keys, 50);
  const [notice] = notices.all;
  assert.match(notice!.text, /1 keys have the value of the backup, which may be old/);
  assert.match(await Deno.readTextFile(notice!.report), /^old a "k31"$/m);
});

Deno.test("recovery - a key that was altered, in the table or in its index, gets nobody's value", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  {
    await using store = await open(path);
    for (const key of ["furnace", "pump"]) {
      await store.commit({ mutations: [set("a", key, key)], source });
    }
  }
  const good = await Deno.readFile(path);
  const text = new TextDecoder("latin1").decode(good);
  // Once in the table and once in its index.
  const places = [...text.matchAll(/furnace\0/g)].map(({ index }) => index + 2);
  assert.equal(places.length, 2);
  for (const [i, at] of places.entries()) {
    const bytes = good.slice();
    bytes[at]! ^= 2;
    const copy = `${dir.path}/${i}.db`;
    await Deno.writeFile(copy, bytes);
    const { loaded, notices } = await openRecovering({ path: copy, onDamage: "start" });
    await using store = new DurableStore(loaded);
    assert.deepEqual(store.listKeys("a", { limit: 9 }).names, ["pump"]);
    assert.match(await Deno.readTextFile(notices.all[0]!.report), /^lost a "furnace"$/m);
  }
});

Deno.test("recovery - what is no damage is never moved aside", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  {
    await using store = await open(path);
    await store.commit({ mutations: [set("a", "k", 1)], source });
    await assert.rejects(openRecovering({ path, onDamage: "start" }), { code: "database_locked" });
  }
  const { encodeRecord } = await import("../../src/store/record.ts");
  const kv = await Deno.openKv(path);
  await kv.set(["m"], encodeRecord({ format: 99, epoch: "e", revision: 1, nextScopeId: 1 }));
  kv.close();
  const newer = { code: "database_unusable", message: /format 99/ };
  await assert.rejects(openRecovering({ path, onDamage: "start" }), newer);
  const bolt = new Uint8Array(8192);
  bolt.set([0xed, 0xda, 0x0c, 0xed], 16);
  await Deno.writeFile(`${dir.path}/bolt.db`, bolt);
  const other = { code: "database_unusable", message: /of another program/ };
  await assert.rejects(openRecovering({ path: `${dir.path}/bolt.db`, onDamage: "start" }), other);
  const names = (await Array.fromAsync(Deno.readDir(dir.path))).map(({ name }) => name).sort();
  assert.deepEqual(names, [
    "bolt.db",
    "bolt.db.lock",
    "state.db",
    "state.db.lock",
    "state.db.reserve",
  ]);
});

Deno.test("recovery - one that was interrupted is finished by the next start", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  for (const [name, value] of [["state.db", 1], ["other.db", 2]] as const) {
    await using store = await open(`${dir.path}/${name}`);
    await store.commit({ mutations: [set("a", "k", value)], source });
  }
  await Deno.rename(`${dir.path}/other.db`, successorOf(path));
  const { loaded } = await openRecovering({ path, onDamage: "start" });
  await using store = new DurableStore(loaded);
  assert.equal(store.get("a", "k")!.value, "2");
  const names = (await Array.fromAsync(Deno.readDir(dir.path))).map(({ name }) => name);
  assert.ok(names.some((name) => name.startsWith("state.db.old-")));
});

Deno.test("recovery - a write-ahead log that is damaged before its last commits is noticed", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  const copy = `${dir.path}/copy.db`;
  {
    await using store = await open(path);
    for (let i = 0; i < 20; i += 1) {
      await store.commit({ mutations: [set("a", `k${i}`, i)], source });
    }
    // As a crash would leave them.
    for (const end of ["", "-wal"]) await Deno.copyFile(`${path}${end}`, `${copy}${end}`);
  }
  const wal = await Deno.readFile(`${copy}-wal`);
  assert.equal(readWal(wal).commitsCut, 0);
  // An unfinished commit at the end is what a crash leaves: no damage.
  assert.equal(readWal(wal.subarray(0, wal.length - 100)).commitsCut, 0);
  wal[Math.floor(wal.length / 2)]! ^= 1;
  assert.ok(readWal(wal).commitsCut > 1);
  await Deno.writeFile(`${copy}-wal`, wal);
  const { loaded, notices } = await openRecovering({ path: copy, onDamage: "start" });
  await using store = new DurableStore(loaded);
  assert.match(notices.all[0]!.text, /the write-ahead log is damaged before its last \d+ commits/);
  assert.ok(store.status().keys >= 19, `${store.status().keys} keys`);
  assert.equal(store.get("a", "k19")!.value, "19");
});

Deno.test("recovery - pages lost in the middle of a log: what may be old is said to be, what is new stays", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  const copy = `${dir.path}/copy.db`;
  const replacement = `new${"er".repeat(200)}`;
  const put = (store: DurableStore, key: string, value: unknown) =>
    store.commit({ mutations: [set("a", key, value)], source });
  {
    // So many that the first and the last are on pages of their own, and in the file.
    await using store = await open(path);
    const fill = "x".repeat(200);
    await Promise.all(Array.from({ length: 300 }, (_, i) => put(store, `k${1000 + i}`, fill)));
  }
  {
    await using store = await open(path);
    // Too long to be a version at once: those lie together, and are in the log again with the next ones.
    await put(store, "k1000", replacement);
    for (let i = 0; i < 3; i += 1) await put(store, "k1299", i);
    await put(store, "z", 1);
    for (const end of ["", "-wal"]) await Deno.copyFile(`${path}${end}`, `${copy}${end}`);
  }
  const wal = await Deno.readFile(`${copy}-wal`);
  const at = new TextDecoder("latin1").decode(wal).indexOf('\n"new');
  assert.ok(at > 0);
  wal.fill(0, at & ~4095, (at & ~4095) + 4096);
  await Deno.writeFile(`${copy}-wal`, wal);
  const { loaded, notices } = await openRecovering({ path: copy, onDamage: "start" });
  await using store = new DurableStore(loaded);
  assert.doesNotMatch(store.get("a", "k1000")?.value ?? "", /new/);
  assert.equal(store.get("a", "k1299")!.value, "2");
  assert.equal(store.get("a", "z")!.value, "1");
  assert.match(notices.all[0]!.text, /values that were replaced.* may be there again/);
});

Deno.test("recovery - a file that is shorter than its log says is recovered", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  const copy = `${dir.path}/copy.db`;
  const large = "x".repeat(20_000);
  {
    await using store = await open(path);
    for (let i = 0; i < 10; i += 1) {
      await store.commit({ mutations: [set("a", `large${i}`, large)], source });
    }
  }
  {
    await using store = await open(path);
    await store.commit({ mutations: [set("a", "small", 1)], source });
    for (const end of ["", "-wal"]) await Deno.copyFile(`${path}${end}`, `${copy}${end}`);
  }
  const { size } = await Deno.stat(copy);
  await Deno.truncate(copy, size - 9000);
  const { loaded, notices } = await openRecovering({ path: copy, onDamage: "start" });
  await using store = new DurableStore(loaded);
  assert.equal(store.get("a", "small")!.value, "1");
  const there = Array.from({ length: 10 }, (_, i) => store.get("a", `large${i}`)).filter(Boolean);
  assert.ok(there.length < 10 && there.length > 5, `${there.length} are there`);
  assert.match(notices.all[0]!.text, /was damaged \(disk I\/O error\).* keys or scopes are lost/);
});

Deno.test("recovery - of a file whose structure takes long to prove that is said before", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  const sizes: number[] = [];
  const open = async () => {
    const onStructure = (bytes: number) => sizes.push(bytes);
    const { loaded } = await openRecovering({ path, onDamage: "refuse", onStructure });
    return new DurableStore(loaded);
  };
  {
    await using store = await open();
    await store.commit({ mutations: [set("a", "k", 1)], source: "test" });
  }
  {
    await using _small = await open();
  }
  assert.deepEqual(sizes, []);
  // A hole behind its pages, which SQLite leaves alone.
  const bytes = 300 * 1024 * 1024;
  await Deno.truncate(path, bytes);
  await using store = await open();
  assert.deepEqual(sizes, [bytes]);
  assert.equal(store.get("a", "k")!.value, "1");
});
