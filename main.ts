/**
 * plantd-state: the state service of a plant control network. Arguments in, exit code out.
 *
 * @module
 */

import { main } from "./src/cli/main.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));
