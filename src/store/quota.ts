/**
 * Whether a disk that cannot be written is one on which a quota is reached: SQLite calls that an I/O
 * error, and does not tell which.
 *
 * @module
 */

import { messageOf, PlantdError } from "../errors.ts";
import { DISK_IS_FULL } from "./refusals.ts";
import { writeFault } from "./write_fault.ts";

/** What SQLite says of everything that it does not know better. */
const IO_ERROR = "disk I/O error";
/** What the file system says: EDQUOT and ENOSPC (errno(3) on Linux), and EDQUOT on macOS. */
const IS_FULL = /os error (122|28|69)\b/;

/** The quota of whoever owns the database at a path. */
export class Quota {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** What `thrown` says of a write that failed, or that the disk is full where the quota is reached. */
  async explain(thrown: unknown): Promise<unknown> {
    if (!messageOf(thrown).includes(IO_ERROR)) return thrown;
    if (!IS_FULL.test(await writeFault(this.#path) ?? "")) return thrown;
    return new PlantdError("storage_full", DISK_IS_FULL, { cause: thrown });
  }
}
