/** A file system of a test's own, which it may fill. */

import assert from "node:assert/strict";
import { runToEnd } from "../helpers/child.ts";
import { tempDir } from "../helpers/temp.ts";

const SMALL_DISK_BYTES = 32 * 1024 * 1024;

/** A test with a small file system of its own; skipped, loudly, where none may be mounted. */
export async function diskTest(name: string, body: (dir: string) => Promise<void>): Promise<void> {
  const mount = async (dir: string) =>
    (await runToEnd("mount", ["-t", "tmpfs", "-o", `size=${SMALL_DISK_BYTES}`, "tmpfs", dir])
      .catch(() => ({ code: 1 }))).code === 0;
  await using trial = await tempDir();
  const ignore = !(await mount(trial.path));
  if (ignore) {
    const line = `SKIPPED: no file system may be mounted; it would have proved: ${name}\n`;
    Deno.stderr.writeSync(new TextEncoder().encode(line));
  } else {
    await runToEnd("umount", [trial.path]);
  }
  Deno.test({
    name,
    ignore,
    fn: async () => {
      await using dir = await tempDir();
      assert.ok(await mount(dir.path));
      try {
        await body(dir.path);
      } finally {
        await runToEnd("umount", [dir.path]);
      }
    },
  });
}
