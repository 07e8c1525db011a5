import assert from "node:assert/strict";
import { DurableStore } from "../../src/store/durable_store.ts";
import { openRecovering } from "../../src/store/recovery.ts";
import { runToEnd } from "../helpers/child.ts";
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

Deno.test("recovery - the command that a refusal tells is one that a shell runs, in any directory", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/it's a/state.db`;
  await Deno.mkdir(`${dir.path}/it's a`);
  await Deno.writeFile(path, new Uint8Array(8192), { mode: 0o600 });
  const options = { path, onDamage: "refuse", backups: "my backups" } as const;
  const { hint } = await openRecovering(options).then(() => ({ hint: "" }), (thrown) => thrown);
  const command = /^run: plantd-state (.*)$/.exec(hint)![1]!;
  const words = await runToEnd("sh", ["-c", `printf '%s\\n' ${command}`]);
  assert.deepEqual(words.stdout.trim().split("\n"), [
    "recover",
    `--db=${path}`,
    `--backups=${Deno.cwd()}/my backups`,
  ]);
});
