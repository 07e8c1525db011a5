import assert from "node:assert/strict";
import { writeDeb } from "../../packaging/deb.ts";
import { TARGETS } from "../../packaging/targets.ts";
import { VERSION } from "../../src/version.ts";
import { Child, runToEnd } from "../helpers/child.ts";
import { NotifyReceiver, notifyTest } from "../helpers/notify_receiver.ts";
import { devSettings, Program, runProgram } from "../helpers/program.ts";
import { tempDir } from "../helpers/temp.ts";
import { hasTool, toolTest } from "../helpers/tools.ts";
import { built, repacked, ROOT, ScratchRoot } from "./debian.ts";

const DEBIAN = ["dpkg", "dpkg-deb"];

/** Whether this machine runs what is in the amd64 package. */
const IS_AMD64 = Deno.build.target === "x86_64-unknown-linux-gnu";

/** Files of the host that a careless maintainer script would change. */
async function hostState(): Promise<string> {
  const paths = ["/etc/passwd", "/etc/group", "/etc/systemd/system", "/var/lib/dpkg/status"];
  const { stdout } = await runToEnd("stat", ["-c", "%n %i %Y %Z %s", ...paths]);
  return stdout;
}

toolTest(
  DEBIAN,
  "deb - both packages are built; control, owners and times are what they should be",
  async () => {
    const { amd64, arm64, stdout } = await built();
    assert.equal(
      stdout.match(/^\S+\.deb {2}[\d.]+ MB {2}sha256:[0-9a-f]{64}$/gm)?.length,
      2,
      stdout,
    );
    for (const [deb, architecture] of [[amd64, "amd64"], [arm64, "arm64"]] as const) {
      const field = async (name: string) =>
        (await runToEnd("dpkg-deb", ["-f", deb, name])).stdout.trim();
      assert.equal(await field("Package"), "plantd-state");
      assert.equal(await field("Version"), VERSION);
      assert.equal(await field("Architecture"), architecture);
      const list = (await runToEnd("dpkg-deb", ["-c", deb], { env: { TZ: "UTC" } })).stdout
        .trimEnd().split("\n").map((line) => line.split(/\s+/));
      assert.deepEqual([...new Set(list.map(([, owner]) => owner))], ["root/root"]);
      assert.equal(new Set(list.map(([, , , day, time]) => `${day} ${time}`)).size, 1);
      const modes = new Set(list.map(([mode]) => mode));
      assert.deepEqual([...modes].sort(), ["-rw-r--r--", "-rwxr-xr-x", "drwxr-xr-x", "lrwxrwxrwx"]);
    }
  },
);

toolTest(DEBIAN, "deb - the same content gives the same bytes, under any umask", async () => {
  await using dir = await tempDir();
  const bytes = new TextEncoder().encode("#!/bin/sh\n");
  const files = [
    { path: "usr/bin/a", mode: 0o755, bytes },
    { path: "usr/share/x/b", mode: 0o644, bytes },
    { path: "usr/bin/c", target: "a" },
  ];
  const control = new TextEncoder().encode(
    "Package: a\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: a\n",
  );
  const made: Uint8Array[] = [];
  const before = Deno.umask();
  try {
    for (const umask of [0o022, 0o077]) {
      Deno.umask(umask);
      const path = `${dir.path}/${umask}.deb`;
      await writeDeb(
        files,
        [{ path: "control", mode: 0o644, bytes: control }],
        path,
        1_000_000_000,
      );
      made.push(await Deno.readFile(path));
    }
  } finally {
    Deno.umask(before);
  }
  assert.deepEqual(made[1], made[0]);
});

