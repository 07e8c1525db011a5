import assert from "node:assert/strict";
import { Child, runToEnd } from "../helpers/child.ts";
import { hasTool, toolTest } from "../helpers/tools.ts";
import { isThere } from "../../src/is_there.ts";
import { assertRefused, Host, skip, VERSION_SAID } from "./artifact.ts";

/** A name as unpacked programs have, of a version that never was. */
const OTHER_VERSION = "0123456789abcdef".repeat(4);

const isRoot = Deno.uid() === 0;

Deno.test("cache - the first place that the environment names, for its owner alone", async () => {
  await using host = await Host.make("without Deno");
  const at = (name: string) => `${host.path}/${name}`;
  const places: [env: Record<string, string>, cache: string][] = [
    [{ PLANTD_STATE_CACHE: at("own"), CACHE_DIRECTORY: at("no"), HOME: at("no") }, at("own")],
    [{ CACHE_DIRECTORY: `${at("sd")}:${at("no")}`, HOME: at("no") }, at("sd")],
    [{ XDG_CACHE_HOME: at("xdg"), HOME: at("no") }, `${at("xdg")}/plantd-state`],
    [{ HOME: at("home"), TMPDIR: at("no") }, `${at("home")}/.cache/plantd-state`],
    [{ TMPDIR: at("tmp") }, `${at("tmp")}/plantd-state-${Deno.uid()}`],
  ];
  for (const [env, cache] of places) {
    assert.deepEqual(await host.run(["version"], { env }), VERSION_SAID);
    assert.match(host.unpacked(cache).join(" "), /^[0-9a-f]{64}$/);
    assert.equal((await Deno.stat(cache)).mode! & 0o777, 0o700);
  }
  assert.equal(await isThere(at("no")), false);
});

/** A test with a host that has run the program; skipped, loudly, where it needs root and nobody is. */
function hostTest(name: string, needsRoot: boolean, body: (host: Host) => Promise<void>): void {
  const ignore = needsRoot && !isRoot;
  if (ignore) skip("only root can give directories away", name);
  Deno.test({
    name,
    ignore,
    async fn() {
      await using host = await Host.make("without Deno");
      assert.deepEqual(await host.run(["version"]), VERSION_SAID);
      await body(host);
    },
  });
}

/** What makes a directory unfit, and what is said about it. */
const UNFIT: [name: string, spoil: (path: string) => Promise<void>, said: RegExp][] = [
  ["a symbolic link", async (path) => {
    await Deno.rename(path, `${path}.real`);
    await Deno.symlink(`${path}.real`, path);
  }, /is a symbolic link/],
  ["one its group can write", (path) => Deno.chmod(path, 0o770), /written by others/],
  ["one everybody can write", (path) => Deno.chmod(path, 0o1707), /written by others/],
  ["another user's", (path) => Deno.chown(path, 65534, 65534), /belongs to user 65534/],
  ["a file", async (path) => {
    await Deno.rename(path, `${path}.real`);
    await Deno.writeTextFile(path, "");
  }, /cannot be entered/],
];

for (const [name, spoil, said] of UNFIT) {
  const title = `cache - ${name} is refused at every start, and passed over where nobody named it`;
  hostTest(title, name === "another user's", async (host) => {
    await spoil(host.cache);
    assertRefused(await host.run(["version"]), said);
    const named = { CACHE_DIRECTORY: host.cache };
    assertRefused(await host.run(["version"], { env: named }), said);

    await Deno.mkdir(`${host.path}/xdg`);
    await Deno.rename(host.cache, `${host.path}/xdg/plantd-state`);
    const env = { XDG_CACHE_HOME: `${host.path}/xdg`, HOME: `${host.path}/home` };
    assert.deepEqual(await host.run(["version"], { env }), VERSION_SAID);
    assert.equal(host.unpacked(`${host.path}/home/.cache/plantd-state`).length, 1);
    const nowhere = { XDG_CACHE_HOME: `${host.path}/xdg`, TMPDIR: `${host.path}/plantd-state` };
    assertRefused(await host.run(["version"], { env: nowhere }), /set PLANTD_STATE_CACHE/);
  });
}

