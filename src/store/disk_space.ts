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
/** How often it looks from then on: whoever asks once a month is not told of the month before. */
const EVERY_MS = 10_000;

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
  readonly #clock: Clock;
  readonly #look: typeof spaceOf;
  #cancel: () => void = () => {};
  #space: Space = {};
  #isLooking = false;

  constructor(path: string, clock: Clock = systemClock, look = spaceOf) {
    this.#path = path;
    this.#clock = clock;
    this.#look = look;
    // What it takes to ask is loaded then, in tens of milliseconds that a start does not have.
    this.#lookLater(FIRST_LOOK_MS);
  }

  /** What the last look found; begins the next one. */
  read(): Space {
    if (!this.#isLooking) {
      this.#isLooking = true;
      void this.#look(this.#path)
        .then((space) => this.#space = space)
        .finally(() => this.#isLooking = false);
    }
    return this.#space;
  }

  [Symbol.dispose](): void {
    this.#cancel();
  }

  #lookLater(ms: number): void {
    this.#cancel = this.#clock.after(ms, () => {
      this.read();
      this.#lookLater(EVERY_MS);
    });
  }
}

/** The space of the database at `path`; never throws. */
async function spaceOf(path: string): Promise<Space> {
  const size = (path: string) => Deno.stat(path).then((found) => found.size, () => undefined);
  const [databaseBytes, walBytes, freeBytes] = await Promise.all([
    size(path),
    size(`${path}-wal`),
    fs.statfs(parentOf(path)).then(({ bavail, bsize }) => bavail * bsize, () => undefined),
  ]);
  return {
    ...(databaseBytes === undefined ? {} : { databaseBytes }),
    ...(walBytes === undefined ? {} : { walBytes }),
    ...(freeBytes === undefined ? {} : { freeBytes }),
  };
}
