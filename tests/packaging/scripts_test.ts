import assert from "node:assert/strict";
import { runToEnd } from "../helpers/child.ts";
import { tempDir } from "../helpers/temp.ts";
import { hasTool, toolTest } from "../helpers/tools.ts";
import { ROOT } from "./debian.ts";

/** What the scripts call; each stub says so, and answers as it would on a host that is new. */
const STUBS: Readonly<Record<string, string>> = {
  "systemd-sysusers": "",
  "deb-systemd-helper": 'case "$*" in debian-installed*) exit 1 ;; esac',
  "deb-systemd-invoke": "",
  systemctl: "",
};

/**
 * Runs a maintainer script among stubs, where systemd runs or does not, and returns the calls. All of
 * it happens in a mount namespace whose /run is its own.
 */
async function callsOf(
  script: string,
  args: readonly string[],
  { isRunning, dpkgRoot = "" }: { isRunning: boolean; dpkgRoot?: string },
): Promise<string[]> {
  await using dir = await tempDir();
  for (const [name, answer] of Object.entries(STUBS)) {
    const text = `#!/bin/sh\necho "${name} $*" >>${dir.path}/calls\n${answer}\n`;
    await Deno.writeTextFile(`${dir.path}/${name}`, text, { mode: 0o755 });
  }
  await Deno.writeTextFile(`${dir.path}/calls`, "");
  const prepare = `mount -t tmpfs tmpfs /run; ${isRunning ? "mkdir -p /run/systemd/system; " : ""}`;
  const words = [`${ROOT}/packaging/debian/${script}`, ...args].join(" ");
  const { code, stderr } = await runToEnd("unshare", [
    "--map-root-user",
    "--mount",
    "sh",
    "-ec",
    `${prepare} PATH=${dir.path}:$PATH DPKG_ROOT=${dpkgRoot} sh ${words}`,
  ]);
  assert.equal(code, 0, stderr);
  return (await Deno.readTextFile(`${dir.path}/calls`)).split("\n").filter(Boolean);
}

/** A test that needs mount namespaces, which containers may forbid. */
function scriptTest(name: string, fn: () => Promise<void>): void {
  const isAllowed = hasTool("unshare") && new Deno.Command("unshare", {
    args: ["--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/run"],
  }).outputSync().success;
  toolTest(isAllowed ? [] : ["mount namespaces (unshare)"], name, fn);
}

scriptTest(
  "maintainer scripts - a first installation makes the user, enables the service and starts it",
  async () => {
    const calls = await callsOf("postinst", ["configure"], { isRunning: true });
    assert.deepEqual(calls.filter((call) => !/unmask|update-state|was-|-installed/.test(call)), [
      "systemd-sysusers plantd-state.conf",
      "deb-systemd-helper enable plantd-state.service",
      "systemctl --system daemon-reload",
      "deb-systemd-invoke start plantd-state.service",
    ]);
  },
);

scriptTest(
  "maintainer scripts - an update restarts the service, and the broker only if it runs",
  async () => {
    const calls = await callsOf("postinst", ["configure", "0.0.9"], { isRunning: true });
    assert.deepEqual(calls.filter((call) => call.startsWith("deb-systemd-invoke")), [
      "deb-systemd-invoke try-restart plantd-broker.service",
      "deb-systemd-invoke restart plantd-state.service",
    ]);
    assert.deepEqual(await callsOf("prerm", ["upgrade", "0.2"], { isRunning: true }), []);
  },
);

scriptTest(
  "maintainer scripts - where systemd does not run, the service is enabled for when it does",
  async () => {
    const calls = await callsOf("postinst", ["configure"], { isRunning: false });
    assert.ok(calls.includes("deb-systemd-helper enable plantd-state.service"));
    assert.ok(!calls.some((call) => /^(systemctl|deb-systemd-invoke)/.test(call)), `${calls}`);
  },
);

scriptTest("maintainer scripts - in another root nothing of this host is called", async () => {
  await using root = await tempDir();
  const place = { isRunning: true, dpkgRoot: root.path };
  assert.deepEqual(await callsOf("postinst", ["configure"], place), [
    `systemd-sysusers --root=${root.path} plantd-state.conf`,
  ]);
  await Deno.mkdir(`${root.path}/var/lib/plantd-state`, { recursive: true });
  for (const [script, what] of [["prerm", "remove"], ["postrm", "remove"], ["postrm", "purge"]]) {
    assert.deepEqual(await callsOf(script!, [what!], place), []);
  }
  assert.deepEqual([...Deno.readDirSync(`${root.path}/var/lib`)], []);
});

scriptTest("maintainer scripts - a removal stops both services and masks them", async () => {
  assert.deepEqual(await callsOf("prerm", ["remove"], { isRunning: true }), [
    "deb-systemd-invoke stop plantd-state.service plantd-broker.service",
  ]);
  assert.deepEqual(await callsOf("postrm", ["remove"], { isRunning: true }), [
    "systemctl --system daemon-reload",
    "deb-systemd-helper mask plantd-state.service",
    "deb-systemd-helper mask plantd-broker.service",
  ]);
});