/** What makes an unpacked program unfit that was put there while others could write. */
const PLANTED: [name: string, spoil: (home: string) => Promise<void>, said: RegExp][] = [
  ["belongs to another user", (home) => Deno.chown(home, 65534, 65534), /belongs to user 65534/],
  ["everybody can write", (home) => Deno.chmod(home, 0o777), /can be written by others/],
  ["lies elsewhere", async (home) => {
    await Deno.rename(home, `${home}.real`);
    await Deno.symlink(`${home}.real`, home);
  }, /is a symbolic link/],
  ["is a file", async (home) => {
    await Deno.rename(home, `${home}.real`);
    await Deno.writeTextFile(home, "");
  }, /is not a directory/],
];

for (const [name, spoil, said] of PLANTED) {
  const title = `cache - an unpacked program that ${name} is not run`;
  hostTest(title, name === "belongs to another user", async (host) => {
    const home = `${host.cache}/${host.unpacked()[0]}`;
    await spoil(home);
    const result = await host.run(["version"]);
    assertRefused(result, said);
    assert.ok(result.stderr.includes(home));
    await Deno.remove(home, { recursive: true });
    assert.deepEqual(await host.run(["version"]), VERSION_SAID);
  });
}

Deno.test("cache - how ls is set up in the environment does not matter", async () => {
  await using host = await Host.make("without Deno");
  for (const style of ["c", "shell-always"]) {
    const env = { PLANTD_STATE_CACHE: host.cache, QUOTING_STYLE: style };
    assert.deepEqual(await host.run(["version"], { env }), VERSION_SAID);
  }
});

Deno.test("cache - a relative path is refused", async () => {
  await using host = await Host.make("without Deno");
  const env = { PLANTD_STATE_CACHE: "cache" };
  assertRefused(await host.run(["version"], { env }), /'cache' is not an absolute path/);
});

Deno.test("cache - eight first starts at once all work and leave one copy", async () => {
  await using host = await Host.make();
  const starts = Array.from({ length: 8 }, () => host.run(["version"]));
  for (const result of await Promise.all(starts)) assert.deepEqual(result, VERSION_SAID);
  assert.match(host.unpacked().join(" "), /^[0-9a-f]{64}$/);
});

const inContainer = ["unshare", "--map-root-user", "--pid", "--fork"];
const mayContain = hasTool("unshare") &&
  (await runToEnd(inContainer[0]!, [...inContainer.slice(1), "true"])).code === 0;
toolTest(
  mayContain ? [] : ["process namespaces (unshare)"],
  "cache - a first start as the first process of a container can be stopped, and leaves no half",
  async () => {
    await using host = await Host.make();
    await using child = host.start(["version"], { file: [...inContainer, host.file] });
    await child.until(
      "it unpacks",
      async () =>
        await isThere(host.cache) && host.unpacked().some((name) => name.startsWith(".tmp.")),
    );
    const children = `/proc/${child.pid}/task/${child.pid}/children`;
    const { stdout: pid } = await runToEnd("/bin/cat", [children]);
    Deno.kill(Number(pid), "SIGTERM");
    assert.equal((await child.ended).code, 143);
    assert.deepEqual(host.unpacked().filter((name) => name.startsWith(".tmp.")), []);
    assert.deepEqual(await host.run(["version"]), VERSION_SAID);
  },
);

