/**
 * Results go to standard output, everything else to standard error.
 *
 * @module
 */

import { messageOf, PlantdError } from "../errors.ts";
import { PROGRAM } from "../version.ts";

const encoder = new TextEncoder();

/** Writes a result and a line end to standard output; a reader that left is no error. */
export function print(text: string): void {
  write(Deno.stdout, `${text}\n`);
}

/** Says on standard error what went wrong: one line, and a hint on the next where there is one. */
export function complain(thrown: unknown): void {
  if (thrown instanceof PlantdError) {
    write(Deno.stderr, `${PROGRAM}: ${thrown.message}\n`);
    if (thrown.hint !== undefined) write(Deno.stderr, `hint: ${thrown.hint}\n`);
    return;
  }
  write(Deno.stderr, `${PROGRAM}: internal fault: ${messageOf(thrown)}\n`);
}

function write(stream: { writeSync(data: Uint8Array): number }, text: string): void {
  let bytes = encoder.encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
