/**
 * Where npm:zeromq's addon for this machine lies.
 *
 * @module
 */

/** What a packaged program has beside its directory: the addon that it came with, alone. */
const MANIFEST = new URL("../build/manifest.json", import.meta.url);

/**
 * The addon's file. A packaged program knows it; from source the package's own loader is asked, which
 * knows which of its builds is for this machine.
 */
export async function addonPath(): Promise<string> {
  try {
    const [path] = Object.values<string>(JSON.parse(Deno.readTextFileSync(MANIFEST)));
    return decodeURIComponent(new URL(path!, MANIFEST).pathname);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const { loadedAddon } = await import("./npm_addon.ts");
  return loadedAddon();
}
