/**
 * The text of JSON, taken apart without reading what it says: where members, elements and strings begin and
 * end. But for the depth, it must be valid.
 *
 * @module
 */

import { JSON_DEPTH_MAX } from "../limits.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;

/** Index after the string whose opening quote is at `start`; the end of `text` if it has no end. */
function stringEnd(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end >= 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end < 0 ? text.length : end + 1;
}

/** Whether the quote at `index` of a string has a backslash before it that is not itself escaped. */
function isEscaped(text: string, index: number): boolean {
  let start = index;
  while (text.charCodeAt(start - 1) === BACKSLASH) start -= 1;
  return (index - start) % 2 === 1;
}

function opens(code: number): boolean {
  return code === 0x7b || code === 0x5b;
}

function closes(code: number): boolean {
  return code === 0x7d || code === 0x5d;
}

/** Whether `text`, valid JSON or not, opens more than {@link JSON_DEPTH_MAX} levels. */
export function isTooDeep(text: string): boolean {
  if (hasFewBrackets(text)) return false;
  let depth = 0;
  for (let i = 0; i < text.length && depth <= JSON_DEPTH_MAX; i += 1) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) i = stringEnd(text, i) - 1;
    else if (opens(code)) depth += 1;
    else if (closes(code)) depth -= 1;
  }
  return depth > JSON_DEPTH_MAX;
}

/** Whether too few levels are opened wherever that stands, also in strings: that is found out at once. */
function hasFewBrackets(text: string): boolean {
  let found = 0;
  for (const bracket of ["{", "["]) {
    for (let i = text.indexOf(bracket); i >= 0; i = text.indexOf(bracket, i + 1)) {
      found += 1;
      if (found > JSON_DEPTH_MAX) return false;
    }
  }
  return true;
}

/**
 * Calls `visit` with each member of the object that valid JSON `text` is: its name, and its value's raw text.
 * Names that others chose come from here, never from `members`: V8 15.0 takes `"a\""` for `"a\\"` where an
 * object before had that name.
 */
export function eachMember(text: string, visit: (name: string, raw: string) => void): void {
  let i = text.indexOf("{") + 1;
  for (;;) {
    i = text.indexOf('"', i);
    if (i < 0) return;
    const nameEnd = stringEnd(text, i);
    const name = text.slice(i + 1, nameEnd - 1);
    const start = text.indexOf(":", nameEnd) + 1;
    const end = valueEnd(text, start);
    visit(name.includes("\\") ? JSON.parse(`"${name}"`) : name, text.slice(start, end).trim());
    i = end;
    if (text.charCodeAt(i) !== COMMA) return;
  }
}

/** The elements of the array that valid JSON `text` is, as raw texts; one empty text if it has none. */
export function elementsOf(text: string): string[] {
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
export function compact(text: string): string {
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
