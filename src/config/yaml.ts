/**
 * YAML of any shape, for data that people keep in files.
 *
 * @module
 */

import { parse, stringify } from "yaml";
import { messageOf, PlantdError } from "../errors.ts";

/**
 * What a document says.
 *
 * @param name Of the file, for the message.
 * @throws {PlantdError} `usage` when it is no YAML, nor JSON, which is a part of it.
 */
export function parseYaml(name: string, text: string): unknown {
  try {
    return parse(text) as unknown;
  } catch (error) {
    const [line] = messageOf(error).split("\n");
    throw new PlantdError("usage", `${name}: neither JSON nor YAML: ${line}`, { cause: error });
  }
}

/** `value` as a document, without the line end. */
export function formatYaml(value: unknown): string {
  return stringify(value).trimEnd();
}

/** JSON text as a document; whole numbers keep all of their digits. */
export function yamlOfJson(json: string): string {
  return formatYaml(JSON.parse(json, unrounded as (key: string, value: unknown) => unknown));
}

/** A number as it was written, where a double cannot hold it (JSON.parse source text access). */
function unrounded(_key: string, value: unknown, { source = "" }: { source?: string }): unknown {
  const isRounded = typeof value === "number" && !Number.isSafeInteger(value);
  return isRounded && /^-?\d+$/.test(source) ? BigInt(source) : value;
}
