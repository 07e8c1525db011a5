import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import project from "../../deno.json" with { type: "json" };
import { writeSums } from "../../packaging/artifacts.ts";
import { build, nameFor, reasonIn, type Ways } from "../../packaging/compile.ts";
import { licenses, packagesIn } from "../../packaging/licenses.ts";
import { parseOptions } from "../../packaging/options.ts";
import { bundle } from "../../packaging/bundle.ts";
import { addon, PACKAGES, ROOT } from "../../packaging/parts.ts";
import { tar } from "../../packaging/tar.ts";
import { TARGETS } from "../../packaging/targets.ts";
import { runToEnd } from "../helpers/child.ts";
import { tempDir } from "../helpers/temp.ts";
import { artifact, built, compile, ELSEWHERE, HERE } from "./artifact.ts";

const [X64] = TARGETS;
const utf8 = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("compile - wrong usage is code 2, with a suggestion", async () => {
  const cases: [string[], RegExp][] = [
    [["--targt=all"], /Did you mean `--target`/],
    [["--target=linux-x46"], /linux-x64/],
    [["--native", "--portable"], /--portable/],
    [["dist"], /dist/],
  ];
  for (const [args, expected] of cases) {
    const { code, stdout, stderr } = await compile(args);
    assert.deepEqual({ code, stdout }, { code: 2, stdout: "" }, stderr);
    assert.match(stderr, expected);
  }
});

Deno.test("compile - what plants have is built unless told otherwise", () => {
  const targets = (...args: string[]) => {
    const options = parseOptions(args);
    assert.ok(typeof options !== "number");
    return options.targets.map(({ name }) => name);
  };
  assert.deepEqual(targets(), ["linux-x64", "linux-arm64"]);
  assert.deepEqual(targets("--target=darwin-arm64", "-t", "linux-x64"), [
    "linux-x64",
    "darwin-arm64",
  ]);
  assert.deepEqual(targets("--target=all"), TARGETS.map(({ name }) => name));
  assert.deepEqual(parseOptions([]), { targets: TARGETS.slice(0, 2), way: "auto", output: "dist" });
});

Deno.test("compile - where there is no base runtime it says so in a line and goes the portable way", async () => {
  const said: string[] = [];
  const ways = (native: () => Promise<Uint8Array>): Ways => ({
    native,
    portable: () => Promise.resolve(utf8("portable")),
  });
  const refused = ways(() => Promise.reject(new Error(OFFLINE)));
  const say = (line: string) => said.push(line);
  assert.equal(text(await build(X64!, "auto", refused, say)), "portable");
  assert.deepEqual(said, [
    "linux-x64: portable, because error sending request for url (somewhere): client error " +
    "(Connect): dns error: no such name",
  ]);
  assert.equal(text(await build(X64!, "portable", refused, say)), "portable");
  await assert.rejects(build(X64!, "native", refused, say), /Setting up base binary/);
  const willing = ways(() => Promise.resolve(utf8("native")));
  assert.equal(text(await build(X64!, "auto", willing, say)), "native");
  assert.equal(said.length, 1);
});

/** What `deno compile` says without a network. */
const OFFLINE = `error: Writing deno compile executable to temporary file 'a.tmp-fa45'

Caused by:
    0: Setting up base binary.
    1: error sending request for url (somewhere): client error (Connect): dns error: no such name
    2: client error (Connect)
    3: dns error: no such name

Stack backtrace:
   0: <unknown>
`;

Deno.test("compile - the reason is one line, whatever was said", () => {
  assert.equal(reasonIn("DENORT_BIN x is not for linux-x64"), "DENORT_BIN x is not for linux-x64");
  assert.equal(reasonIn("\n first\nsecond"), "first");
  assert.equal(reasonIn(""), "");
});

Deno.test("compile - the artifacts, their names, sums and sizes", async () => {
  const directory = await built();
  const names = TARGETS.slice(0, 2).map(nameFor);
  assert.equal(names[0], `plantd-state-${project.version}-linux-x64`);
  const sums = await Deno.readTextFile(`${directory}/SHA256SUMS`);
  assert.deepEqual(sums.match(/\S+$/gm), names.toSorted());
  const check = await runToEnd("sha256sum", ["--check", "--strict", "SHA256SUMS"], {
    cwd: directory,
  });
  assert.equal(check.code, 0, check.stderr);
  for (const target of [HERE, ELSEWHERE]) {
    const { size, mode } = await Deno.stat(await artifact(target));
    assert.ok(size < 45e6, `${target}: ${size}`);
    assert.equal(mode! & 0o777, 0o755);
  }
});

