import assert from "node:assert/strict";
import { openDenoKv } from "../../src/store/deno_kv.ts";
import { DurableStore } from "../../src/store/durable_store.ts";
import { runProgram } from "../helpers/program.ts";
import { tempDir } from "../helpers/temp.ts";
import { set } from "../store/contract.ts";

/** A database of two keys, one of whose records is not as it was written. */
async function damaged(path: string): Promise<void> {
  {
    await using store = new DurableStore(await openDenoKv({ path }));
    const mutations = [set("a", "whole", "good"), set("a", "spoiled", "marker")];
    await store.commit({ mutations, source: "test" });
  }
  const bytes = await Deno.readFile(path);
  const marker = new TextEncoder().encode("marker");
  // A value may lie in the file more than once: SQLite does not clean up after itself.
  for (let at = 0; at < bytes.length; at += 1) {
    if (marker.every((byte, i) => bytes[at + i] === byte)) bytes[at] = 0x4d;
  }
  await Deno.writeFile(path, bytes);
}

async function valuesIn(path: string): Promise<string[]> {
  await using store = new DurableStore(await openDenoKv({ path }));
  return [...store.view("a").entries].map(([key, { value }]) => `${key} ${value}`);
}

Deno.test("repair - check names what is damaged, and --repair saves the rest and lists what it could not", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  await damaged(path);
  const before = await Deno.readFile(path);
  const checked = await runProgram(["check", `--db=${path}`], { cwd: dir.path });
  assert.equal(checked.code, 1);
  assert.match(checked.stdout, /^key "spoiled" of scope "a" is damaged: the checksum/);
  const output = `${dir.path}/saved.db`;
  const repair = ["check", `--db=${path}`, `--repair=${output}`];
  const repaired = await runProgram(repair, { cwd: dir.path });
  assert.equal(repaired.code, 1);
  assert.match(repaired.stdout, /1 keys or scopes are lost/);
  assert.match(await Deno.readTextFile(`${output}.txt`), /^lost a "spoiled"$/m);
  assert.deepEqual(await valuesIn(output), ['whole "good"']);
  assert.deepEqual(await Deno.readFile(path), before, "the damaged one stays as it is");
  const again = await runProgram(repair, { cwd: dir.path });
  assert.equal(again.code, 4, "nothing is overwritten");
  const alone = await runProgram(["check", `--db=${path}`, "--repair"], { cwd: dir.path });
  assert.equal(alone.code, 2);
});

Deno.test("repair - recover puts a whole database in the place of a damaged one, and does no more", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/state.db`;
  await damaged(path);
  const recover = ["recover", `--db=${path}`];
  const recovered = await runProgram([...recover, "--json"], { cwd: dir.path });
  assert.equal(recovered.code, 0, recovered.stderr);
  const { text, report, ...rest } = JSON.parse(recovered.stdout);
  assert.match(text, /it was moved to .*\.bad-.*1 keys or scopes are lost/);
  assert.match(await Deno.readTextFile(report), /^lost a "spoiled"$/m);
  assert.deepEqual(rest, { recovered: true });
  assert.equal((await runProgram(["check", `--db=${path}`], { cwd: dir.path })).code, 0);
  const whole = await runProgram(recover, { cwd: dir.path });
  assert.deepEqual([whole.code, whole.stdout], [0, "the database is whole\n"]);
  const told = await runProgram([...recover, "--output=yaml"], { cwd: dir.path });
  assert.equal(told.stdout, "recovered: false\ntext: the database is whole\n");
  const names = (await Array.fromAsync(Deno.readDir(dir.path))).map(({ name }) => name);
  assert.equal(names.filter((name) => /\.bad-[^.]+$/.test(name)).length, 1);
  assert.deepEqual(await valuesIn(path), ['whole "good"']);
});
