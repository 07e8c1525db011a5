/**
 * What the commands of `plantd-state state` read from standard input, and how they print.
 *
 * @module
 */

import { messageOf, PlantdError } from "../errors.ts";
import { VALUE_BYTES_STDIN_MAX } from "../limits.ts";
import { type JsonObject, JsonText, stringify } from "../state/json.ts";
import { EXIT } from "./exit_codes.ts";
import { print } from "./output.ts";
import type { ConnectionValues } from "./state_options.ts";

// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

/** Prints the reply as it came with `--json`, else what `plain` makes of it. */
export function show({ json }: ConnectionValues, reply: JsonObject, plain: () => string): number {
  print(json ? reply.text : plain());
  return EXIT.done;
}

/** Prints names, one a line. */
export function showList({ json }: ConnectionValues, names: readonly string[]): number {
  if (json) print(stringify(names));
  else if (names.length > 0) print(names.map((name) => harmless(name)).join("\n"));
  return EXIT.done;
}

/** A name from who knows where must not give orders to a terminal; scripts get it as it is. */
export function harmless(name: string, but = ""): string {
  if (!Deno.stdout.isTerminal()) return name;
  return name.replace(
    CONTROL,
    (char) => char === but ? char : `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
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
