import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import project from "../../deno.json" with { type: "json" };
import { RUN_FLAGS } from "../../packaging/launch.ts";
import { SHUTDOWN_MS_MAX } from "../../src/limits.ts";
import { Child, runToEnd } from "../helpers/child.ts";
import { devSettings, Program } from "../helpers/program.ts";
import { tempDir } from "../helpers/temp.ts";
import { toolTest } from "../helpers/tools.ts";

const UNITS = ["plantd-state.service", "plantd-broker.service"];

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** A unit as it is in the tree. */
async function unit(name: string): Promise<string> {
  return await Deno.readTextFile(here(`../../packaging/${name}`));
}

/** All values of a setting, in order. */
function values(text: string, name: string): string[] {
  return [...text.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].map(([, value]) => value!);
}

/** The units in a directory, with a program that exists. */
async function withUnits(body: (paths: string[], dir: string) => Promise<void>): Promise<void> {
  await using dir = await tempDir();
  const stub = `${dir.path}/plantd-state`;
  await Deno.writeTextFile(stub, "#!/bin/sh\n", { mode: 0o755 });
  const paths = UNITS.map((name) => `${dir.path}/${name}`);
  for (const [i, path] of paths.entries()) {
    const text = await unit(UNITS[i]!);
    await Deno.writeTextFile(path, text.replaceAll("/usr/bin/plantd-state", stub));
  }
  await body(paths, dir.path);
}

toolTest(
  ["systemd-analyze"],
  "unit - systemd has nothing to say against either",
  () =>
    withUnits(async (paths) => {
      for (const path of paths) {
        const { code, stdout, stderr } = await runToEnd(
          "systemd-analyze",
          ["verify", "--man=no", path],
        );
        assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "", stderr: "" });
      }
    }),
);

toolTest(
  ["systemd-analyze"],
  "unit - what they expose is little, by systemd's own measure",
  () =>
    withUnits(async (paths) => {
      for (const path of paths) {
        // In tenths: what a service without any network or JIT could still win is no more than that.
        const { code, stdout, stderr } = await runToEnd(
          "systemd-analyze",
          ["security", "--offline=yes", "--threshold=20", "--no-pager", path],
        );
        // Before systemd 250 there is no looking at a unit that is not loaded.
        if (stderr.includes("unrecognized option")) return;
        assert.equal(code, 0, `${stdout}${stderr}`);
      }
    }),
);

Deno.test("unit - the database is in the unit's state directory, and systemd waits for us long enough", async () => {
  const text = await unit("plantd-state.service");
  const [directory] = values(text, "StateDirectory");
  assert.deepEqual(values(text, "Environment"), [
    "OTEL_EXPORTER_OTLP_TIMEOUT=1000",
    `PLANTD_STATE_DB=%S/${directory}/state.db`,
    `PLANTD_STATE_BACKUP_DIRECTORY=%S/${directory}/backups`,
  ]);
  assert.deepEqual(values(text, "StateDirectoryMode"), ["0700"]);
  for (const name of UNITS) {
    const text = await unit(name);
    assert.ok(Number(values(text, "TimeoutStopSec")[0]) * 1000 > 2 * SHUTDOWN_MS_MAX);
    assert.deepEqual(values(text, "Type"), ["notify"]);
    assert.deepEqual(values(text, "Restart"), ["always"]);
    assert.deepEqual(values(text, "StartLimitIntervalSec"), ["0"]);
    assert.deepEqual(values(text, "MemoryDenyWriteExecute"), ["no"]);
  }
});

Deno.test("unit - both units shut the same doors", async () => {
  const doors = (text: string) =>
    text.split("\n").filter((line) => /^(Pr|Res|Cap|Amb|No|Lock|Sys|Mem|Rem|Key|UM|Us)/.test(line));
  const [state, broker] = await Promise.all(UNITS.map(unit));
  assert.deepEqual(doors(broker!), doors(state!));
});

Deno.test("unit - the package's permissions hold what the task's do", () => {
  const task = project.tasks["plantd-state"].command.split(" ");
  const names = (words: readonly string[]) =>
    words.find((word) => word.startsWith("--allow-env="))!.split("=")[1]!.split(",");
  const allowed = names(RUN_FLAGS);
  assert.deepEqual(names(task).filter((name) => !allowed.includes(name)), []);
});

const SANDBOX = ["systemd-analyze", "python3", "setpriv"];

/** Runs `dev` from source behind system call filters, without a single capability. */
async function startBehind(filters: readonly string[], dir: string): Promise<Program> {
  const settings = await devSettings(dir);
  const task = project.tasks["plantd-state"].command.split(" ").slice(1, -1);
  const dev = [...task, here("../../main.ts"), "dev", ...settings.args];
  const isRoot = Deno.uid() === 0;
  const child = Child.start("setpriv", [
    "--no-new-privs",
    ...(isRoot ? ["--inh-caps=-all", "--bounding-set=-all"] : []),
    "python3",
    here("sandbox.py"),
    "EPERM",
    ...filters,
    "--",
    Deno.execPath(),
    ...dev,
  ], { cwd: dir });
  return new Program(child, settings.healthPort);
}

toolTest(
  SANDBOX,
  "unit - everything works behind the unit's system call filter, without capabilities",
  async () => {
    const text = await unit("plantd-state.service");
    assert.deepEqual(values(text, "SystemCallErrorNumber"), ["EPERM"]);
    await using dir = await tempDir();
    await using program = await startBehind(values(text, "SystemCallFilter"), dir.path);
    await program.untilHealthy();
    assert.equal((await program.stop()).code, 0);
  },
);

toolTest(
  SANDBOX,
  "unit - a filter that refused threads their scheduling would kill libzmq",
  async () => {
    await using dir = await tempDir();
    await using program = await startBehind(
      ["@system-service", "~@privileged @resources"],
      dir.path,
    );
    const { signal } = await program.child.ended;
    assert.equal(signal, "SIGABRT");
    assert.match(program.stderr, /Operation not permitted/);
  },
);
