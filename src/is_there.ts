/**
 * Whether there is something at a path.
 *
 * @module
 */

/**
 * Resolves with true for whatever has the name, a link to nothing too.
 *
 * @throws What the file system says, where it does not say.
 *
 * @example
 * ```ts
 * await isThere("/var/lib/plantd-state/state.db"); // true
 * ```
 */
export async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
