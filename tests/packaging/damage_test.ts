import assert from "node:assert/strict";
import { DENO_PATH } from "../../packaging/parts.ts";
import { hasTool } from "../helpers/tools.ts";
import { isThere } from "../../src/is_there.ts";
import { assertRefused, ELSEWHERE, Host, VERSION_SAID } from "./artifact.ts";
import { mount, mountTest } from "./mounts.ts";

Deno.test("damage - a file that was cut short or changed says so, and unpacks nothing", async () => {
  await using host = await Host.make();
  const whole = await Deno.readFile(host.file);
  const header = whole.indexOf(0);
  for (const length of [header + 1, whole.length - 1]) {
    await Deno.writeFile(host.file, whole.subarray(0, length));
    assertRefused(await host.run(["version"]), /is damaged/);
  }
  for (const at of [header + 100, whole.length >> 1]) {
    const flipped = whole.slice();
    flipped[at]! ^= 0x10;
    await Deno.writeFile(host.file, flipped);
    assertRefused(await host.run(["version"]), /is damaged/);
  }
  assert.deepEqual(host.unpacked(), []);
  await Deno.writeFile(host.file, whole);
  assert.deepEqual(await host.run(["version"]), VERSION_SAID);
});

Deno.test("damage - a file that ends in its script says so, whether unpacked before or not", async () => {
  await using host = await Host.make("without Deno");
  const whole = await Deno.readFile(host.file);
  const script = whole.indexOf(0x1f);
  // Before there are three lines that no shell could tell apart from a script that is whole.
  const lengths = Array.from({ length: 40 }, (_, i) => script - 3 - i * 211);
  assert.ok(lengths.at(-1)! > 250);
  for (let i = 0; i < 2; i += 1) {
    for (const length of lengths) {
      await Deno.writeFile(host.file, whole.subarray(0, length));
      assertRefused(await host.run(["version"]), /is damaged, it ends early/);
    }
    await Deno.writeFile(host.file, whole);
    assert.deepEqual(await host.run(["version"]), VERSION_SAID);
  }
});

Deno.test("damage - the file for another machine says which it is for", async () => {
  await using host = await Host.make(ELSEWHERE);
  assertRefused(await host.run(["version"]), /this file is for Linux \w+, this machine is Linux/);
  assert.equal(await isThere(host.cache), false);
});

mountTest(
  "damage - a directory programs must not run from is named, with what to set",
  async () => {
    await using host = await Host.make();
    await using noexec = mount(`${host.path}/noexec`, "noexec,mode=0700");
    const result = await host.run(["version"], { env: { PLANTD_STATE_CACHE: noexec.path } });
    assertRefused(result, /noexec.*set PLANTD_STATE_CACHE/);
    assert.ok(result.stderr.includes(noexec.path));
    assert.deepEqual(host.unpacked(noexec.path), []);
  },
);

Deno.test("damage - a host that lacks what unpacking needs is told so, and has all the README lists", async () => {
  await using host = await Host.make("without Deno");
  const bin = `${host.path}/bin`;
  await Deno.mkdir(bin);
  const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
  const [, every, first] = /\| every start: ([\w, ]+); the first also ([\w, ]+?) +\|/.exec(readme)!;
  const tools = `${every}, ${first}`.split(", ");
  for (const tool of tools) {
    const usr = `/usr/bin/${tool}`;
    await Deno.symlink(await isThere(usr) ? usr : `/bin/${tool}`, `${bin}/${tool}`);
  }
  const env = { PLANTD_STATE_CACHE: host.cache, PATH: bin };
  for (const missing of ["sleep", "sha256sum", "tar"]) {
    assert.ok(tools.includes(missing), missing);
    await Deno.rename(`${bin}/${missing}`, `${bin}/.${missing}`);
    const result = await host.run(["version"], { env });
    assertRefused(result, new RegExp(`this host lacks ${missing},`));
    await Deno.rename(`${bin}/.${missing}`, `${bin}/${missing}`);
  }
  assert.deepEqual(await host.run(["version"], { env }), VERSION_SAID);
});

/** Shells that end in their own ways where a program cannot be run; Debian's sh, and Red Hat's. */
const SHELLS = [["sh"], ["bash", "--posix"]].filter(([shell]) => hasTool(shell!));

mountTest("damage - unpacked where programs may no longer run, it says the same", async () => {
  await using host = await Host.make("without Deno");
  await using later = mount(`${host.path}/later`, "mode=0700");
  const env = { PLANTD_STATE_CACHE: later.path };
  assert.deepEqual(await host.run(["version"], { env }), VERSION_SAID);
  const remount = ["-o", "remount,noexec", later.path];
  assert.ok((await new Deno.Command("mount", { args: remount }).output()).success);
  for (const shell of SHELLS) {
    const result = await host.run(["version"], { env, file: [...shell, host.file] });
    assertRefused(result, /must not run from .*noexec.*set PLANTD_STATE_CACHE/);
  }
});

Deno.test("damage - what was unpacked and is no program any more is named, with code 70", async () => {
  await using host = await Host.make();
  assert.deepEqual(await host.run(["version"]), VERSION_SAID);
  {
    const path = `${host.cache}/${host.unpacked()[0]}/${DENO_PATH}`;
    using deno = await Deno.open(path, { write: true });
    await deno.write(new Uint8Array(4096));
  }
  for (const shell of SHELLS) {
    const { code, stderr } = await host.run(["version"], { file: [...shell, host.file] });
    assert.match(stderr, new RegExp(`${DENO_PATH}: .*format error`), "in the shell's own words");
    assert.equal(code, 70, shell.join(" "));
  }
});

mountTest("damage - a full disk is one line, and nothing is left on it", async () => {
  await using host = await Host.make();
  await using small = mount(`${host.path}/small`, "size=20m,mode=0700");
  const result = await host.run(["version"], { env: { PLANTD_STATE_CACHE: small.path } });
  assertRefused(result, /no space left in .*: 1\d\d MB are needed/);
  assert.deepEqual(host.unpacked(small.path), []);
});

mountTest(
  "damage - a directory that cannot be written is one line; unpacked before, it runs",
  async () => {
    await using host = await Host.make();
    await using readOnly = mount(`${host.path}/ro`, "ro,mode=0700");
    const at = (path: string) => ({ env: { PLANTD_STATE_CACHE: path } });
    assertRefused(await host.run(["version"], at(readOnly.path)), /cannot write to .*[Rr]ead-only/);
    const below = at(`${readOnly.path}/below`);
    assertRefused(await host.run(["version"], below), /cannot make a directory: .*[Rr]ead-only/);

    await using later = mount(`${host.path}/later`, "mode=0700");
    assert.deepEqual(await host.run(["version"], at(later.path)), VERSION_SAID);
    const remount = ["-o", "remount,ro", later.path];
    assert.ok((await new Deno.Command("mount", { args: remount }).output()).success);
    assert.deepEqual(await host.run(["version"], at(later.path)), VERSION_SAID);
  },
);
