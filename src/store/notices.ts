/**
 * What a start has lost, until somebody says that they know: in a file beside the database, so that it is
 * there whatever becomes of the database, and a person can read it.
 *
 * @module
 */

import { parentOf } from "../paths.ts";
import { messageOf, PlantdError } from "../errors.ts";
import { giveTo } from "./owner.ts";

/** One start after damage. */
export interface Notice {
  readonly time: string;
  /** A paragraph for people. */
  readonly text: string;
  /** File that names every key. */
  readonly report: string;
}

/**
 * The notices of the database at `path` that nobody has acknowledged.
 *
 * @example
 * ```ts
 * const notices = await Notices.read("state.db");
 * if (notices.all.length > 0) await notices.acknowledge();
 * ```
 */
export class Notices {
  readonly #path: string;
  #all: readonly Notice[];

  private constructor(path: string, all: readonly Notice[]) {
    this.#path = path;
    this.#all = all;
  }

  /** Reads them; a file that cannot be read is a notice, too. */
  static async read(database: string): Promise<Notices> {
    const path = `${database}.notice`;
    try {
      return new Notices(path, noticesIn(await Deno.readTextFile(path)));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return new Notices(path, []);
      const text = `something was lost at an earlier start, but ${path} does not say what any more`;
      return new Notices(path, [{ time: new Date(0).toISOString(), text, report: path }]);
    }
  }

  get all(): readonly Notice[] {
    return this.#all;
  }

  /** Adds one; it is on disk when this resolves. */
  async add(notice: Notice): Promise<void> {
    const all = [...this.#all, notice];
    const temporary = `${this.#path}.tmp`;
    const options = { write: true, create: true, truncate: true, mode: 0o600 };
    {
      using file = await Deno.open(temporary, options);
      const bytes = new TextEncoder().encode(`${JSON.stringify(all, null, 2)}\n`);
      for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
      await file.sync();
    }
    await giveTo(temporary, parentOf(this.#path));
    await Deno.rename(temporary, this.#path);
    await this.#sync();
    this.#all = all;
  }

  /**
   * Forgets them, for good. The reports stay.
   *
   * @returns Those that there were.
   * @throws {PlantdError} `storage_unavailable`; then they are still there.
   */
  async acknowledge(): Promise<readonly Notice[]> {
    const all = this.#all;
    if (all.length === 0) return all;
    try {
      await Deno.remove(this.#path).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
      await this.#sync();
    } catch (error) {
      throw new PlantdError(
        "storage_unavailable",
        `cannot remove ${this.#path}: ${messageOf(error)}`,
        { cause: error },
      );
    }
    this.#all = [];
    return all;
  }

  async #sync(): Promise<void> {
    using directory = await Deno.open(parentOf(this.#path));
    await directory.sync();
  }
}

function noticesIn(text: string): readonly Notice[] {
  const found: unknown = JSON.parse(text);
  if (Array.isArray(found) && found.every(isNotice)) return found;
  throw new Error("notices are needed, found something else");
}

function isNotice(found: unknown): found is Notice {
  const { time, text, report } = (found ?? {}) as Partial<Record<keyof Notice, unknown>>;
  return [time, text, report].every((member) => typeof member === "string");
}
