import assert from "node:assert/strict";
import { DurableStore } from "../../src/store/durable_store.ts";
import { openRecovering } from "../../src/store/recovery.ts";
import { tempDir } from "../helpers/temp.ts";
import { set } from "./contract.ts";

for (const what of ["missing", "damaged"]) {
  Deno.test(`recovery - ${what}, with a directory of backups that cannot be read: it starts and says so`, async () => {
    await using dir = await tempDir();
    const [path, backups] = [`${dir.path}/state.db`, `${dir.path}/backups`];
    await Deno.writeTextFile(backups, "no directory");
    if (what === "damaged") await Deno.writeFile(path, new Uint8Array(8192), { mode: 0o600 });
    await assert.rejects(openRecovering({ path, onDamage: "refuse", backups }), {
      code: "database_damaged",
    });
    const { loaded, notices } = await openRecovering({ path, onDamage: "start", backups });
    await using store = new DurableStore(loaded);
    const said = notices.all.map(({ text }) => text).join("\n");
    assert.match(said, /backups were not looked at: cannot read .*backups: Not a directory/);
    await store.commit({ mutations: [set("a", "k", 1)], source: "test" });
    assert.equal(store.get("a", "k")!.value, "1");
  });
}
