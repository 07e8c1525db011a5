/** Debian packages in tests: built once, installed below a scratch root that dpkg takes for a host. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { runToEnd } from "../helpers/child.ts";
import { tempDir } from "../helpers/temp.ts";

/** The tree. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** What `deno task deb` made. */
export interface Built {
  readonly amd64: string;
  readonly arm64: string;
  /** What it said. */
  readonly stdout: string;
}

let building: Promise<Built> | undefined;

/** The packages for both architectures, built by the first who asks. */
export function built(): Promise<Built> {
  building ??= build();
  return building;
}

async function build(): Promise<Built> {
  const dir = await tempDir();
  globalThis.addEventListener("unload", () => Deno.removeSync(dir.path, { recursive: true }));
  const args = ["task", "--quiet", "deb", "--output", dir.path];
  const { code, stdout, stderr } = await runToEnd(Deno.execPath(), args, { cwd: ROOT });
  assert.equal(code, 0, stderr);
  const names = [...Deno.readDirSync(dir.path)].map(({ name }) => name);
  const find = (architecture: string) => {
    const name = names.find((one) => one.endsWith(`_${architecture}.deb`));
    assert.ok(name, `${names}`);
    return `${dir.path}/${name}`;
  };
  return { amd64: find("amd64"), arm64: find("arm64"), stdout };
}

/** A directory that dpkg takes for the root of a host. */
export class ScratchRoot implements AsyncDisposable {
  readonly path: string;
  readonly #dir: AsyncDisposable;

  private constructor(dir: { path: string } & AsyncDisposable) {
    this.path = dir.path;
    this.#dir = dir;
  }

  static async make(): Promise<ScratchRoot> {
    const root = new ScratchRoot(await tempDir());
    await Deno.mkdir(`${root.path}/var/lib/dpkg`, { recursive: true });
    await Deno.mkdir(`${root.path}/etc`);
    return root;
  }

  /** Runs dpkg on this root and on nothing else; it must succeed. */
  async dpkg(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await runToEnd("dpkg", [
      `--root=${this.path}`,
      // Not the host's log either; scripts run outside of the root, with DPKG_ROOT set.
      `--log=${this.path}/var/lib/dpkg/log`,
      "--force-script-chrootless,depends,not-root,unsafe-io,confdef",
      ...args,
    ]);
    assert.equal(code, 0, `dpkg ${args.join(" ")}: ${stdout}${stderr}`);
    return stdout;
  }

  /** A program of the root with hardly any environment, as another one that is on the way. */
  async run(
    name: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    return await runToEnd("env", [...this.environment(env), name, ...args]);
  }

  /** Arguments of env(1) for {@link run}. */
  environment(env: Readonly<Record<string, string>> = {}): string[] {
    const all = { PATH: `${this.path}/usr/bin:/usr/bin:/bin`, HOME: this.path, ...env };
    return ["-i", ...Object.entries(all).map(([name, value]) => `${name}=${value}`)];
  }

  /** Paths of all files and links, relative, sorted. */
  files(below = ""): string[] {
    const found: string[] = [];
    const walk = (directory: string) => {
      for (const { name, isDirectory } of Deno.readDirSync(`${this.path}/${directory}`)) {
        const path = directory === "" ? name : `${directory}/${name}`;
        if (isDirectory) walk(path);
        else found.push(path);
      }
    };
    walk(below);
    return found.sort();
  }

  async text(path: string): Promise<string> {
    return await Deno.readTextFile(`${this.path}/${path}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dir[Symbol.asyncDispose]();
  }
}

/** A package like another one, but for what `change` does to its unpacked tree. */
export async function repacked(
  deb: string,
  to: string,
  change: (tree: string) => Promise<void>,
): Promise<string> {
  await using dir = await tempDir();
  const tree = `${dir.path}/tree`;
  const unpack = await runToEnd("dpkg-deb", ["-R", deb, tree]);
  assert.equal(unpack.code, 0, unpack.stderr);
  await change(tree);
  const pack = await runToEnd("dpkg-deb", ["--root-owner-group", "-Znone", "--build", tree, to]);
  assert.equal(pack.code, 0, pack.stderr);
  return to;
}
