/**
 * What the commands of `plantd-state state` read from standard input, and how they print.
 *
 * @module
 */

import { messageOf, PlantdError } from "../errors.ts";
import { VALUE_BYTES_STDIN_MAX } from "../limits.ts";
import { type JsonObject, JsonText, stringify } from "../state/json.ts";
import { EXIT } from "./exit_codes.ts";
import { formatOf, type OutputValues, printAs } from "./format.ts";
import { harmlessText } from "./table.ts";

/** Prints the service's reply, or for people what `table` makes of it. */
export function show(values: OutputValues, reply: JsonObject, table: () => string): number {
  printAs(formatOf(values), reply.text, table);
  return EXIT.done;
}

/** Prints names, one a line. */
export function showList(values: OutputValues, names: readonly string[]): number {
  const lines = () => names.map((name) => harmless(name)).join("\n");
  printAs(formatOf(values), stringify(names), () => names.length === 0 ? undefined : lines());
  return EXIT.done;
}

/** A name as a terminal may have it; scripts get it as it is. */
export function harmless(name: string): string {
  return Deno.stdout.isTerminal() ? harmlessText(name) : name;
}

/** Text as it is, anything else as JSON. */
export function valueText(reply: JsonObject): string {
  const { value } = reply.members;
  return typeof value === "string" ? value : reply.textOf("value")?.text ?? "";
}

/** `text` if it is JSON. */
export function jsonText(text: string): JsonText {
  try {
    JSON.parse(text);
  } catch (error) {
    throw new PlantdError("usage", `--json-value: the value is not JSON: ${messageOf(error)}`, {
      hint: "quote it for the shell, for example '{\"on\":true}'",
    });
  }
  return new JsonText(text);
}

/** The text on standard input, to the letter. */
export async function readStandardInput(): Promise<string> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  try {
    for await (const chunk of Deno.stdin.readable) {
      size += chunk.length;
      if (size > VALUE_BYTES_STDIN_MAX) {
        throw new Error(`at most ${VALUE_BYTES_STDIN_MAX} bytes are taken`);
      }
      chunks.push(chunk);
    }
    const bytes = await new Blob(chunks).arrayBuffer();
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    const why = error instanceof TypeError ? "UTF-8 text is needed" : messageOf(error);
    throw new PlantdError("usage", `standard input: ${why}`, { cause: error });
  }
}
