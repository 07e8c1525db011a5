/**
 * Space set aside beside a database, so that on a full disk deletes still find some: SQLite needs room in
 * its log even to delete.
 *
 * @module
 */

import { PlantdError } from "../errors.ts";
import { absolute } from "../paths.ts";

/** Bytes set aside: what the log grows by before it begins anew, and the database then, and a commit. */
const RESERVE_BYTES = 10 * 1024 * 1024;

/** Bytes written at once. */
const CHUNK_BYTES = 256 * 1024;

/**
 * A file of a certain size that can be emptied. Its bytes are random, so that no file system that
 * compresses makes less of them.
 *
 * @example
 * ```ts
 * const reserve = await Reserve.beside("state.db");
 * await reserve.start();
 * if (isFull) await reserve.release();
 * ```
 */
export class Reserve {
  readonly #path: string;
  #bytes: number;
  #held = 0;

  private constructor(path: string, bytes: number) {
    this.#path = path;
    this.#bytes = bytes;
  }

  /** The reserve of `bytes` beside `database`, as it was left there. */
  static async beside(database: string, bytes = RESERVE_BYTES): Promise<Reserve> {
    const path = `${database}.reserve`;
    const reserve = new Reserve(path, bytes);
    reserve.#held = await Deno.stat(path).then(({ size }) => size, () => 0);
    return reserve;
  }

  /** Takes space for the first time: all, or half of what is free where that is less. Never throws. */
  async start(): Promise<void> {
    if (this.#held > 0) return;
    await this.hold();
    if (this.#held < this.#bytes) await this.#resize(Math.floor(this.#held / 2));
    // More would starve the writes for whose sake space is set aside.
    this.#bytes = this.#held;
  }

  /** Takes what is missing, as far as there is space. Never throws: without it writes go on. */
  async hold(): Promise<void> {
    if (this.#held >= this.#bytes) return;
    try {
      using file = await Deno.open(this.#path, { write: true, create: true, mode: 0o600 });
      await file.seek(this.#held, Deno.SeekMode.Start);
      while (this.#held < this.#bytes) {
        const size = Math.min(CHUNK_BYTES, this.#bytes - this.#held);
        this.#held += await file.write(noise().subarray(0, size));
      }
    } catch {
      // Full, or not to be written: what there is, is held.
    }
  }

  /** Gives the space back; false if there was none. */
  async release(): Promise<boolean> {
    const held = this.#held;
    await this.#resize(0);
    return held > this.#held;
  }

  async #resize(bytes: number): Promise<void> {
    try {
      await Deno.truncate(this.#path, bytes);
      this.#held = bytes;
    } catch {
      // Gone, or not to be written: then it is no help.
    }
  }
}

/** Looking at a database needs space, too, and another one in its place does: the reserve, if need be. */
export async function withReserve<T>(
  { path, reserveBytes }: { readonly path: string; readonly reserveBytes?: number },
  act: () => Promise<T>,
): Promise<T> {
  try {
    return await act();
  } catch (thrown) {
    // What is in use, refused or of another program is not so for lack of space.
    if (thrown instanceof PlantdError && thrown.cause === undefined) throw thrown;
    const reserve = await Reserve.beside(absolute(path), reserveBytes);
    if (!await reserve.release()) throw thrown;
    return await act();
  }
}

/** A chunk of random bytes, the same for all. */
function noise(): Uint8Array<ArrayBuffer> {
  if (!chunk) {
    chunk = new Uint8Array(CHUNK_BYTES);
    // The platform makes at most 65,536 at once.
    for (let at = 0; at < CHUNK_BYTES; at += 65_536) {
      crypto.getRandomValues(chunk.subarray(at, at + 65_536));
    }
  }
  return chunk;
}
let chunk: Uint8Array<ArrayBuffer> | undefined;
