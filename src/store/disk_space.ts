/**
 * How much room a database has and takes.
 *
 * @module
 */

import fs from "node:fs/promises";
import { type Clock, systemClock } from "../clock.ts";
import { parentOf } from "../paths.ts";

/** How long after the start it looks for the first time if nobody asks, in milliseconds. */
const FIRST_LOOK_MS = 500;

/** Bytes; absent where they are not to be had. */
export interface Space {
  readonly databaseBytes?: number;
  readonly walBytes?: number;
  /** What the file system has left for this process. */
  readonly freeBytes?: number;
}

/**
 * The space of a database as of the last look, so that whoever asks never waits for a disk that hangs.
 *
 * @example
 * ```ts
 * new DiskSpace("state.db").read(); // {}, and a moment later { databaseBytes: 40960, ... }
 * ```
 */
export class DiskSpace implements Disposable {
  readonly #path: string;
  readonly #cancel: () => void;
  #space: Space = {};
  #isLooking = false;

  constructor(path: string, clock: Clock = systemClock) {
    this.#path = path;
    // What it takes to ask is loaded then, in tens of milliseconds that a start does not have.
    this.#cancel = clock.after(FIRST_LOOK_MS, () => this.read());
  }

  /** What the last look found; begins the next one. */
  read(): Space {
    if (!this.#isLooking) {
      this.#isLooking = true;
      void this.#look().finally(() => this.#isLooking = false);
    }
    return this.#space;
  }

  [Symbol.dispose](): void {
    this.#cancel();
  }

  async #look(): Promise<void> {
    const size = (path: string) => Deno.stat(path).then((found) => found.size, () => undefined);
    const [databaseBytes, walBytes, freeBytes] = await Promise.all([
      size(this.#path),
      size(`${this.#path}-wal`),
      fs.statfs(parentOf(this.#path)).then(({ bavail, bsize }) => bavail * bsize, () => undefined),
    ]);
    this.#space = {
      ...(databaseBytes === undefined ? {} : { databaseBytes }),
      ...(walBytes === undefined ? {} : { walBytes }),
      ...(freeBytes === undefined ? {} : { freeBytes }),
    };
  }
}
