/**
 * The three syntaxes of a configuration file. Each parser gives the content as plain JavaScript
 * values and a way to find the line of every key, because an error without a line helps nobody.
 *
 * @module
 */

import { parse as parseTomlText, TomlError } from "smol-toml";
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
} from "yaml";

import { messageOf } from "../errors.ts";
import { tomlLines } from "./toml_lines.ts";

type Keys = readonly (string | number)[];

/** What a parser makes of a text. */
export interface Parsed {
  /** Undefined when the text holds nothing. */
  readonly content: unknown;
  lineOf(keys: Keys): number | undefined;
}

/** A text that is not what its ending promises. */
export class SyntaxFault extends Error {
  override readonly name = "SyntaxFault";
  readonly line: number | undefined;

  constructor(message: string, line: number | undefined) {
    super(message);
    this.line = line;
  }
}

/**
 * Reads one YAML 1.2 document. Keys must be unique; aliases are bounded by the parser, so that a
 * small file cannot become a large value.
 *
 * @throws {SyntaxFault}
 *
 * @example
 * ```ts
 * parseYaml("log:\n  level: info\n").lineOf(["log", "level"]); // 2
 * ```
 */
export function parseYaml(text: string): Parsed {
  const { document, lines } = yamlDocument(text);
  const error = document.errors[0];
  if (error !== undefined) {
    // The parser is recursive: very deep nesting exhausts the stack, which says nothing to a reader.
    const why = /call stack/.test(error.message) ? "nested too deeply" : error.message;
    throw new SyntaxFault(`not valid YAML: ${why}`, lines.linePos(error.pos[0]).line);
  }
  let content: unknown;
  try {
    content = document.toJS();
  } catch (thrown) {
    throw new SyntaxFault(`not valid YAML: ${messageOf(thrown)}`, undefined);
  }
  return { content: content ?? undefined, lineOf: (keys) => yamlLine(document, lines, keys) };
}

/**
 * Reads JSON. Where things stand is taken from the YAML parser, since JSON is YAML, too.
 *
 * @throws {SyntaxFault}
 *
 * @example
 * ```ts
 * parseJson(`{\n"log": {}}`).lineOf(["log"]); // 2
 * ```
 */
export function parseJson(text: string): Parsed {
  if (text.trim() === "") return { content: undefined, lineOf: () => undefined };
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (thrown) {
    // The engine's message repeats a piece of the text, which may have several lines.
    const message = messageOf(thrown).replaceAll(/\s+/g, " ");
    throw new SyntaxFault(`not valid JSON: ${message}`, lineAt(text, jsonFault(text, thrown)));
  }
  const { document, lines } = yamlDocument(text);
  const twice = document.errors.find((error) => error.code === "DUPLICATE_KEY");
  if (twice !== undefined) {
    throw new SyntaxFault(`not valid JSON: ${twice.message}`, lines.linePos(twice.pos[0]).line);
  }
  return { content: content ?? undefined, lineOf: (keys) => yamlLine(document, lines, keys) };
}

/**
 * Reads TOML 1.0.
 *
 * @throws {SyntaxFault}
 *
 * @example
 * ```ts
 * parseToml("[log]\nlevel = 'info'").lineOf(["log", "level"]); // 2
 * ```
 */
export function parseToml(text: string): Parsed {
  try {
    const content = parseTomlText(text);
    const lines = tomlLines(text);
    return { content, lineOf: (keys) => nearestLine(keys, (some) => lines.get(some.join("\0"))) };
  } catch (thrown) {
    // The first line of the message is the fault, the rest a picture of the text.
    const message = messageOf(thrown).split("\n")[0]!.replace("Invalid TOML document: ", "");
    const line = thrown instanceof TomlError ? thrown.line : undefined;
    throw new SyntaxFault(`not valid TOML: ${message}`, line);
  }
}

/** Asks for the whole path first, then for ever shorter ones. */
function nearestLine(keys: Keys, find: (keys: Keys) => number | undefined): number | undefined {
  for (let length = keys.length; length > 0; length--) {
    const line = find(keys.slice(0, length));
    if (line !== undefined) return line;
  }
  return undefined;
}

function yamlDocument(text: string): { document: Document.Parsed; lines: LineCounter } {
  const lines = new LineCounter();
  const options = { lineCounter: lines, prettyErrors: false, logLevel: "error" } as const;
  return { document: parseDocument(text, options), lines };
}

function yamlLine(document: Document.Parsed, lines: LineCounter, keys: Keys): number | undefined {
  const lineOf = (node: Node | null) =>
    node?.range === undefined || node.range === null
      ? undefined
      : lines.linePos(node.range[0]).line;
  return nearestLine(keys, (some) => lineOf(yamlNode(document, some)));
}

/** The key or list element at the end of `keys`. */
function yamlNode(document: Document.Parsed, keys: Keys): Node | null {
  let found: Node | null = null;
  let value: Node | null | undefined = document.contents;
  for (const key of keys) {
    if (isAlias(value)) value = value.resolve(document);
    if (isMap<Node, Node | null>(value)) {
      const pair: Pair<Node, Node | null> | undefined = value.items.find(({ key: name }) =>
        isScalar(name) && String(name.value) === key
      );
      if (pair === undefined) return null;
      found = pair.key;
      value = pair.value;
    } else if (isSeq<Node>(value) && typeof key === "number") {
      found = value = value.items[key] ?? null;
    } else {
      return null;
    }
  }
  return found;
}

/** How many characters of a text are good JSON, as far as the engine tells. */
function jsonFault(text: string, thrown: unknown): number {
  const position = /at position (\d+)/.exec(messageOf(thrown))?.[1];
  if (position !== undefined) return Number(position);
  // "Unexpected token 'x'" comes without its position. Parsing stops at the first fault, so every
  // beginning of the text that holds the fault fails in the same words, and no shorter one does.
  const words = /^Unexpected token '.+?'/su.exec(messageOf(thrown))?.[0];
  if (words === undefined) return text.length;
  let good = 0;
  let bad = text.length;
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1;
    if (failsWith(words, text.slice(0, middle))) bad = middle;
    else good = middle;
  }
  return good;
}

function failsWith(words: string, text: string): boolean {
  try {
    JSON.parse(text);
    return false;
  } catch (thrown) {
    return messageOf(thrown).startsWith(words);
  }
}

function lineAt(text: string, position: number): number {
  return text.slice(0, position).split("\n").length;
}
