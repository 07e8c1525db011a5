/** The service as it is handed out, bundled once, as processes that may be killed at any moment. */

import { fileURLToPath } from "node:url";
import { RUN_FLAGS } from "../../packaging/launch.ts";
import { bundle } from "../../packaging/bundle.ts";
import { addon, BUNDLE_PATH } from "../../packaging/parts.ts";
import { TARGETS } from "../../packaging/targets.ts";
import { Child } from "../helpers/child.ts";
import { tempDir } from "../helpers/temp.ts";

/** A bundle on disk. */
export class Bundled implements AsyncDisposable {
  readonly #dir: { path: string } & AsyncDisposable;

  private constructor(dir: { path: string } & AsyncDisposable) {
    this.#dir = dir;
  }

  static async make(): Promise<Bundled> {
    const bundled = new Bundled(await tempDir());
    const arch = Deno.build.arch === "aarch64" ? "arm64" : "x64";
    const target = TARGETS.find(({ name }) => name === `${Deno.build.os}-${arch}`)!;
    for (const { path, bytes } of [...await bundle(), ...await addon(target)]) {
      const file = `${bundled.#dir.path}/${path}`;
      await Deno.mkdir(fileURLToPath(new URL(".", `file://${file}`)), { recursive: true });
      await Deno.writeFile(file, bytes);
    }
    return bundled;
  }

  /** Starts `serve` with the configuration file at `config`, and under a limit of the shell if given. */
  serve(config: string, env: Readonly<Record<string, string>> = {}, ulimit?: string): Child {
    const main = `${this.#dir.path}/${BUNDLE_PATH}`;
    const args = [...RUN_FLAGS, main, "serve", `--config=${config}`, "--log-format=json"];
    if (ulimit === undefined) return Child.start(Deno.execPath(), args, { env });
    const script = `ulimit ${ulimit} && exec "$@"`;
    return Child.start("/bin/sh", ["-c", script, "sh", Deno.execPath(), ...args], { env });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dir[Symbol.asyncDispose]();
  }
}
