/**
 * Results go to standard output, everything else to standard error.
 *
 * @module
 */

import { invokedAs } from "../config/invocation.ts";
import { messageOf, PlantdError } from "../errors.ts";

const encoder = new TextEncoder();

/**
 * Writes a result and a line end to standard output; a reader that left is no error.
 *
 * @returns Whether there is a reader.
 */
export function print(text: string): boolean {
  return write(Deno.stdout, `${text}\n`);
}

/** Writes a line to standard error. */
export function warn(text: string): void {
  write(Deno.stderr, `${text}\n`);
}

/** Says on standard error what went wrong: one line, and a hint on the next where there is one. */
export function complain(thrown: unknown): void {
  const { name } = invokedAs();
  if (thrown instanceof PlantdError) {
    warn(`${name}: ${thrown.message}`);
    if (thrown.hint !== undefined) warn(`hint: ${thrown.hint}`);
    return;
  }
  // One line for people; with the place in the source, for whoever reports it.
  const place = thrown instanceof Error ? thrown.stack?.split("\n")[1]?.trim() : undefined;
  warn(`${name}: internal fault: ${messageOf(thrown)}${place === undefined ? "" : ` (${place})`}`);
}

function write(stream: { writeSync(data: Uint8Array): number }, text: string): boolean {
  let bytes = encoder.encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return false;
    throw new PlantdError("output_failed", `the result cannot be written: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
