/** File systems of a test's own, with the peculiarities that plants have. */

import { skip } from "./artifact.ts";

/** A mounted tmpfs. */
export interface Mount extends AsyncDisposable {
  readonly path: string;
}

/** Mounts a tmpfs over an empty directory. */
export function mount(path: string, options: string): Mount {
  Deno.mkdirSync(path);
  const { success, stderr } = command("mount", "-t", "tmpfs", "-o", options, "tmpfs", path);
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return {
    path,
    // deno-lint-ignore require-await
    async [Symbol.asyncDispose]() {
      command("umount", path);
    },
  };
}

const permitted = mayMount();

/** A test that mounts file systems. Where that is not permitted it is skipped, and says so. */
export function mountTest(name: string, fn: () => Promise<void>): void {
  if (!permitted) skip("mounting a tmpfs is not permitted", name);
  Deno.test({ name, ignore: !permitted, fn });
}

function mayMount(): boolean {
  const path = Deno.makeTempDirSync();
  try {
    const { success } = command("mount", "-t", "tmpfs", "tmpfs", path);
    if (success) command("umount", path);
    return success;
  } finally {
    Deno.removeSync(path);
  }
}

function command(name: string, ...args: string[]): Deno.CommandOutput {
  return new Deno.Command(name, { args, stdout: "null", stderr: "piped" }).outputSync();
}
