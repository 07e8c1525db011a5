import assert from "node:assert/strict";
import { restore } from "../../src/offline.ts";
import { openDenoKv } from "../../src/store/deno_kv.ts";
import { DurableStore } from "../../src/store/durable_store.ts";
import { tempDir } from "../helpers/temp.ts";
import { entry, scope, write } from "../backup/helpers.ts";

const KEYS = 4000;

for (const what of ["no database", "a damaged database"]) {
  Deno.test(`restore - two at once where there is ${what}: the second is refused, the first is whole`, async () => {
    await using dir = await tempDir();
    const path = `${dir.path}/state.db`;
    if (what !== "no database") await Deno.writeFile(path, new Uint8Array(8192), { mode: 0o600 });
    const keys = Array.from({ length: KEYS }, (_, i) => `k${String(i).padStart(6, "0")}`);
    const [first, second] = [`${dir.path}/1.backup`, `${dir.path}/2.backup`];
    await write(first, [scope("a"), ...keys.map((key) => entry("a", key, "first"))]);
    await write(second, [scope("a"), entry("a", "k", "second")]);
    let other: Promise<unknown> | undefined;
    await restore({
      database: path,
      backup: first,
      dryRun: false,
      // The new database is being filled.
      onProgress: (part) => {
        if (part > 0.3) other ??= restore({ database: path, backup: second, dryRun: false });
        other?.catch(() => {});
      },
    });
    await assert.rejects(other!, { code: "database_locked" });
    await using store = new DurableStore(await openDenoKv({ path }));
    const values = [...store.view("a").entries.values()].map(({ value }) => value);
    assert.equal(values.length, KEYS);
    assert.deepEqual(new Set(values), new Set(['"first"']));
  });
}
