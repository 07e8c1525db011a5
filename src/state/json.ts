/**
 * JSON as it crosses the wire: read strictly and bounded, and kept as text, because a plant's numbers
 * (nanosecond clocks, 64-bit counters, `1.0`) do not survive a trip through a double.
 *
 * @module
 */

import { messageOf, PlantdError } from "../errors.ts";
import { JSON_DEPTH_MAX } from "../limits.ts";
import { compact, eachMember, elementsOf, isTooDeep } from "./json_text.ts";
import { utf8Bytes } from "./utf8.ts";

/** A JSON value as text without white space, known to be valid; {@link stringify} passes it on as is. */
export class JsonText {
  readonly text: string;
  #bytes: number | undefined;

  /**
   * @param text Valid JSON; only {@link parseObject} and adapters that stored such text know that.
   * @param isAscii Whether it is known to be of ASCII, which spares the count of its bytes.
   */
  constructor(text: string, isAscii = false) {
    this.text = text;
    this.#bytes = isAscii ? text.length : undefined;
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
  const { text, isAscii, parsed } = parse(bytes);
  if (!isObject(parsed)) {
    throw new PlantdError("invalid_json", `a JSON object is needed, found ${kindOf(parsed)}`);
  }
  return new ParsedObject(text, isAscii, parsed);
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

function parse(
  bytes: Uint8Array,
): { readonly text: string; readonly isAscii: boolean; readonly parsed: unknown } {
  const text = decodeUtf8(bytes);
  // Before JSON.parse, which takes seconds for a message full of brackets.
  if (isTooDeep(text)) {
    throw new PlantdError(
      "invalid_json",
      `the JSON is nested deeper than the ${JSON_DEPTH_MAX} levels allowed`,
    );
  }
  try {
    // Any other character takes more bytes than it has UTF-16 code units.
    return { text, isAscii: text.length === bytes.length, parsed: JSON.parse(text) };
  } catch (error) {
    throw new PlantdError("invalid_json", `the JSON is broken: ${sentenceOf(error)}`);
  }
}

/** The object that valid JSON `text` is, with its `members` as JSON.parse gives them. */
class ParsedObject implements JsonObject {
  readonly text: string;
  readonly members: Readonly<Record<string, unknown>>;
  readonly #isAscii: boolean;

  constructor(text: string, isAscii: boolean, members: Readonly<Record<string, unknown>>) {
    this.text = text;
    this.members = members;
    this.#isAscii = isAscii;
  }

  textOf(name: string): JsonText | undefined {
    const found = this.#memberOf(name);
    return found === undefined ? undefined : this.#compacted(found);
  }

  objectsOf(name: string): readonly JsonObject[] | undefined {
    const elements = this.members[name] as readonly unknown[];
    if (!elements.every(isObject)) return undefined;
    const texts = elementsOf(this.#memberOf(name)!);
    return elements.map((element, i) => new ParsedObject(texts[i]!, this.#isAscii, element));
  }

  textsOf(name: string): ReadonlyMap<string, JsonText> {
    const texts = new Map<string, JsonText>();
    eachMember(this.#memberOf(name)!, (member, raw) => texts.set(member, this.#compacted(raw)));
    return texts;
  }

  #memberOf(name: string): string | undefined {
    let found: string | undefined;
    eachMember(this.text, (member, raw) => {
      if (member === name) found = raw;
    });
    return found;
  }

  #compacted(raw: string): JsonText {
    return new JsonText(compact(raw), this.#isAscii);
  }
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
