import assert from "node:assert/strict";
import { runToEnd } from "../helpers/child.ts";
import { devSettings } from "../helpers/program.ts";
import { toolTest } from "../helpers/tools.ts";
import { isThere } from "../../src/is_there.ts";
import { assertRefused, Host, type RunOptions, skip, VERSION_SAID } from "./artifact.ts";

/** A `dev` on free ports, and the same executable as its client. */
async function startDev(host: Host, options: RunOptions = {}) {
  const { args, broker, healthPort } = await devSettings(host.path);
  const child = host.start(["dev", ...args], options);
  await child.until("it says what to try", () => child.stdout.includes("Ctrl-C"));
  const state = (...words: string[]) =>
    host.run(["state", ...words, `--endpoint=${broker}`], options);
  return {
    child,
    state,
    healthPort,
    async [Symbol.asyncDispose]() {
      await child[Symbol.asyncDispose]();
    },
  };
}

Deno.test("portable - alone in a directory, with nothing but PATH, it is the whole program", async () => {
  await using host = await Host.make();
  assert.deepEqual(await host.run(["version"]), VERSION_SAID);
  {
    await using dev = await startDev(host);
    assert.deepEqual(await dev.state("set", "foo", "bar"), {
      code: 0,
      stdout: "revision 1\n",
      stderr: "",
    });
    await dev.child.kill();
  }
  await using dev = await startDev(host);
  assert.deepEqual(await dev.state("get", "foo"), { code: 0, stdout: "bar\n", stderr: "" });
  // Nothing came to be but what was asked for.
  const names = [...Deno.readDirSync(host.path)].map(({ name }) =>
    name.replace(/-(shm|wal)$/, "-*")
  );
  assert.deepEqual(
    [...new Set(names)].sort(),
    [
      "cache",
      "dev.yml",
      "plantd-state",
      "state.db",
      "state.db-*",
      "state.db.lock",
      "state.db.reserve",
    ],
  );
});

Deno.test("portable - arguments, exit codes and signals pass through", async () => {
  await using host = await Host.makeUsed();
  await using dev = await startDev(host);
  const awkward = `a "b" 'c' $HOME \`d\` \\e *\nf `;
  assert.equal((await dev.state("set", awkward, awkward)).code, 0);
  assert.equal((await dev.state("get", awkward)).stdout, `${awkward}\n`);
  assert.equal((await dev.state("set", "empty", "")).code, 0);
  assert.equal((await dev.state("get", "empty")).stdout, "\n");

  assert.equal((await dev.state("get", "missing")).code, 1);
  const wrong = await host.run(["stat", "get"]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /Did you mean `state`/);
  const silence = ["state", "get", "x", "--endpoint=tcp://127.0.0.1:9", "--timeout=100ms"];
  assert.equal((await host.run(silence)).code, 3);

  const startMs = performance.now();
  dev.child.signal("SIGTERM");
  assert.deepEqual(await dev.child.ended, { code: 0, signal: null });
  assert.ok(performance.now() - startMs < 2000);
});

Deno.test("portable - what dev says to try names the executable, and works", async () => {
  await using host = await Host.makeUsed();
  const file = `${host.path}/it's here`;
  await Deno.rename(host.file, file);
  await using dev = await startDev(host, { file });
  const tries = dev.child.stdout.split("\n").filter((line) => / state (set|get) /.test(line));
  assert.equal(tries.length, 2);
  for (const [i, expected] of ["revision 1\n", "bar\n"].entries()) {
    const env = { ...Deno.env.toObject(), PLANTD_STATE_CACHE: host.cache };
    const { stdout, stderr } = await runToEnd("/bin/sh", ["-c", tries[i]!], { env });
    assert.equal(stdout, expected, stderr);
  }
});

Deno.test("portable - a link named plant is the client", async () => {
  await using host = await Host.makeUsed();
  await Deno.mkdir(`${host.path}/bin`);
  await Deno.symlink("../plantd-state", `${host.path}/bin/plant`);
  const env = { PLANTD_STATE_CACHE: host.cache, PATH: `/usr/bin:/bin:${host.path}/bin` };
  for (const file of [`${host.path}/bin/plant`, "bin/plant", "plant"]) {
    const help = await host.run([], { env, file });
    assert.equal(help.code, 0, help.stderr);
    assert.match(help.stdout, /^Usage: plant /m);
    assert.doesNotMatch(help.stdout, /Usage: plantd-state/);
  }
  const wrong = await host.run(["state", "gett"], { env, file: "plant" });
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /^plant: .*\nhint: Did you mean `get`\?\n$/);
});

Deno.test("portable - how it is called does not matter", async () => {
  await using host = await Host.make("without Deno");
  await Deno.symlink("plantd-state", `${host.path}/link`);
  const ways = ["./plantd-state", "./link", ["sh", "plantd-state"], ["sh", "./link"]];
  for (const [i, file] of ways.entries()) {
    const env = { PLANTD_STATE_CACHE: `${host.path}/cache${i}` };
    assert.deepEqual(await host.run(["version"], { env, file }), VERSION_SAID, String(file));
  }
});

for (const shell of [["dash"], ["busybox", "sh"], ["bash", "--posix"]]) {
  toolTest([shell[0]!], `portable - unpacks and runs under ${shell.join(" ")}`, async () => {
    await using host = await Host.make("without Deno");
    for (let i = 0; i < 2; i += 1) {
      const result = await host.run(["version"], { file: [...shell, host.file] });
      assert.deepEqual(result, VERSION_SAID);
    }
  });
}

toolTest(
  ["dash", "busybox"],
  "portable - the header is a valid script for small shells",
  async () => {
    const header = new URL("../../packaging/header.sh", import.meta.url).pathname;
    for (const [shell, ...args] of [["dash"], ["busybox", "sh"]]) {
      const { code, stderr } = await runToEnd(shell!, [...args, "-n", header]);
      assert.equal(code, 0, stderr);
    }
  },
);

Deno.test("portable - an .npmrc that Deno does not like is not looked at", async () => {
  await using host = await Host.makeUsed();
  await Deno.writeTextFile(`${host.path}/.npmrc`, "registry=:::no\n");
  await Deno.writeTextFile(`${host.path}/deno.json`, "{ no");
  await Deno.writeTextFile(`${host.path}/package.json`, "{ no");
  const env = { PLANTD_STATE_CACHE: host.cache, HOME: host.path };
  assert.deepEqual(await host.run(["version"], { env }), VERSION_SAID);
  assert.equal(await isThere(`${host.path}/.cache`), false);
});

// A root directory with nothing in it but busybox, which needs no C library: as on Alpine, say.
toolTest(["busybox", "chroot"], "portable - a system without glibc is one line", async () => {
  await using host = await Host.make();
  const bin = `${host.path}/bin`;
  await Deno.mkdir(bin);
  await Deno.copyFile("/bin/busybox", `${bin}/busybox`);
  await Deno.mkdir(`${host.path}/dev`);
  await Deno.writeTextFile(`${host.path}/dev/null`, "");
  const install = ["chroot", host.path, "/bin/busybox", "--install", "-s", "/bin"];
  const { code } = await runToEnd("/usr/bin/env", install);
  if (code !== 0) return skip("a static busybox or root is missing", "a line about glibc");
  const result = await host.run(["version"], {
    env: { PLANTD_STATE_CACHE: "/cache" },
    file: ["/usr/sbin/chroot", host.path, "/plantd-state"],
  });
  assertRefused(result, /needs glibc/);
});