toolTest([...DEBIAN, "tar"], "deb - the programs in each are for its machine", async () => {
  const debs = await built();
  for (const { debian, elfMachine } of TARGETS) {
    if (debian === undefined) continue;
    await using dir = await tempDir();
    const deb = debs[debian as "amd64" | "arm64"];
    const unpack = await runToEnd("dpkg-deb", ["-x", deb, dir.path]);
    assert.equal(unpack.code, 0, unpack.stderr);
    const { stdout } = await runToEnd("find", [`${dir.path}/usr/lib/plantd-state`, "-type", "f"]);
    const elf: string[] = [];
    for (const path of stdout.trimEnd().split("\n")) {
      using file = await Deno.open(path);
      const head = new Uint8Array(20);
      await file.read(head);
      if (new TextDecoder("latin1").decode(head.subarray(1, 4)) !== "ELF") continue;
      elf.push(path);
      assert.equal(new DataView(head.buffer).getUint16(18, true), elfMachine, path);
    }
    assert.deepEqual(elf.map((path) => path.replace(/.*\//, "")).sort(), ["addon.node", "deno"]);
    if (hasTool("readelf")) await checkLibraries(deb, elf);
  }
});

/** The libraries that the files ask for are old enough for what the package depends on. */
async function checkLibraries(deb: string, files: readonly string[]): Promise<void> {
  const depends = (await runToEnd("dpkg-deb", ["-f", deb, "Depends"])).stdout;
  const { stdout } = await runToEnd("readelf", ["-V", "--wide", ...files]);
  const newest = (name: string) =>
    Math.max(
      ...[...stdout.matchAll(new RegExp(`\\b${name}_(\\d+)\\.(\\d+)`, "g"))].map(([, a, b]) =>
        Number(a) * 1000 + Number(b)
      ),
    );
  const [, libc] = /libc6 \(>= 2\.(\d+)\)/.exec(depends)!;
  assert.equal(newest("GLIBC"), 2000 + Number(libc));
  // GLIBCXX_3.4.22 came with GCC 6.
  assert.match(depends, /libstdc\+\+6 \(>= 6\)/);
  assert.ok([...stdout.matchAll(/GLIBCXX_3\.4\.(\d+)/g)].every(([, n]) => Number(n) <= 22));
}

toolTest([], "deb - without dpkg-deb there is one clear line and nothing is begun", async () => {
  await using dir = await tempDir();
  const args = ["run", "-A", "--quiet", `${ROOT}/packaging/deb.ts`, "--output", `${dir.path}/out`];
  const { code, stdout, stderr } = await runToEnd(Deno.execPath(), args, {
    cwd: ROOT,
    env: { PATH: dir.path },
  });
  assert.deepEqual({ code, stdout }, { code: 1, stdout: "" });
  assert.match(stderr, /^not built: dpkg-deb is missing: [^\n]+\n$/);
  assert.deepEqual([...Deno.readDirSync(dir.path)], []);
});

notifyTestOnAmd64(
  "deb - installs below another root, runs from there, and a purge leaves nothing",
  async () => {
    const { amd64 } = await built();
    const before = await hostState();
    await using root = await ScratchRoot.make();
    await root.dpkg("-i", amd64);
    assert.equal(await hostState(), before);
    if (hasTool("systemd-sysusers") && Deno.uid() === 0) {
      assert.match(await root.text("etc/passwd"), /^plantd-state:.*:\/var\/lib\/plantd-state:/m);
    }
    assert.equal(await root.dpkg("-V", "plantd-state"), "");

    for (const name of ["plantd-state", "plant"]) {
      assert.deepEqual(await root.run(name, ["version"]), {
        code: 0,
        stdout: `${VERSION}\n`,
        stderr: "",
      });
    }
    await using elsewhere = await tempDir();
    await Deno.symlink(`${root.path}/usr/bin/plantd-state`, `${elsewhere.path}/plant`);
    const { stdout } = await root.run(`${elsewhere.path}/plant`, []);
    assert.match(stdout, /^Usage: plant /m, "a link from elsewhere, too");
    await setAndGet(root);
    await runAsService(root);

    await Deno.mkdir(`${root.path}/var/lib/plantd-state`);
    await Deno.mkdir(`${root.path}/var/cache/plantd-state/v8`, { recursive: true });
    await Deno.mkdir(`${root.path}/var/log/plantd-state`, { recursive: true });
    await Deno.mkdir(`${root.path}/var/lib/other`);
    for (const path of ["plantd-state/state.db", "other/file"]) {
      await Deno.writeTextFile(`${root.path}/var/lib/${path}`, "data");
    }
    await root.dpkg("-r", "plantd-state");
    assert.deepEqual(root.files("etc/plantd"), ["etc/plantd/broker.yml", "etc/plantd/state.yml"]);
    assert.equal(await root.text("var/lib/plantd-state/state.db"), "data");
    await root.dpkg("-P", "plantd-state");
    const left = root.files().filter((path) =>
      !/^var\/lib\/dpkg\/|^etc\/[^/]+$|^\.cache\//.test(path)
    );
    assert.deepEqual(left, ["var/lib/other/file"]);
    assert.equal(await hostState(), before);
  },
);

/** `dev` and the client, as the README has them. */
async function setAndGet(root: ScratchRoot): Promise<void> {
  await using dir = await tempDir();
  const { args, broker, healthPort } = await devSettings(dir.path);
  const command = ["plantd-state", "dev", ...args];
  await using child = Child.start("env", [...root.environment(), ...command], { cwd: dir.path });
  const dev = new Program(child, healthPort);
  await dev.untilHealthy();
  const service = ["--service=org.plantd.Client", `--endpoint=${broker}`];
  const set = await root.run("plant", ["state", "set", ...service, "foo", "bar"]);
  assert.deepEqual(set, { code: 0, stdout: "revision 1\n", stderr: "" });
  const get = await root.run("plant", ["state", "get", ...service, "foo"]);
  assert.deepEqual(get, { code: 0, stdout: "bar\n", stderr: "" });
  assert.equal((await dev.stop()).code, 0);
}

/** As the unit starts it: READY comes from the very process that systemd started. */
async function runAsService(root: ScratchRoot): Promise<void> {
  await using dir = await tempDir();
  await using receiver = await NotifyReceiver.listen(`${dir.path}/notify`);
  const environment = root.environment({
    NOTIFY_SOCKET: `${dir.path}/notify`,
    WATCHDOG_USEC: "30000000",
    CACHE_DIRECTORY: `${dir.path}/cache`,
    PLANTD_STATE_DB: `${dir.path}/state.db`,
    PLANTD_STATE_HEALTH_PORT: "0",
    PLANTD_STATE_BROKER_ENDPOINT: "ipc:///nowhere/broker",
    PLANTD_STATE_BUS_ENDPOINT: "ipc:///nowhere/bus",
  });
  const started = ["/bin/sh", `${root.path}/usr/bin/plantd-state`, "serve"];
  await using child = Child.start("env", [...environment, ...started], { cwd: dir.path });
  const ready = await receiver.first("READY", ({ fields }) => fields.READY === "1");
  assert.equal(ready.pid, child.pid);
  await receiver.first("WATCHDOG", ({ fields }) => fields.WATCHDOG === "1");
  child.signal("SIGTERM");
  assert.equal((await child.ended).code, 0);
  assert.ok([...Deno.readDirSync(`${dir.path}/cache`)].length > 0, "compiled code is kept there");
}

toolTest(DEBIAN, "deb - edited configuration survives an update, data does, too", async () => {
  const { amd64 } = await built();
  await using root = await ScratchRoot.make();
  await using dir = await tempDir();
  /** The package without its heavy part: what a configuration goes through is the same. */
  const version = (number: string) =>
    repacked(amd64, `${dir.path}/${number}.deb`, async (tree) => {
      await Deno.remove(`${tree}/usr/lib/plantd-state`, { recursive: true });
      await Deno.remove(`${tree}/DEBIAN/md5sums`);
      const control = await Deno.readTextFile(`${tree}/DEBIAN/control`);
      await Deno.writeTextFile(
        `${tree}/DEBIAN/control`,
        control.replace(/^Version: .*$/m, `Version: ${number}`),
      );
      for (const name of ["state.yml", "broker.yml"]) {
        await Deno.writeTextFile(`${tree}/etc/plantd/${name}`, `# ${number}\n`, { append: true });
      }
    });
  await root.dpkg("-i", await version("1.0"));
  const edited = "log:\n  level: debug\n";
  await Deno.writeTextFile(`${root.path}/etc/plantd/state.yml`, edited);
  await Deno.mkdir(`${root.path}/var/lib/plantd-state`);
  await Deno.writeTextFile(`${root.path}/var/lib/plantd-state/state.db`, "data");
  await root.dpkg("-i", await version("1.1"));
  assert.equal(await root.text("etc/plantd/state.yml"), edited);
  assert.match(await root.text("etc/plantd/broker.yml"), /# 1\.1\n$/);
  assert.equal(await root.text("var/lib/plantd-state/state.db"), "data");
});

toolTest(
  [...DEBIAN, "bash"],
  "deb - completions are the program's own, and shells can read them",
  async () => {
    const { amd64 } = await built();
    await using dir = await tempDir();
    const unpack = await runToEnd("dpkg-deb", ["-x", amd64, dir.path]);
    assert.equal(unpack.code, 0, unpack.stderr);
    const share = `${dir.path}/usr/share`;
    const shells: [shell: string, check: string, pathOf: (name: string) => string][] = [
      ["bash", "-n", (name) => `${share}/bash-completion/completions/${name}`],
      ["zsh", "-n", (name) => `${share}/zsh/vendor-completions/_${name}`],
      ["fish", "--no-execute", (name) => `${share}/fish/vendor_completions.d/${name}.fish`],
    ];
    for (const [shell, check, pathOf] of shells) {
      for (const name of ["plantd-state", "plant"]) {
        const env = { PLANTD_STATE_INVOKED_AS: name };
        const { stdout } = await runProgram(["completion", shell], { env });
        assert.equal(`${await Deno.readTextFile(pathOf(name))}\n`, stdout);
        if (!hasTool(shell)) continue;
        const { code, stderr } = await runToEnd(shell, [check, pathOf(name)]);
        assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
      }
    }
  },
);

/** A test that runs what is in the amd64 package and hears what it tells systemd. */
function notifyTestOnAmd64(name: string, fn: () => Promise<void>): void {
  if (IS_AMD64 && DEBIAN.every(hasTool)) return notifyTest(name, fn);
  const line = `SKIPPED: needs an amd64 machine with dpkg; it would have proved: ${name}\n`;
  Deno.stderr.writeSync(new TextEncoder().encode(line));
  Deno.test({ name, ignore: true, fn });
}
