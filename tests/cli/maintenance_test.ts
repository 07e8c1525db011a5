import assert from "node:assert/strict";
import { BackupWriter } from "../../src/backup/writer.ts";
import { runToEnd } from "../helpers/child.ts";
import {
  devSettings,
  invocation,
  runProgram,
  startProgram,
  writeConfig,
} from "../helpers/program.ts";
import { tempDir } from "../helpers/temp.ts";
import { toolTest } from "../helpers/tools.ts";

type Run = (...args: string[]) => Promise<{ code: number; stdout: string; stderr: string }>;

Deno.test("maintenance - backup, verify, diff, restore and check, end to end", async () => {
  await using dir = await tempDir();
  const file = (name: string) => `${dir.path}/${name}`;
  const { args, broker } = await devSettings(dir.path);
  const run: Run = (...args) => runProgram(args, { cwd: dir.path });
  const state: Run = (operation, ...rest) =>
    run("state", operation!, `--endpoint=${broker}`, ...rest);
  const db = `--db=${file("state.db")}`;
  {
    await using program = await startProgram(["dev", ...args], { cwd: dir.path });
    await state("set", "--service=a", "t", "20.5", "--json-value");
    await state("set", "--service=a", "t", "21", "--json-value");
    await state("set", "--service=a", "gone", "x");
    await state("delete", "--service=a", "gone");
    await state("set", "--service=b", "é", "y");
    const made = await run("backup", file("one"), `--endpoint=${broker}`);
    assert.deepEqual([made.code, made.stderr], [0, ""]);
    assert.match(made.stdout, /^2 keys in 2 scopes and 3 earlier versions, as of revision/);
    await state("set", "--service=a", "t", "21.005", "--json-value");
    await state("set", "--service=c", "k", "z");
    assert.equal((await run("backup", file("two"), `--endpoint=${broker}`)).code, 0);
    const refused = await run("restore", file("one"), db);
    assert.equal(refused.code, 4);
    assert.match(refused.stderr, /in use by process/);
    await program.stop();
  }
  const text = await Deno.readTextFile(file("one"));
  assert.match(text, /^\{"scope":"a","key":"t","value":21,"revision":/m);
  assert.match(text, /^\{"scope":"a","key":"t","was":20.5,"revision":/m);
  assert.match(text, /^\{"scope":"a","key":"gone","deleted":true,"revision":/m);
  assert.equal((await run("verify", file("one"))).code, 0);
  assert.deepEqual(await run("diff", file("one"), file("one")), noOutput(0));
  assert.deepEqual(await run("diff", file("one"), file("two")), {
    code: 1,
    stdout: '- a "t" 21\n+ a "t" 21.005\n+ c\n+ c "k" "z"\n',
    stderr: "",
  });
  const within = await run("diff", "--tolerance=0.01", file("one"), file("two"));
  assert.equal(within.stdout, '+ c\n+ c "k" "z"\n');

  assert.equal((await run("check", db)).code, 0);
  assert.match(
    (await run("restore", file("one"), db, "--dry-run")).stdout,
    /^would restore 2 keys/,
  );
  assert.equal((await run("restore", file("one"), db, "--service=b")).code, 0);
  assert.equal((await run("backup", file("three"), db)).code, 0);
  assert.deepEqual(await run("diff", file("two"), file("three")), noOutput(0));
  const restored = await run("restore", file("one"), db);
  assert.equal(restored.code, 0);
  assert.match(
    restored.stdout,
    /^restored 2 keys in 2 scopes\nthe database before is now .*before-restore/,
  );
  assert.deepEqual(await run("check", db), {
    code: 0,
    stdout: "8 records, 2 scopes, 2 keys: no problems\n",
    stderr: "",
  });
  assert.equal((await run("backup", file("four"), db)).code, 0);
  const records = (text: string) => text.split("\n").slice(1, -2);
  assert.deepEqual(records(await Deno.readTextFile(file("four"))), records(text));
  const [first, second] = [text, await Deno.readTextFile(file("four"))].map((text) =>
    JSON.parse(text.split("\n")[0]!)
  );
  assert.notEqual(first.epoch, second.epoch);
  assert.ok(
    second.revision > first.revision,
    "revisions go on behind those of the database before",
  );
  {
    await using _program = await startProgram(["dev", ...args], { cwd: dir.path });
    assert.equal((await state("get", "--service=a", "t")).stdout, "21\n");
    assert.equal((await state("get", "--service=c", "k")).code, 1);
  }
});

function noOutput(code: number) {
  return { code, stdout: "", stderr: "" };
}

Deno.test("maintenance - a damaged backup is code 1, none at all code 4", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(`${dir.path}/bad`, '{"format":"plantd-state-backup"}\n');
  for (const command of ["verify", "restore"]) {
    const options = command === "restore" ? ["--db=x.db"] : [];
    const bad = await runProgram([command, "bad", ...options], { cwd: dir.path });
    assert.equal(bad.code, 1, bad.stderr);
    assert.match(bad.stderr, /^plantd-state: bad:1: /);
    assert.equal((await runProgram([command, "no", ...options], { cwd: dir.path })).code, 4);
  }
  assert.equal((await runProgram(["check", "--db=x.db"], { cwd: dir.path })).code, 4);
  const names = (await Array.fromAsync(Deno.readDir(dir.path))).map(({ name }) => name);
  assert.deepEqual(names, ["bad"]);
});

Deno.test("maintenance - a damaged database: the service starts, warns until acknowledged, and says so", async () => {
  await using dir = await tempDir();
  const backups = `${dir.path}/backups`;
  const settings = { backup: { directory: backups } };
  const { args, broker } = await devSettings(dir.path, settings);
  const run: Run = (...args) => runProgram(args, { cwd: dir.path });
  {
    await using program = await startProgram(["dev", ...args], { cwd: dir.path });
    await run("state", "set", `--endpoint=${broker}`, "k", "v");
    await run("backup", `${dir.path}/manual.backup`, `--endpoint=${broker}`);
    await program.stop();
  }
  await Deno.rename(`${dir.path}/manual.backup`, `${backups}/manual.backup`);
  const path = `${dir.path}/state.db`;
  const size = (await Deno.stat(path)).size;
  await Deno.writeFile(path, new Uint8Array(size));
  const refuse = await writeConfig(dir.path, "refuse.yml", {
    database: { path, "on-damage": "refuse" },
    backup: { directory: backups },
  });
  const refused = await run("serve", `--config=${refuse}`, "--health-port=0");
  assert.equal(refused.code, 4);
  assert.match(refused.stderr, /hint: run: plantd-state recover --db=.*state\.db --backups=/);
  assert.equal((await run("check", `--db=${path}`)).code, 1);
  assert.equal((await Deno.stat(path)).size, size);
  for (const start of ["damaged", "not acknowledged"]) {
    await using program = await startProgram(["dev", ...args], { cwd: dir.path });
    const { body } = (await program.health())!;
    assert.equal(body.status, "warn", start);
    assert.match(body.output!, /state\.db was damaged \(file is not a database\); it was moved to/);
    assert.equal((await run("state", "get", `--endpoint=${broker}`, "k")).stdout, "v\n");
    if (start === "damaged") {
      assert.ok(program.log.some(({ message }) => message.includes("was damaged")));
      await program.kill();
      continue;
    }
    const acknowledged = await run("acknowledge", `--endpoint=${broker}`);
    assert.match(acknowledged.stdout, /was damaged/);
    assert.equal((await program.health())!.body.status, "pass");
    await program.stop();
  }
  await using program = await startProgram(["dev", ...args], { cwd: dir.path });
  assert.equal((await program.health())!.body.status, "pass");
  const names = (await Array.fromAsync(Deno.readDir(dir.path))).map(({ name }) => name).sort();
  assert.equal(names.filter((name) => /^state\.db\.bad-.*Z$/.test(name)).length, 1);
  assert.equal(names.filter((name) => /^state\.db\.bad-.*\.txt$/.test(name)).length, 1);
});

toolTest(
  ["script"],
  "maintenance - on a terminal long work shows how far it is, and leaves nothing of it behind",
  async () => {
    await using dir = await tempDir();
    const file = `${dir.path}/one.backup`;
    const header = { epoch: "e", revision: 1, timeMs: 0, program: "0" };
    {
      await using writer = await BackupWriter.create(file, header);
      await writer.write({ kind: "scope", scope: "a", revision: 1 });
      await writer.finish();
    }
    for (
      const [args, drawn, said] of [
        [["restore", file, "--db=x.db"], "restoring [", "restored 0 keys in 1 scopes"],
        [["check", "--db=x.db"], "checking 0 records", "no problems"],
        [
          ["backup", "two.backup", "--db=x.db"],
          "backing up [##############################] 100%",
          "0 keys",
        ],
      ] as const
    ) {
      const [deno, words] = invocation(args);
      const command = [deno, ...words].map((word) => `'${word}'`).join(" ");
      const { code, stdout } = await runToEnd("script", ["-qec", command, "/dev/null"], {
        cwd: dir.path,
      });
      assert.equal(code, 0, stdout);
      const [bar = "", result = ""] = stdout.split("\r\x1b[K");
      assert.ok(bar.includes(drawn), stdout);
      assert.ok(result.includes(said), stdout);
    }
  },
);