Deno.test("cache - other versions and left-overs go, what is in use or not ours stays", async () => {
  await using host = await Host.make("without Deno");
  // Waits with its process id taken until the other one, which looks busy unpacking, has a higher one.
  const variables = `PATH=/usr/bin:/bin PLANTD_STATE_CACHE='${host.cache}'`;
  const command = `read -r go && exec env -i ${variables} '${host.file}' version`;
  await using late = Child.start("/bin/sh", ["-c", command]);
  await using busy = Child.start("/bin/cat", []);
  const { stdout: dead } = await runToEnd("/bin/sh", ["-c", "echo $$"]);
  const kept = [`.tmp.${busy.pid}.${await startOf(busy.pid)}`, ".tmp.x.0", "notes", "abc"];
  const gone = [`.tmp.${dead.trim()}.0`, `.tmp.${busy.pid}.1`, OTHER_VERSION];
  for (const name of [...kept, ...gone]) {
    await Deno.mkdir(`${host.cache}/${name}/bin`, { recursive: true });
  }
  await Deno.chmod(host.cache, 0o755);
  await late.write("go\n");
  assert.equal((await late.ended).code, 0, late.stderr);
  const [own, ...others] = host.unpacked().filter((name) => !kept.includes(name));
  assert.match(own!, /^[0-9a-f]{64}$/);
  assert.deepEqual(others, []);
  for (const name of kept) assert.ok(await isThere(`${host.cache}/${name}`), name);
});

Deno.test("cache - another version that still runs keeps its files until the next one is unpacked", async () => {
  await using host = await Host.make("without Deno");
  const other = `${host.cache}/${OTHER_VERSION}`;
  await Deno.mkdir(`${other}/bin`, { recursive: true });
  await Deno.chmod(host.cache, 0o700);
  await Deno.copyFile("/bin/sh", `${other}/bin/deno`);
  {
    await using running = Child.start(`${other}/bin/deno`, []);
    await running.write("echo up\n");
    await running.until("it runs", () => running.stdout === "up\n");
    assert.deepEqual(await host.run(["version"]), VERSION_SAID);
    assert.ok(await isThere(`${other}/bin/deno`));
  }
  const own = host.unpacked().filter((name) => name !== OTHER_VERSION);
  await Deno.remove(`${host.cache}/${own}`, { recursive: true });
  assert.deepEqual(await host.run(["version"]), VERSION_SAID);
  assert.deepEqual(host.unpacked(), own);
});

/** When a process started (field 22 of proc_pid_stat(5)). */
async function startOf(pid: number): Promise<string> {
  const { stdout } = await runToEnd("/usr/bin/cut", ["-d ", "-f22", `/proc/${pid}/stat`]);
  return stdout.trim();
}

Deno.test("cache - what a power cut left half written is unpacked once more", async () => {
  const damages: [what: string | undefined, damage: (home: string) => Promise<void>][] = [
    [undefined, (home) => Deno.truncate(`${home}/bin/deno`, 0)],
    ["without Deno", (home) => Deno.truncate(`${home}/lib/plantd-state.js`, 1)],
    ["without Deno", (home) => Deno.remove(`${home}/lib`, { recursive: true })],
    ["without Deno", (home) => Deno.remove(`${home}/bin/deno`)],
  ];
  for (const [what, damage] of damages) {
    await using host = await Host.make(what);
    assert.deepEqual(await host.run(["version"]), VERSION_SAID);
    const home = host.unpacked()[0]!;
    await damage(`${host.cache}/${home}`);
    assert.deepEqual(await host.run(["version"]), VERSION_SAID);
    assert.deepEqual(host.unpacked(), [home]);
    assert.deepEqual(await host.run(["version"]), VERSION_SAID);
  }
});

Deno.test("cache - later starts write next to nothing", async () => {
  await using host = await Host.make();
  await host.run(["version"]);
  const files = async () => {
    const { stdout } = await runToEnd("/usr/bin/find", [host.cache, "-printf", "%P %s\n"]);
    return stdout.split("\n").filter((line) => !/-(wal|shm) \d+$/.test(line)).sort();
  };
  await host.run(["version"]);
  const before = await files();
  for (let i = 0; i < 3; i += 1) assert.deepEqual(await host.run(["version"]), VERSION_SAID);
  assert.deepEqual(await files(), before);
});
