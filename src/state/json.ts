/**
 * JSON as it crosses the wire: read strictly and bounded, and kept as text, because a plant's numbers
 * (nanosecond clocks, 64-bit counters, `1.0`) do not survive a trip through a double.
 *
 * @module
 */

import { messageOf, PlantdError } from "../errors.ts";
import { JSON_DEPTH_MAX } from "../limits.ts";
import { utf8Bytes } from "./utf8.ts";

/** A JSON value as text without white space, known to be valid; {@link stringify} passes it on as is. */
export class JsonText {
  readonly text: string;
  #bytes: number | undefined;

  /** @param text Valid JSON; only {@link parseObject} and adapters that stored such text know that. */
  constructor(text: string) {
    this.text = text;
  }

  /** UTF-8 length of the text; counted once, because it is asked for by everyone on the way to the disk. */
  get bytes(): number {
    return this.#bytes ??= utf8Bytes(this.text);
  }
}

/** A JSON object: its members parsed, and on request the text of one. */
export interface JsonObject {
  /** The object as it was read. */
  readonly text: string;
  /** The object as JSON.parse gives it; `__proto__` and its like are plain members. */
  readonly members: Readonly<Record<string, unknown>>;
  /** The value of member `name` as compact text, or undefined when there is none; the last one wins. */
  textOf(name: string): JsonText | undefined;
  /** Elements of the member `name`, an array; undefined where one of them is no object. */
  objectsOf(name: string): readonly JsonObject[] | undefined;
  /** Members of the member `name`, itself an object, as compact texts in order of first appearance. */
  textsOf(name: string): ReadonlyMap<string, JsonText>;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads one JSON object (RFC 8259) from UTF-8 bytes.
 *
 * @throws {PlantdError} `invalid_json` when it is not UTF-8, not JSON, not an object, or nested deeper
 * than {@link JSON_DEPTH_MAX}.
 *
 * @example
 * ```ts
 * const body = parseObject(new TextEncoder().encode('{"key":"t","value":1.0}'));
 * body.members.key; // "t"
 * body.textOf("value"); // JsonText { text: "1.0" }
 * ```
 */
export function parseObject(bytes: Uint8Array): JsonObject {
  const { text, parsed } = parse(bytes);
  if (!isObject(parsed)) {
    throw new PlantdError("invalid_json", `a JSON object is needed, found ${kindOf(parsed)}`);
  }
  return objectOf(text, parsed as Record<string, unknown>);
}

/**
 * Reads one JSON value of any kind from UTF-8 bytes.
 *
 * @throws {PlantdError} `invalid_json` when it is not UTF-8, not one JSON value, or nested deeper than
 * {@link JSON_DEPTH_MAX}.
 */
export function parseValue(bytes: Uint8Array): JsonText {
  return new JsonText(compact(parse(bytes).text.trim()));
}

function parse(bytes: Uint8Array): { readonly text: string; readonly parsed: unknown } {
  const text = decodeUtf8(bytes);
  // Before JSON.parse, which takes seconds for a message full of brackets.
  if (isTooDeep(text)) {
    throw new PlantdError(
      "invalid_json",
      `the JSON is nested deeper than the ${JSON_DEPTH_MAX} levels allowed`,
    );
  }
  try {
    return { text, parsed: JSON.parse(text) };
  } catch (error) {
    throw new PlantdError("invalid_json", `the JSON is broken: ${sentenceOf(error)}`);
  }
}

/** The object that valid JSON `text` is, with its `members` as JSON.parse gives them. */
function objectOf(text: string, members: Readonly<Record<string, unknown>>): JsonObject {
  return {
    text,
    members,
    objectsOf(name) {
      const elements = members[name] as readonly unknown[];
      if (!elements.every(isObject)) return undefined;
      const texts = elementsOf(membersOf(text).get(name)!);
      return elements.map((element, i) => objectOf(texts[i]!, element));
    },
    textOf(name) {
      const found = membersOf(text).get(name);
      return found === undefined ? undefined : new JsonText(compact(found));
    },
    textsOf(name) {
      const texts = new Map<string, JsonText>();
      for (const [key, raw] of membersOf(membersOf(text).get(name)!)) {
        texts.set(key, new JsonText(compact(raw)));
      }
      return texts;
    },
  };
}

/**
 * Serializes `value`, taking {@link JsonText} as it stands and leaving out undefined members.
 *
 * @example
 * ```ts
 * stringify({ key: "t", value: new JsonText("1.0") }); // '{"key":"t","value":1.0}'
 * ```
 */
export function stringify(value: unknown): string {
  if (value instanceof JsonText) return value.text;
  if (Array.isArray(value)) return `[${value.map(stringify).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members: string[] = [];
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined) members.push(`${JSON.stringify(name)}:${stringify(member)}`);
  }
  return `{${members.join(",")}}`;
}

/** Whether a parsed JSON value is an object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What kind of JSON value `value` is, in words for an error: "a string", "null", "nothing". */
export function kindOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new PlantdError("invalid_json", "the JSON is not valid UTF-8");
  }
}

/** JSON.parse's complaint without the quotation of what was sent: values are not for logs. */
function sentenceOf(error: unknown): string {
  // At the very end only: before it, the complaint may quote a peer that sends such words itself.
  const position = / at position \d+(?= \(line \d+ column \d+\)$)/.exec(messageOf(error));
  if (position) return `unexpected character${position[0]}`;
  return "unexpected end of input or bad character";
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;

/** Index after the string whose opening quote is at `start`; the end of `text` if it has no end. */
function stringEnd(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code === BACKSLASH) i += 1;
    else if (code === QUOTE) return i + 1;
  }
  return text.length;
}

function opens(code: number): boolean {
  return code === 0x7b || code === 0x5b;
}

function closes(code: number): boolean {
  return code === 0x7d || code === 0x5d;
}

/** Whether `text`, valid JSON or not, opens more than {@link JSON_DEPTH_MAX} levels. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  for (let i = 0; i < text.length && depth <= JSON_DEPTH_MAX; i += 1) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) i = stringEnd(text, i) - 1;
    else if (opens(code)) depth += 1;
    else if (closes(code)) depth -= 1;
  }
  return depth > JSON_DEPTH_MAX;
}

/** The members of the object that valid JSON `text` is: name to raw text of the value, the last wins. */
function membersOf(text: string): Map<string, string> {
  const members = new Map<string, string>();
  let i = text.indexOf("{") + 1;
  for (;;) {
    i = text.indexOf('"', i);
    if (i < 0) return members;
    const nameEnd = stringEnd(text, i);
    const name = JSON.parse(text.slice(i, nameEnd)) as string;
    const start = text.indexOf(":", nameEnd) + 1;
    const end = valueEnd(text, start);
    members.set(name, text.slice(start, end).trim());
    i = end;
    if (text.charCodeAt(i) !== COMMA) return members;
  }
}

/** The elements of the array that valid JSON `text` is, as raw texts; one empty text if it has none. */
function elementsOf(text: string): string[] {
  const elements: string[] = [];
  let i = text.indexOf("[");
  do {
    const start = i + 1;
    i = valueEnd(text, start);
    elements.push(text.slice(start, i).trim());
  } while (text.charCodeAt(i) === COMMA);
  return elements;
}

/** Index of the comma or closing brace that ends the member value which begins at `start`. */
function valueEnd(text: string, start: number): number {
  let depth = 0;
  for (let i = start;; i += 1) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) i = stringEnd(text, i) - 1;
    else if (opens(code)) depth += 1;
    else if (depth === 0 && (code === COMMA || closes(code))) return i;
    else if (closes(code)) depth -= 1;
  }
}

/** Valid JSON `text` without the white space between its tokens. */
function compact(text: string): string {
  if (!/[ \t\n\r]/.test(text)) return text;
  const parts: string[] = [];
  let from = 0;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      i = stringEnd(text, i) - 1;
    } else if (code === 0x20 || (code >= 0x09 && code <= 0x0d)) {
      parts.push(text.slice(from, i));
      from = i + 1;
    }
  }
  parts.push(text.slice(from));
  return parts.join("");
}
