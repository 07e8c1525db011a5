import assert from "node:assert/strict";
import { RUN_FLAGS } from "../../packaging/launch.ts";
import { elfMachine } from "../../packaging/native.ts";
import { BUNDLE_PATH, DENO_PATH } from "../../packaging/parts.ts";
import { sha256 } from "../../packaging/portable.ts";
import { TARGETS } from "../../packaging/targets.ts";
import { runToEnd } from "../helpers/child.ts";
import { tempDir } from "../helpers/temp.ts";
import { hasTool } from "../helpers/tools.ts";
import { isThere } from "../../src/is_there.ts";
import { artifact, HERE, skip, VERSION_SAID } from "./artifact.ts";

/** Where Debian's libc6-arm64-cross and libstdc++6-arm64-cross put their libraries. */
const LIBRARIES = "/usr/aarch64-linux-gnu";

/** Unpacks an executable without running any of it, by what its header says. */
async function unpack(file: string, directory: string): Promise<Record<string, string>> {
  const bytes = await Deno.readFile(file);
  const header = new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0x1f)));
  const values = Object.fromEntries(
    [...header.matchAll(/^(\w+)='?([^'\n]*)'?$/gm)].map(([, name, value]) => [name!, value!]),
  );
  const payload = Number(values.payload_at) - 1;
  assert.equal(payload, new TextEncoder().encode(header).length);
  assert.equal(sha256(bytes.subarray(payload)), values.payload);
  const deno = Number(values.deno_at) - 1;
  for (const [name, part] of [["a", bytes.subarray(payload, deno)], ["b", bytes.subarray(deno)]]) {
    const archive = `${directory}/${name}.tar.gz`;
    await Deno.writeFile(archive, part as Uint8Array);
    const { code, stderr } = await runToEnd("tar", ["-xzf", archive, "-C", directory]);
    assert.equal(code, 0, stderr);
    await Deno.remove(archive);
  }
  await Deno.mkdir(`${directory}/bin`);
  await Deno.rename(`${directory}/package/deno`, `${directory}/${DENO_PATH}`);
  return values;
}

for (const { name, elfMachine: machine, portable } of TARGETS.filter(({ portable }) => portable)) {
  Deno.test(`${name} - what is in the file is for the machine, and as large as the header says`, async () => {
    await using dir = await tempDir();
    const values = await unpack(await artifact(name), dir.path);
    const files = values.files!.split(" ").map((file) => file.split("="));
    for (const [path, size] of files) {
      assert.equal(String((await Deno.stat(`${dir.path}/${path}`)).size), size, path);
    }
    const { stdout: strings } = await runToEnd("grep", [
      "-ac",
      portable!.loader,
      `${dir.path}/${DENO_PATH}`,
    ]);
    assert.notEqual(strings, "0\n", "the header looks for another loader than Deno");
    const binaries = files.map(([path]) => path!).filter((path) => /deno$|\.node$/.test(path));
    assert.equal(binaries.length, 2);
    for (const path of binaries) {
      const head = (await Deno.readFile(`${dir.path}/${path}`)).subarray(0, 20);
      assert.equal(elfMachine(head), machine, path);
    }
    assert.ok(await isThere(`${dir.path}/LICENSES.txt`));
  });
}

const title = "linux-arm64 - deno, the bundle and the addon start, under qemu-user";
const qemu = ["qemu-aarch64", "qemu-aarch64-static"].find(hasTool);
const canEmulate = HERE === "linux-x64" && qemu !== undefined && await isThere(LIBRARIES);
if (!canEmulate) {
  skip("qemu-user, libc6-arm64-cross and libstdc++6-arm64-cross (Debian) missing", title);
}
Deno.test({
  name: title,
  ignore: !canEmulate,
  async fn() {
    await using dir = await tempDir();
    await unpack(await artifact("linux-arm64"), dir.path);
    const deno = [qemu!, "-L", LIBRARIES, `${dir.path}/${DENO_PATH}`];
    const args = ["-i", `DENO_DIR=${dir.path}/.deno`, ...deno, ...RUN_FLAGS];
    const result = await runToEnd("/usr/bin/env", [
      ...args,
      `${dir.path}/${BUNDLE_PATH}`,
      "version",
    ]);
    assert.deepEqual(result, VERSION_SAID);
  },
});
