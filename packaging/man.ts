/**
 * The manual page plantd-state(1), made of the definitions that the command line itself is made of.
 *
 * @module
 */

import type { DocEntry, DocPage } from "@optique/core/doc";
import { getDocPageSync } from "@optique/core/parser";
import type { Usage } from "@optique/core/usage";
import { exampleLines } from "../src/cli/examples.ts";
import { parser } from "../src/cli/main.ts";
import { PROGRAM, VERSION } from "../src/version.ts";
import { environment, examples, exitStatus, files } from "./man_sections.ts";
import * as troff from "./troff.ts";

/** Commands and options that the parser's runner adds, in its words. */
const BUILT_IN: readonly [synopsis: Usage, meaning: string][] = [
  [
    [{ type: "command", name: "help" }, {
      type: "optional",
      terms: [{ type: "argument", metavar: "COMMAND" }],
    }],
    "Show help for a command.",
  ],
  [[{ type: "command", name: "version" }], "Show the version."],
  [
    [{ type: "command", name: "completion" }, { type: "argument", metavar: "SHELL" }],
    "Print the completions for bash, zsh, fish, nu or pwsh. The package has installed those for bash, zsh and fish.",
  ],
];
const GLOBAL_OPTIONS: readonly [names: readonly string[], meaning: string][] = [
  [["-h", "--help"], "Show help; behind a command, help for this command."],
  [["-V", "--version"], "Show the version."],
];

/**
 * The page, as troff source.
 *
 * @param date The day of this version, such as `2026-11-24`.
 *
 * @example
 * ```ts
 * await Deno.writeTextFile("plantd-state.1", manualPage("2026-11-24")); // man -l plantd-state.1
 * ```
 */
export function manualPage(date: string): string {
  const commands = leaves([]);
  return [
    troff.title(PROGRAM, 1, date, `${PROGRAM} ${VERSION}`),
    troff.section(
      "NAME",
      `${troff.escape(`${PROGRAM}, plant`)} \\- state service for plant control networks\n`,
    ),
    troff.section("SYNOPSIS", ...commands.map(({ usage }) => troff.synopsis(PROGRAM, usage))),
    troff.section("DESCRIPTION", ...description()),
    troff.section("COMMANDS", ...commands.map(describe), ...builtIn()),
    troff.section(
      "OPTIONS",
      ...GLOBAL_OPTIONS.map(([names, meaning]) =>
        troff.definition(names.map(troff.bold).join(", "), troff.escape(meaning))
      ),
    ),
    troff.section("EXIT STATUS", ...exitStatus()),
    troff.section("FILES", ...files()),
    troff.section("ENVIRONMENT", ...environment()),
    troff.section("EXAMPLES", ...examples()),
    troff.section("SEE ALSO", `${troff.bold("systemctl")}(1), ${troff.bold("journalctl")}(1)\n`),
  ].join("");
}

/** A command that does something, with the words that lead to it. */
interface Command {
  readonly words: readonly string[];
  readonly usage: Usage;
  readonly page: DocPage;
}

/** All commands below `words`, in the order of their definition. */
function leaves(words: readonly string[]): Command[] {
  const page = getDocPageSync(parser, words);
  if (page === undefined) throw new Error(`no documentation for: ${words.join(" ")}`);
  const below = page.sections.flatMap(({ entries }) => entries)
    .flatMap(({ term }) => term.type === "command" ? [term.name] : []);
  if (below.length > 0) return below.flatMap((name) => leaves([...words, name]));
  return [{ words, usage: page.usage ?? [], page }];
}

function describe({ words, page }: Command): string {
  const text = page.description ?? page.brief ?? [];
  // Arguments first, then the command's own options, then those of the sections that have a name.
  const own = page.sections.filter(({ title }) => title === undefined);
  const named = page.sections.filter(({ title }) => title !== undefined);
  const entries = [...own, ...named].flatMap((section) => section.entries);
  const lines = exampleLines(page.footer);
  const isArgument = ({ term }: DocEntry) => term.type === "argument";
  return troff.subsection(
    words.join(" "),
    `${troff.fromMessage(text)}\n`,
    ...entries.filter(isArgument).map(entry),
    ...entries.filter((one) => !isArgument(one)).map(entry),
    ...(lines.length === 0 ? [] : [troff.example(...lines)]),
  );
}

function entry({ term, description, default: byDefault }: DocEntry): string {
  const meaning = description === undefined ? "" : troff.fromMessage(description);
  const otherwise = byDefault === undefined ? "" : ` Default: ${troff.fromMessage(byDefault)}.`;
  return troff.definition(troff.usageTerm(term), `${meaning}${otherwise}`);
}

function builtIn(): string[] {
  return [
    troff.subsection("Others"),
    ...BUILT_IN.map(([usage, meaning]) =>
      troff.definition(usage.map((term) => troff.usageTerm(term)).join(" "), troff.escape(meaning))
    ),
  ];
}

function description(): string[] {
  return [
    `${troff.bold(PROGRAM)} keeps the state of the modules in a plantd control network. ` +
    "Modules publish values on a ZeroMQ bus, or load and store them through a Majordomo broker; " +
    "the service keeps them on disk, in scopes named after the services that own them.\n",
    troff.paragraph(
      troff.escape(
        "An acknowledged write is on disk, a published update is stored or counted as lost, and the service always starts.",
      ),
    ),
    troff.paragraph(
      `Without a command it does what ${troff.bold("serve")} does. Called as ` +
        `${troff.bold("plant")}, it is the client: the same commands, and help without one.`,
    ),
  ];
}
