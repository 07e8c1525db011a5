/** Every command and every example of the README is run. */

import assert from "node:assert/strict";
import project from "../deno.json" with { type: "json" };
import { Child, runToEnd } from "./helpers/child.ts";
import { interopTest } from "./helpers/python.ts";
import { devSettings, startProgram } from "./helpers/program.ts";
import { tempDir } from "./helpers/temp.ts";

const readme = await Deno.readTextFile(new URL("../README.md", import.meta.url));

/** The code blocks of one language. */
function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp("^```" + language + "\\n([\\s\\S]*?)^```", "gm"))]
    .map((match) => match[1]!);
}

const commands = blocks("sh").flatMap((block) => block.trim().split("\n"));

Deno.test("readme - its commands are the ones that are run here and by CI", () => {
  assert.deepEqual(commands, [
    "npx --yes deno@2.9.6 task dev",
    'npx --yes deno@2.9.6 task plantd-state state set --service="org.plantd.Client" foo bar',
    'npx --yes deno@2.9.6 task plantd-state state get --service="org.plantd.Client" foo',
    "npx --yes deno@2.9.6 task test",
  ]);
  assert.ok("test" in project.tasks);
});

Deno.test("readme - the two commands show it work, also after kill -9", async () => {
  // The task may write below the project only.
  const root = new URL("../", import.meta.url).pathname;
  await Deno.mkdir(`${root}/.plantd`, { recursive: true });
  const dir = await Deno.makeTempDir({ dir: `${root}/.plantd` });
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => Deno.remove(dir, { recursive: true }));
  const { args: [, config] } = await devSettings(dir);
  const env = { PLANTD_STATE_CONFIG: config! };
  const [devCommand, setCommand, getCommand] = commands.map((command) =>
    command.replace("npx --yes deno@2.9.6", `${Deno.execPath()} --quiet`)
  );
  const sh = (command: string) => runToEnd("sh", ["-c", command], { cwd: root, env });
  const whileDevRuns = async (body: () => Promise<void>) => {
    const dev = Child.start("sh", ["-c", `exec ${devCommand}`], { cwd: root, env });
    try {
      await dev.until("it listens", () => dev.stdout.includes("Ctrl-C stops it."), 20_000);
      await body();
    } finally {
      // `deno task` runs the program as its child, whose number is in the lock file.
      Deno.kill(Number(await Deno.readTextFile(`${dir}/state.db.lock`)), "SIGKILL");
      await dev.ended;
    }
  };
  await whileDevRuns(async () => {
    assert.match((await sh(setCommand!)).stdout, /^revision \d+\n$/);
    assert.equal((await sh(getCommand!)).stdout, "bar\n");
  });
  await whileDevRuns(async () => {
    assert.equal((await sh(getCommand!)).stdout, "bar\n");
  });
});

interopTest("readme - the Python examples work as they stand, one after the other", async () => {
  await using dir = await tempDir();
  const { args, broker, frontend } = await devSettings(dir.path);
  await using _program = await startProgram(["dev", ...args], { cwd: dir.path });
  const [ask, publish] = blocks("python").map((block) =>
    block.replace("tcp://127.0.0.1:11000", frontend).replace("tcp://127.0.0.1:9797", broker)
  );
  const python = (script: string) => runToEnd("/usr/bin/python3", ["-c", script]);
  assert.deepEqual(await python(ask!), { code: 0, stdout: "21.5\n", stderr: "" });
  const get = 'print(ask("get", service="org.plantd.Test", key="foo").get("value"))';
  const deadlineMs = performance.now() + 30_000;
  for (;;) {
    // The moment that it waits until somebody listens is too short on a machine that has much to do.
    assert.equal((await python(publish!)).code, 0);
    const { stdout } = await python(ask!.replace(/print.*/, get));
    if (stdout === "9\n") return;
    assert.ok(performance.now() < deadlineMs, `the last update did not arrive: ${stdout}`);
  }
});
