/**
 * Names of files, on the disk for good.
 *
 * @module
 */

/**
 * Has the names in the directory at `path` written to the disk: a file that was made or renamed there is
 * found after a power cut only then.
 *
 * @throws What the file system says; `Deno.errors.PermissionDenied` where the directory may not be read.
 *
 * @example
 * ```ts
 * await Deno.rename("/var/lib/plantd/new", "/var/lib/plantd/state.db");
 * await syncDirectory("/var/lib/plantd");
 * ```
 */
export async function syncDirectory(path: string): Promise<void> {
  using directory = await Deno.open(path);
  await directory.sync();
}
