/**
 * To whom files belong that root makes for somebody else.
 *
 * @module
 */

import fs from "node:fs/promises";

/**
 * Has the file at `path` belong to whom `like` belongs to. Where an administrator restores or recovers, the
 * service, which is another user, has to open what was made. Never throws: nobody but root may do so, and
 * nobody else has to.
 *
 * @example
 * ```ts
 * await giveTo("/var/lib/plantd-state/state.db.next", "/var/lib/plantd-state/state.db");
 * ```
 */
export async function giveTo(path: string, like: string): Promise<void> {
  try {
    const [made, { uid, gid }] = await Promise.all([Deno.lstat(path), Deno.stat(like)]);
    if (uid === null || gid === null || made.uid === uid) return;
    // A link that somebody put there meanwhile is not followed.
    await fs.lchown(path, uid, gid);
  } catch {
    // Not ours to give.
  }
}
