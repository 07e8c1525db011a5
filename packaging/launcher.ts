/**
 * `/usr/bin/plantd-state` of the Debian package: a few lines of shell that become Deno.
 *
 * @module
 */

import { RUN_FLAGS } from "./launch.ts";
import { BUNDLE_PATH, DENO_PATH } from "./parts.ts";

/** Where the package keeps the unpacked program. */
export const LIBRARY = "usr/lib/plantd-state";

/**
 * The script. It finds the program from where it lies itself, so that it works below any root
 * directory. It starts no other process, but for one when it is called through a link from elsewhere.
 *
 * @example
 * ```ts
 * await Deno.writeTextFile("root/usr/bin/plantd-state", launcher(), { mode: 0o755 });
 * ```
 */
export function launcher(): string {
  return `#!/bin/sh
# Starts plantd-state, with the Deno it came with. Called as plant, it is the client.
here=\${0%/*}
if [ ! -x "$here/../lib/plantd-state/${DENO_PATH}" ]; then
  # Called through a link that lies elsewhere.
  here=$(readlink -f "$0")
  here=\${here%/*}
fi
root=$here/../lib/plantd-state

PLANTD_STATE_INVOKED_AS=\${0##*/}
PLANTD_STATE_HOME=$HOME
DENO_NO_UPDATE_CHECK=1
export PLANTD_STATE_INVOKED_AS PLANTD_STATE_HOME DENO_NO_UPDATE_CHECK

# Where Deno keeps compiled code: as systemd says, else with the user's other caches.
if [ -n "$CACHE_DIRECTORY" ]; then
  export DENO_DIR="$CACHE_DIRECTORY"
elif [ -n "$XDG_CACHE_HOME$HOME" ]; then
  export DENO_DIR="\${XDG_CACHE_HOME:-$HOME/.cache}/plantd-state"
fi

# Deno reads .npmrc in HOME, or in the one of passwd(5) where that is empty, and one that is not to its
# liking would stop the program.
export HOME="$root"

exec "$root/${DENO_PATH}" ${RUN_FLAGS.map(shellWord).join(" ")} \\
  "$root/${BUNDLE_PATH}" "$@"
`;
}

/** A word as the shell must read it. */
function shellWord(word: string): string {
  return /^[\w=./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
