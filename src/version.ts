/**
 * What this program is called and which version it is; taken from the project file, said once.
 *
 * @module
 */

import project from "../deno.json" with { type: "json" };

/** Version of the program, as in deno.json. */
export const VERSION: string = project.version;

/** Name of the program. */
export const PROGRAM = "plantd-state";
