/**
 * Directories that are still there after a power cut.
 *
 * @module
 */

import { parentOf } from "../paths.ts";
import { syncDirectory } from "../sync_directory.ts";

/**
 * Makes the directory at `path` and those above it that are missing, for their owner alone, and has
 * their names written to the disk: what lies in a directory whose own name is lost is lost with it.
 *
 * @param path Absolute.
 * @throws What the file system says.
 */
export async function makeDirectory(path: string): Promise<void> {
  const missing: string[] = [];
  for (let at = path; !(await isThere(at)); at = parentOf(at)) missing.push(at);
  await Deno.mkdir(path, { recursive: true, mode: 0o700 });
  for (const made of missing) {
    await syncDirectory(parentOf(made)).catch((error) => {
      // As SQLite does it: a directory that may only be passed through is left to the file system.
      if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    });
  }
}

async function isThere(path: string): Promise<boolean> {
  if (path === parentOf(path)) return true;
  return await Deno.stat(path).then(() => true, (error) => {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  });
}
