import assert from "node:assert/strict";
import project from "../../deno.json" with { type: "json" };
import { bundle } from "../../packaging/bundle.ts";
import { PERMISSIONS } from "../../packaging/launch.ts";
import { checkBase, compileArguments, elfMachine, stage } from "../../packaging/native.ts";
import { addon, BUNDLE_PATH } from "../../packaging/parts.ts";
import { TARGETS } from "../../packaging/targets.ts";
import { runToEnd } from "../helpers/child.ts";
import { tempDir } from "../helpers/temp.ts";
import { compile, HERE, skip } from "./artifact.ts";

const target = TARGETS.find(({ name }) => name === HERE)!;

Deno.test("native - deno compile gets the bundle, one addon, its manifest and no more rights than needed", async () => {
  const parts = [...await bundle(), ...await addon(target)];
  const args = compileArguments(target, "/stage", parts, "/out/x");
  const included = args.filter((arg) => arg.startsWith("--include="));
  // Other files of the bundle, too: what is imported in the middle, deno compile does not see.
  const others = parts.slice(1).map(({ path }) => `--include=/stage/${path}`);
  assert.deepEqual(included, others);
  assert.equal(parts[0]!.path, BUNDLE_PATH);
  assert.equal(parts.filter(({ path }) => path.endsWith(".node")).length, 1);
  assert.ok(args.includes(`--target=${target.triple}`));
  assert.ok(args.includes("--output=/out/x"));
  assert.equal(args.at(-1), `/stage/${BUNDLE_PATH}`);
  const permissions = args.filter((arg) => /^-A|^--(allow|deny|no-prompt)/.test(arg));
  assert.deepEqual(permissions, PERMISSIONS);
  assert.equal(permissions.some((arg) => /^-A|^--allow-(all|import)/.test(arg)), false);
  // How much room there is, and nothing else of the system.
  assert.deepEqual(permissions.filter((arg) => arg.startsWith("--allow-sys")), [
    "--allow-sys=statfs",
  ]);
});

Deno.test("native - what deno compile gets is a whole program in any directory", async () => {
  await using dir = await tempDir();
  const parts = [...await bundle(), ...await addon(target)];
  await stage(dir.path, parts);
  const flags = compileArguments(target, dir.path, parts, "").filter((arg) =>
    /^--(allow|no-prompt|unstable|no-config|no-lock|no-remote|no-npm)/.test(arg)
  );
  const args = ["run", ...flags, `${dir.path}/${BUNDLE_PATH}`, "version"];
  const { stdout, stderr } = await runToEnd(Deno.execPath(), args, { cwd: dir.path });
  assert.equal(stdout, `${project.version}\n`, stderr);
});

Deno.test("native - a base runtime for another machine is refused, which deno compile would take", () => {
  const [x64, arm64, darwin] = TARGETS;
  checkBase("/base", x64!, x64!.elfMachine);
  checkBase("/base", darwin!, undefined);
  assert.throws(
    () => checkBase("/base", x64!, arm64!.elfMachine),
    /for linux-x64 but for linux-arm64/,
  );
  assert.throws(
    () => checkBase("/base", x64!, undefined),
    /DENORT_BIN \/base is not for linux-x64$/,
  );
});

Deno.test("native - the machine an ELF file is for", async () => {
  using file = await Deno.open(Deno.execPath());
  const head = new Uint8Array(20);
  await file.read(head);
  assert.equal(elfMachine(head), target.elfMachine);
  assert.equal(elfMachine(head.subarray(0, 19)), undefined);
  assert.equal(elfMachine(new TextEncoder().encode("#!/bin/sh\n# a script\n")), undefined);
});

// Deno's own executable is no base runtime, and what comes of it does not start as one. But
// `deno compile` takes it for one, and shows what it would put behind the real one.
Deno.test("native - what is put behind the base runtime is small, complete, and always the same", async () => {
  await using dir = await tempDir();
  const env = { DENORT_BIN: Deno.execPath() };
  const sums: string[] = [];
  for (const output of ["a", "b"]) {
    const args = ["--native", `--target=${HERE}`, `--output=${dir.path}/${output}`];
    const { code, stderr } = await compile(args, env);
    assert.equal(code, 0, stderr);
    sums.push(await Deno.readTextFile(`${dir.path}/${output}/SHA256SUMS`));
  }
  assert.equal(sums[0], sums[1]);
  const made = await Deno.readFile(`${dir.path}/a/plantd-state-${project.version}-${HERE}`);
  const added = made.subarray((await Deno.stat(Deno.execPath())).size);
  assert.ok(added.length < 8e6, `${added.length} bytes over the base runtime`);

  const { permissions, entrypoint_key, code_cache_key, unstable_config } = metadataIn(added);
  assert.deepEqual(unstable_config.features, ["kv"]);
  assert.deepEqual([entrypoint_key, code_cache_key], [BUNDLE_PATH, null]);
  assert.deepEqual(permissions.allow_sys, ["statfs"]);
  // For `state watch -- COMMAND`; every other command gives it up (tests/cli/watch_run_test.ts).
  assert.deepEqual(permissions.allow_run, []);
  assert.equal(permissions.prompt, false);
  const names = [...text(added).matchAll(/"File":\{"n":"([^"]+)"/g)].map(([, name]) => name).sort();
  const parts = [...await bundle(), ...await addon(target)];
  assert.deepEqual(names, parts.map(({ path }) => path.split("/").at(-1)).sort());
});

/** The metadata of an executable by `deno compile`. */
// deno-lint-ignore no-explicit-any
function metadataIn(bytes: Uint8Array): any {
  const json = /\{"argv":.*?"app_name":"[^"]*"\}/.exec(text(bytes))?.[0];
  return JSON.parse(json ?? "{}");
}

function text(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

const base = Deno.env.get("DENORT_BIN");
const title = "native - compiled with DENORT_BIN, alone in a directory, it is the whole program";
if (!base) skip("DENORT_BIN is not set, and no base runtime is fetched in tests", title);
Deno.test({
  name: title,
  ignore: !base,
  async fn() {
    await using dir = await tempDir();
    const sums: string[] = [];
    for (const output of ["a", "b"]) {
      const args = ["--native", `--target=${HERE}`, `--output=${dir.path}/${output}`];
      const { code, stderr } = await compile(args, { DENORT_BIN: base! });
      assert.equal(code, 0, stderr);
      sums.push(await Deno.readTextFile(`${dir.path}/${output}/SHA256SUMS`));
    }
    assert.equal(sums[0], sums[1]);
    const file = `${dir.path}/a/plantd-state-${project.version}-${HERE}`;
    await Deno.symlink(file, `${dir.path}/plant`);
    const run = (command: string, ...args: string[]) =>
      runToEnd("/usr/bin/env", ["-i", "PATH=/usr/bin:/bin", command, ...args], { cwd: dir.path });
    assert.equal((await run(file, "version")).stdout, `${project.version}\n`);
    assert.match((await run("./plant")).stdout, /^Usage: plant /m);
  },
});
