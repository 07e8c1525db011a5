/**
 * Writes manual pages: the few macros of man(7) that one needs, and text that cannot be mistaken for
 * any of them.
 *
 * @module
 */

import type { Message, MessageTerm } from "@optique/core/message";
import type { Usage, UsageTerm } from "@optique/core/usage";

/** Characters that troff sets as something else when they stand for themselves (groff_char(7)). */
const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\e",
  "-": "\\-",
  "'": "\\(aq",
  "`": "\\(ga",
  "^": "\\(ha",
  "~": "\\(ti",
  '"': "\\(dq",
};

/**
 * Text as it is: nothing in it is a request, an escape or a typographic ornament.
 *
 * @example
 * ```ts
 * escape(".so /etc/passwd --x"); // "\\&.so /etc/passwd \\-\\-x"
 * ```
 */
export function escape(text: string): string {
  const escaped = text
    .replaceAll(/[\\\-'`^~"]/g, (character) => ESCAPES[character]!)
    .replaceAll(
      /[^\x20-\x7e]/gu,
      (character) =>
        `\\[u${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}]`,
    );
  // A dot that begins a line would begin a request.
  return escaped.startsWith(".") ? `\\&${escaped}` : escaped;
}

/** What is typed as it stands. */
export function bold(text: string): string {
  return `\\fB${escape(text)}\\fR`;
}

/** What stands for something else. */
export function italic(text: string): string {
  return `\\fI${escape(text)}\\fR`;
}

/** The head of a page. */
export function title(name: string, section: number, date: string, source: string): string {
  const fields = [name.toUpperCase(), String(section), date, source].map(quoted);
  // No hyphenation and no justification: options and file names stay whole.
  return `.TH ${fields.join(" ")}\n.nh\n.ad l\n`;
}

/** A section, its lines already troff. */
export function section(name: string, ...body: readonly string[]): string {
  return `.SH ${quoted(name)}\n${body.join("")}`;
}

/** A section within a section. */
export function subsection(name: string, ...body: readonly string[]): string {
  return `.SS ${quoted(name)}\n${body.join("")}`;
}

/** A paragraph, its text already troff. */
export function paragraph(text: string): string {
  return `.PP\n${text}\n`;
}

/** A term, already troff, and what it means. */
export function definition(term: string, ...meanings: readonly string[]): string {
  return `.TP\n${term}\n${meanings.join("\n")}\n`;
}

/** Lines to be typed, as they are. */
export function example(...lines: readonly string[]): string {
  return `.PP\n.RS 4\n.nf\n${lines.map((line) => `${escape(line)}\n`).join("")}.fi\n.RE\n`;
}

/** How a command is called: what is typed in bold, what stands for something in italics. */
export function synopsis(program: string, usage: Usage): string {
  const terms = [bold(program), ...usage.map((term) => usageTerm(term, "|"))];
  // An indent that hangs, for usages longer than a line.
  return `.HP 4\n${terms.join(" ")}\n`;
}

/** A message of the command line's definitions. */
export function fromMessage(message: Message): string {
  const text = message.map(messageTerm).join("");
  return text.startsWith(".") ? `\\&${text}` : text;
}

/**
 * One term of a usage.
 *
 * @param between What stands between the names of one option.
 */
export function usageTerm(term: UsageTerm, between = ", "): string {
  const all = (terms: Usage, separator: string) =>
    terms.map((one) => usageTerm(one, between)).join(separator);
  switch (term.type) {
    case "command":
      return bold(term.name);
    case "literal":
      return bold(term.value);
    case "argument":
      return italic(term.metavar);
    case "option": {
      const names = term.names.map(bold).join(between);
      // The blank does not break.
      return term.metavar === undefined ? names : `${names}\\ ${italic(term.metavar)}`;
    }
    case "optional":
      return `[${all(term.terms, " ")}]`;
    case "multiple":
      return term.min === 0 ? `[${all(term.terms, " ")}]...` : `${all(term.terms, " ")}...`;
    case "exclusive":
      return term.terms.map((terms) => all(terms, " ")).join(" | ");
    case "sequence":
      return all(term.terms, " ");
    case "passthrough":
    case "ellipsis":
      return "...";
  }
}

function messageTerm(term: MessageTerm): string {
  switch (term.type) {
    case "text":
      return inner(term.text);
    case "optionName":
      return bold(term.optionName);
    case "optionNames":
      return term.optionNames.map(bold).join(", ");
    case "metavar":
      return italic(term.metavar);
    case "value":
      return bold(term.value);
    case "values":
      return term.values.map(bold).join(" ");
    case "envVar":
      return bold(term.envVar);
    case "commandLine":
      return bold(term.commandLine);
    case "lineBreak":
      return "\n.br\n";
    case "url":
      return inner(term.url.href);
  }
}

/** Text in the middle of a line; a line break in it is a blank. */
function inner(text: string): string {
  return escape(text.replaceAll(/\s*\n\s*/g, " "));
}

/** An argument of a macro. */
function quoted(text: string): string {
  return `"${escape(text)}"`;
}
