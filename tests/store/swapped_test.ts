import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { openDenoKv } from "../../src/store/deno_kv.ts";
import { DurableStore } from "../../src/store/durable_store.ts";
import { openRecovering } from "../../src/store/recovery.ts";
import { structureFaults } from "../../src/store/sqlite_check.ts";
import { tempDir } from "../helpers/temp.ts";
import { contentsOf, set } from "./contract.ts";
import { problemsOf } from "./databases.ts";

const source = "test";
const LARGE = `${"1".repeat(60_000)}${"2".repeat(59_998)}`;

/** Two of everything that could be taken for one another. */
async function database(path: string): Promise<void> {
  await using store = new DurableStore(await openDenoKv({ path }));
  await store.commit({
    mutations: [set("a", "k", 1), set("a", "l", 2), set("b", "k", 3), set("b", "large", LARGE)],
    source,
  });
  for (const [scope, history] of [["a", 1], ["b", 2]] as const) {
    const settings = { history };
    await store.commit({ mutations: [{ kind: "configure-scope", scope, settings }], source });
  }
}

/** Has two records under keys of a kind change their places, without a fault that SQLite could find. */
function swap(path: string, kind: string, first: number, second: number): void {
  using database = new DatabaseSync(path);
  // A key of Deno KV begins with the type of its first part, a text, and that; so they sort as it does.
  const prefix = new Uint8Array([2, kind.charCodeAt(0), 0]);
  const rows = database.prepare("select k, v from kv where substr(k, 1, 3) = ? order by k")
    .all(prefix) as { k: Uint8Array; v: Uint8Array }[];
  const put = database.prepare("update kv set v = ? where k = ?");
  put.run(rows[first]!.v, rows[second]!.k);
  put.run(rows[second]!.v, rows[first]!.k);
}

for (
  const [what, kind, first, second, damaged] of [
    ["values of two keys", "e", 0, 1, 2],
    ["values of a key in two scopes", "e", 0, 2, 2],
    ["two scopes", "s", 0, 1, 2],
    ["options of two scopes", "o", 0, 1, 2],
    // They make one value.
    ["two pieces of a value", "v", 0, 1, 1],
  ] as const
) {
  Deno.test(`swapped records - ${what}: none is served, and it is told`, async () => {
    await using dir = await tempDir();
    const path = `${dir.path}/state.db`;
    await database(path);
    swap(path, kind, first, second);
    assert.deepEqual(structureFaults(path), []);
    const problems = await problemsOf(path);
    assert.ok(problems.length >= 2, problems.join());
    let text = "";
    const { loaded, notices } = await openRecovering({
      path,
      onDamage: "start",
      onRecovered: (told) => text = told,
    });
    await using store = new DurableStore(loaded);
    assert.match(text, new RegExp(`${damaged} records are not as they were written`));
    assert.equal(notices.all.length, 1);
    const told = new Map<string, readonly string[]>();
    for (const [scope, keys] of contentsOf(store)) {
      told.set(scope, [...keys].map(([key, value]) => `${key}=${value}`));
    }
    const wrong = [...told.get("a") ?? [], ...told.get("b") ?? []].filter((one) =>
      !["k=1", "l=2", "k=3", `large="${LARGE}"`].includes(one)
    );
    assert.deepEqual(wrong, []);
    const isOfA = (told.get("a") ?? []).every((one) => ["k=1", "l=2"].includes(one));
    const isOfB = (told.get("b") ?? []).every((one) => one !== "k=1" && one !== "l=2");
    assert.ok(isOfA && isOfB, JSON.stringify([...told].map(([scope, all]) => [scope, all.length])));
    for (const [scope, history] of [["a", 1], ["b", 2]] as const) {
      const settings = store.scopeSettings(scope);
      assert.ok(settings === undefined || settings.history === history);
    }
  });
}
