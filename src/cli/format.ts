/**
 * In which form a command prints its result: for people, or as JSON or YAML for programs.
 *
 * @module
 */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { option } from "@optique/core/primitives";
import { choice } from "@optique/core/valueparser";
import { yamlOfJson } from "../config/yaml.ts";
import { PlantdError } from "../errors.ts";
import { print } from "./output.ts";

/** A form; `table` is the one for people, be it a table, a sentence or a plain value. */
export type Format = "table" | "json" | "yaml";

const FORMATS = ["table", "json", "yaml"] as const;

/** `--output FORMAT`, and `--json`. */
export const outputOptions = object("Output", {
  output: optional(
    option("-o", "--output", choice(FORMATS, { metavar: "FORMAT" }), {
      description: message`table (for people), json or yaml.`,
    }),
  ),
  json: option("--json", { description: message`The same as --output json.` }),
});

/** What {@link outputOptions} parses to. */
export interface OutputValues {
  readonly output?: Format | undefined;
  readonly json: boolean;
}

/**
 * The form that was asked for.
 *
 * @throws {PlantdError} `usage` when two were.
 */
export function formatOf({ output, json }: OutputValues, byDefault: Format = "table"): Format {
  if (!json) return output ?? byDefault;
  if (output === undefined || output === "json") return "json";
  throw new PlantdError("usage", `--json and --output ${output} contradict each other`);
}

/**
 * Prints a result.
 *
 * @param json The result as JSON text.
 * @param table The result for people; undefined where there is nothing to print.
 * @returns Whether there is a reader.
 *
 * @example
 * ```ts
 * printAs("yaml", '{"keys":2}', () => "2 keys"); // prints keys: 2
 * ```
 */
export function printAs(
  format: Format,
  json: string,
  table: () => string | undefined,
): boolean {
  switch (format) {
    case "table": {
      const text = table();
      return text === undefined || print(text);
    }
    case "json":
      return print(json);
    case "yaml":
      return print(yamlOfJson(json));
  }
}

/** One of many results, as it comes: an object a line, or a YAML document. */
export function printOne(format: Format, json: string, line: () => string): boolean {
  return printAs(format, json, line) && (format !== "yaml" || print("---"));
}
