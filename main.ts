/**
 * plantd-state: the state service of a plant control network. Arguments in, exit code out.
 *
 * @module
 */

import { fault, start } from "./src/cli/start.ts";

/** What nobody caught is a fault of ours: one line, and a code that has the process started anew. */
function onFault(event: Event, thrown: unknown): never {
  event.preventDefault();
  Deno.exit(fault(thrown));
}

addEventListener("error", (event) => onFault(event, event.error));
addEventListener("unhandledrejection", (event) => onFault(event, event.reason));

// In a turn of its own, when this module has come to its end. Deno keeps the compiled code only of modules
// that do, and an error thrown while one is still running makes V8 parse all of it again, to know the
// lines of its stack: the whole bundle, for the first file that is not there.
if (import.meta.main) setTimeout(async () => Deno.exit(await start(Deno.args)));