Deno.test("compile - the same commit gives the same bytes, wherever it lies", async () => {
  await using copy = await tempDir();
  const sources = ["src", "packaging", "main.ts", "deno.json", "deno.lock", "LICENSE"];
  const args = ["-R", ...sources.map((name) => `${ROOT}${name}`), copy.path];
  assert.equal((await runToEnd("cp", args)).code, 0);
  await Deno.mkdir(`${copy.path}/dist`);
  await Deno.symlink(`${ROOT}dist/.fetched`, `${copy.path}/dist/.fetched`);
  const [, ...words] = project.tasks.compile.command.split(" ");
  const command = `umask 077; exec "$0" ${words.join(" ")} --portable --output=out`;
  const { code, stdout, stderr } = await runToEnd("/bin/sh", ["-c", command, Deno.execPath()], {
    cwd: copy.path,
    env: { TZ: "Asia/Tokyo" },
  });
  assert.equal(code, 0, stderr);
  const sums = await Deno.readTextFile(`${copy.path}/out/SHA256SUMS`);
  assert.equal(sums, await Deno.readTextFile(`${await built()}/SHA256SUMS`));
  for (const line of sums.trim().split("\n")) {
    const [sum, name] = line.split("  ");
    assert.match(stdout, new RegExp(`${name} .*\\bsha256:${sum}$`, "m"));
  }
});

Deno.test("compile - the bundle holds no path of this machine, and all licenses come along", async () => {
  const code = await bundle();
  const source = code.map(({ bytes }) => text(bytes)).join("\n");
  for (const place of [ROOT, PACKAGES, Deno.env.get("HOME") ?? ROOT, "node_modules"]) {
    assert.equal(source.includes(place), false, place);
  }
  const packages = packagesIn(source);
  for (const name of Object.keys(project.imports)) {
    const there = packages.some((found) => found.startsWith(`${name}/`));
    assert.equal(there, !["fast-check", "playwright-core"].includes(name), name);
  }
  const said = text((await licenses(code)).bytes);
  for (const words of ["Deno authors", "MPL-2.0", "Squirrel Chat"]) {
    assert.ok(said.includes(words), words);
  }
  for (const name of packages) {
    assert.ok(said.includes(`\n${name.replace(/\/([^/]+)$/, " $1")}: `), name);
  }
});

Deno.test("compile - every target gets its own addon and a manifest of just that one", async () => {
  const seen = new Set<string>();
  for (const target of TARGETS) {
    const [manifest, binary] = await addon(target);
    const entries = Object.entries(JSON.parse(text(manifest!.bytes)) as Record<string, string>);
    assert.equal(entries.length, 1);
    assert.equal(binary!.path, `build/${entries[0]![1]}`);
    assert.equal(JSON.parse(entries[0]![0]).arch, target.addonArch);
    seen.add(createHash("sha256").update(binary!.bytes).digest("hex"));
  }
  assert.equal(seen.size, TARGETS.length);
});

Deno.test("compile - archives are what tar reads, without owner and time", async () => {
  await using dir = await tempDir();
  const parts = [
    { path: "a/b.txt", mode: 0o644, bytes: utf8("b\n") },
    { path: "c", mode: 0o755, bytes: new Uint8Array(512).fill(0x63) },
    { path: "empty", mode: 0o644, bytes: new Uint8Array() },
  ];
  await Deno.writeFile(`${dir.path}/x.tar`, tar(parts));
  const list = await runToEnd("tar", ["--numeric-owner", "--utc", "-tvf", `${dir.path}/x.tar`]);
  assert.deepEqual(
    list.stdout.trim().split("\n").map((line) => line.split(/\s+/).join(" ")),
    [
      "-rw-r--r-- 0/0 2 1970-01-01 00:00 a/b.txt",
      "-rwxr-xr-x 0/0 512 1970-01-01 00:00 c",
      "-rw-r--r-- 0/0 0 1970-01-01 00:00 empty",
    ],
    list.stderr,
  );
  const { stdout } = await runToEnd("tar", ["-xOf", `${dir.path}/x.tar`, "a/b.txt"]);
  assert.equal(stdout, "b\n");
  assert.throws(() => tar([{ ...parts[0]!, path: "x".repeat(101) }]), /at most 100 bytes/);
});

Deno.test("compile - SHA256SUMS lists what is there, by name, and no drafts", async () => {
  await using dir = await tempDir();
  for (const name of ["b", "a.deb", ".draft"]) {
    await Deno.writeTextFile(`${dir.path}/${name}`, name);
  }
  for (let i = 0; i < 2; i += 1) await writeSums(dir.path);
  const sum = (name: string) => createHash("sha256").update(name).digest("hex");
  assert.equal(
    await Deno.readTextFile(`${dir.path}/SHA256SUMS`),
    `${sum("a.deb")}  a.deb\n${sum("b")}  b\n`,
  );
});
