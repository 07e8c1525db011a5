/**
 * What the system says of a write beside a database: SQLite calls most of it an I/O error.
 *
 * @module
 */

import { messageOf } from "../errors.ts";

/** A block, at least: less may fit into one that is there already. */
const PROBE_BYTES = 64 * 1024;

/**
 * Writes a little beside the database at `path`, and takes it away again. Never throws.
 *
 * @returns What was said, or undefined where the write was taken.
 *
 * @example
 * ```ts
 * await writeFault("state.db"); // "No space left on device (os error 28)"
 * ```
 */
export async function writeFault(path: string): Promise<string | undefined> {
  const probe = `${path}.probe`;
  try {
    await Deno.writeFile(probe, new Uint8Array(PROBE_BYTES), { mode: 0o600 });
    return undefined;
  } catch (error) {
    return messageOf(error);
  } finally {
    await Deno.remove(probe).catch(() => {});
  }
}
