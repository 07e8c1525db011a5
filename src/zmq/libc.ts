/**
 * The C library, through the foreign function interface.
 *
 * @module
 */

/** Names under which it is found, most likely first. */
const NAMES = ["libc.so.6", "libSystem.B.dylib", "libc.so", "libc.musl-x86_64.so.1"];

/** Functions of the C library; undefined where it is not found, or there is no permission for it. */
export function openLibc<Symbols extends Deno.ForeignLibraryInterface>(
  symbols: Symbols,
): Deno.DynamicLibrary<Symbols> | undefined {
  for (const name of NAMES) {
    try {
      return Deno.dlopen(name, symbols);
    } catch {
      // Not this name: the next one.
    }
  }
  return undefined;
}

/**
 * Has rand(3) begin anywhere. libzmq counts the identities it makes up from there, and seeds nothing, so
 * that the first one would be the same in every process: whoever claims the next one ends it (see
 * mdp/alias.ts).
 */
export function seedRand(): void {
  const libc = openLibc({ srand: { parameters: ["u32"], result: "void" } });
  libc?.symbols.srand(crypto.getRandomValues(new Uint32Array(1))[0]!);
  libc?.close();
}
