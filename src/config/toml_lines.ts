/**
 * Finds the lines of a TOML file's keys. The parser does not keep them, so the text is scanned for
 * table headers and keys, once it is known to be good TOML. Keys inside of an inline table or a
 * list of several lines are not found; whoever asks falls back on what is around them.
 *
 * @module
 */

/** `a.b."c d"` at the beginning of a line, or behind the brackets of a header. */
const KEY =
  /^\s*((?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*'))*)\s*/;

const PART = /[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*'/g;

/**
 * The line, counted from 1, of every key and table header that stands at the beginning of a line.
 *
 * @returns Lines by path; the parts of a path are joined by NUL, and list elements are numbers.
 *
 * @example
 * ```ts
 * tomlLines("[[buses]]\nname = 'state'").get("buses\x000\0name"); // 2
 * ```
 */
export function tomlLines(text: string): ReadonlyMap<string, number> {
  const lines = new Map<string, number>();
  const elements = new Map<string, number>();
  let table: string[] = [];
  let openQuote: string | undefined;
  const note = (path: string[], line: number) => {
    // A dotted key also makes the sections in front of it.
    for (let length = 1; length <= path.length; length++) {
      const joined = path.slice(0, length).join("\0");
      if (!lines.has(joined)) lines.set(joined, line);
    }
  };
  for (const [index, content] of text.split("\n").entries()) {
    const wasInside = openQuote !== undefined;
    openQuote = quoteAfter(content, openQuote);
    if (wasInside) continue;
    const brackets = /^\s*\[\[?/.exec(content)?.[0] ?? "";
    const name = KEY.exec(content.slice(brackets.length));
    if (name === null) continue;
    const path = name[1]!.match(PART)!.map(unquote);
    const behind = content.slice(brackets.length + name[0].length);
    if (brackets === "" && behind.startsWith("=")) {
      note([...table, ...path], index + 1);
    } else if (brackets !== "" && behind.startsWith("]")) {
      table = withElements(path, elements, brackets.endsWith("[["));
      note(table, index + 1);
    }
  }
  return lines;
}

/** The path of a header with the numbers of the list elements that it goes through. */
function withElements(path: string[], elements: Map<string, number>, isElement: boolean): string[] {
  const table: string[] = [];
  for (const [index, part] of path.entries()) {
    table.push(part);
    const joined = table.join("\0");
    if (isElement && index === path.length - 1) {
      elements.set(joined, (elements.get(joined) ?? -1) + 1);
    }
    const element = elements.get(joined);
    if (element !== undefined) table.push(String(element));
  }
  return table;
}

/** Which triple quote, if any, is still open at the end of a line. */
function quoteAfter(content: string, open: string | undefined): string | undefined {
  let now = open;
  for (const [mark] of content.matchAll(/"""|'''/g)) {
    if (now === undefined) now = mark;
    else if (now === mark) now = undefined;
  }
  return now;
}

function unquote(part: string): string {
  if (part.startsWith("'")) return part.slice(1, -1);
  if (!part.startsWith('"')) return part;
  try {
    return JSON.parse(part);
  } catch {
    // TOML knows escapes that JSON does not; the text as written is good enough for a line.
    return part.slice(1, -1);
  }
}
