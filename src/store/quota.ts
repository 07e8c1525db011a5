/**
 * Whether a disk that cannot be written is one on which a quota is reached: SQLite calls that an I/O
 * error, and does not tell which.
 *
 * @module
 */

import { messageOf, PlantdError } from "../errors.ts";
import { DISK_IS_FULL } from "./refusals.ts";

/** What SQLite says of everything that it does not know better. */
const IO_ERROR = "disk I/O error";
/** What the file system says: EDQUOT and ENOSPC (errno(3) on Linux), and EDQUOT on macOS. */
const IS_FULL = /os error (122|28|69)\b/;
/** A block, at least: less may fit into one that is there already. */
const PROBE_BYTES = 64 * 1024;

/** The quota of whoever owns the database at a path. */
export class Quota {
  readonly #path: string;

  constructor(path: string) {
    this.#path = `${path}.probe`;
  }

  /** What `thrown` says of a write that failed, or that the disk is full where the quota is reached. */
  async explain(thrown: unknown): Promise<unknown> {
    if (!messageOf(thrown).includes(IO_ERROR) || !await this.#isReached()) return thrown;
    return new PlantdError("storage_full", DISK_IS_FULL, { cause: thrown });
  }

  /** Writes a little, to be told the reason. */
  async #isReached(): Promise<boolean> {
    try {
      await Deno.writeFile(this.#path, new Uint8Array(PROBE_BYTES), { mode: 0o600 });
      return false;
    } catch (error) {
      return IS_FULL.test(messageOf(error));
    } finally {
      await Deno.remove(this.#path).catch(() => {});
    }
  }
}
