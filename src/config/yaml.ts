/**
 * YAML of any shape, for data that people keep in files: to the letter, as JSON is.
 *
 * @module
 */

import { LineCounter, parseDocument, type ScalarTag, stringify, visit } from "yaml";
import { messageOf, PlantdError } from "../errors.ts";

/** A number as JSON writes it (RFC 8259 section 6). */
const JSON_NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$/;

/** TypeScript does not know it yet (JSON.parse source text access). */
const { rawJSON } = JSON as typeof JSON & { rawJSON(text: string): unknown };

/**
 * What a document says, as JSON text; numbers keep the digits that they were written with.
 *
 * @param name Of the file, for the message.
 * @throws {PlantdError} `usage` when it is no YAML, nor JSON, which is a part of it, or has a number that
 * JSON has not: `.inf`, `.nan`.
 *
 * @example
 * ```ts
 * jsonOfYaml("oven.yml", "setpoint: 1.0"); // '{"setpoint":1.0}'
 * ```
 */
export function jsonOfYaml(name: string, text: string): string {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [fault] = document.errors;
  if (fault) throw broken(name, fault);
  visit(document, {
    Scalar(place, node) {
      const { value, source = "" } = node;
      if (typeof value !== "number") return;
      if (place === "key") node.value = source;
      else if (JSON_NUMBER.test(source)) node.value = rawJSON(source);
      else if (!Number.isFinite(value)) {
        const { line } = lines.linePos(node.range![0]);
        throw new PlantdError("usage", `${name}:${line}: JSON has no number such as ${source}`);
      }
    },
  });
  try {
    return JSON.stringify(document.toJS()) ?? "null";
  } catch (error) {
    // Too many aliases, for one.
    throw broken(name, error);
  }
}

function broken(name: string, error: unknown): PlantdError {
  const [line] = messageOf(error).split("\n");
  return new PlantdError("usage", `${name}: neither JSON nor YAML: ${line}`, { cause: error });
}

/** A number that JavaScript would write otherwise. */
class Digits {
  constructor(readonly text: string) {}
}

const DIGITS: ScalarTag = {
  tag: "tag:yaml.org,2002:float",
  default: true,
  identify: (value) => value instanceof Digits,
  // It is only for writing; nothing is read as one.
  test: /(?!)/,
  resolve: (text) => text,
  stringify: ({ value }) => (value as Digits).text,
};

/**
 * JSON text as a document, without the line end: numbers to the letter, and texts in quotes that YAML 1.1
 * takes for something else (`yes`, `12:30:00`), because that is what Python reads.
 */
export function yamlOfJson(json: string): string {
  const value = JSON.parse(json, exact as (key: string, value: unknown) => unknown);
  return stringify(value, { compat: "yaml-1.1", customTags: (tags) => [DIGITS, ...tags] })
    .trimEnd();
}

/** A number as it was written (JSON.parse source text access). */
function exact(_key: string, value: unknown, { source = "" }: { source?: string }): unknown {
  return typeof value === "number" && String(value) !== source ? new Digits(source) : value;
}
