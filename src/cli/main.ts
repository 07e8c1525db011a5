/**
 * The command line: arguments in, exit code out.
 *
 * @module
 */

import { or } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { runSync } from "@optique/run";
import { type Invocation, invokedAs } from "../config/invocation.ts";
import { nearest } from "../config/words.ts";
import { PlantdError } from "../errors.ts";
import { VERSION } from "../version.ts";
import { backup, backupCommand } from "./backup.ts";
import { restore, restoreCommand } from "./restore.ts";
import { verify, verifyCommand } from "./verify.ts";
import { diff, diffCommand } from "./diff.ts";
import { check, checkCommand } from "./check.ts";
import { recover, recoverCommand } from "./recover.ts";
import { acknowledge, acknowledgeCommand } from "./acknowledge.ts";
import { broker, brokerCommand } from "./broker.ts";
import { doctor, doctorCommand } from "./doctor.ts";
import { config, configCommand } from "./config.ts";
import { dev, devCommand } from "./dev.ts";
import { examples } from "./examples.ts";
import { EXIT, exitCodeOf } from "./exit_codes.ts";
import { fetchNames } from "./names.ts";
import { complain, print } from "./output.ts";
import { serve } from "./serve.ts";
import { serveCommand } from "./serve_command.ts";
import { stats, statsCommand } from "./stats.ts";
import { top, topCommand } from "./top.ts";
import { stateCommand } from "./state.ts";
import { state } from "./state_run.ts";
import { commandBehind, namesIn, withNegativeValueLast } from "./words.ts";

/** All commands, in the order in which help shows them. */
export const parser = or(
  or(serveCommand, devCommand, brokerCommand, stateCommand, configCommand),
  or(doctorCommand, statsCommand, topCommand),
  or(
    backupCommand,
    restoreCommand,
    verifyCommand,
    diffCommand,
    checkCommand,
    recoverCommand,
    acknowledgeCommand,
  ),
);

/** The commands by name. */
const COMMANDS = new Map(Object.entries({
  serve: serveCommand,
  dev: devCommand,
  broker: brokerCommand,
  state: stateCommand,
  doctor: doctorCommand,
  stats: statsCommand,
  top: topCommand,
  config: configCommand,
  backup: backupCommand,
  restore: restoreCommand,
  verify: verifyCommand,
  diff: diffCommand,
  check: checkCommand,
  recover: recoverCommand,
  acknowledge: acknowledgeCommand,
}));

/** Options of the program itself; any other first option belongs to `serve`. */
const GLOBAL_OPTIONS = ["-h", "--help", "-V", "--version"];

/** What the parser knows beside the commands. */
const OWN_WORDS = ["help", "version", "completion", ...GLOBAL_OPTIONS];

/** Thrown to get out of the parser, which would otherwise end the process itself. */
class Exit {
  constructor(readonly code: number) {}
}

/**
 * Runs a command line.
 *
 * @param args Arguments without the program's name.
 * @returns The exit code, see {@link EXIT}. Never throws.
 *
 * @example
 * ```ts
 * await main(["version"]); // prints 0.1.0, returns 0
 * ```
 */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const [words, command] = commandBehind(args);
    // `completion SHELL WORD...`: a shell asks what the last word may become.
    if (words[0] === "completion" && words.length > 2) await fetchNames(words.slice(2));
    const values = parse(words);
    switch (values.command) {
      case "serve":
        return await serve(values);
      case "dev":
        return await dev(values);
      case "broker":
        return await broker(values);
      case "state":
        return await state(values, command);
      case "doctor":
        return await doctor(values);
      case "stats":
        return await stats(values);
      case "top":
        return await top(values);
      case "config":
        return config(values);
      case "backup":
        return await backup(values);
      case "restore":
        return await restore(values);
      case "verify":
        return await verify(values);
      case "diff":
        return await diff(values);
      case "check":
        return await check(values);
      case "recover":
        return await recover(values);
      case "acknowledge":
        return await acknowledge(values);
    }
  } catch (thrown) {
    if (thrown instanceof Exit) return thrown.code;
    complain(thrown);
    return exitCodeOf(thrown);
  }
}

function parse(given: readonly string[]) {
  const invocation = invokedAs();
  const args = withImpliedCommand(given, invocation);
  // A command that is named needs no trial of the others, which would be half of the parser's work.
  const named = COMMANDS.get(args[0] ?? "") as typeof parser | undefined;
  return runSync(named ?? parser, {
    programName: invocation.name,
    args: withNegativeValueLast(args),
    brief: message`State service for plant control networks.`,
    help: { command: true, option: { names: ["-h", "--help"] } },
    version: { value: VERSION, command: true, option: { names: ["-V", "--version"] } },
    completion: "command",
    aboveError: "none",
    showDefault: true,
    footer: examples(
      "plantd-state serve --config=/etc/plantd/state.yml",
      "plantd-state state get --service=org.plantd.Oven mode",
      "plantd-state doctor",
    ),
    stdout: print,
    stderr: complainOfUsage,
    onExit: (code) => {
      throw new Exit(code === 0 ? EXIT.done : EXIT.usage);
    },
  });
}

/** Without a command the service serves, and the client says what it can do. */
function withImpliedCommand(args: readonly string[], { isClient }: Invocation): readonly string[] {
  const [first] = args;
  if (isClient) return first === undefined ? ["--help"] : args;
  const implied = first === undefined ||
    (first.startsWith("-") && !GLOBAL_OPTIONS.includes(first));
  return implied ? ["serve", ...args] : args;
}

/** The parser's complaint as one line, and a suggestion where it has none but we know one. */
function complainOfUsage(text: string): void {
  const [sentence = "", ...rest] = text.replace(/^Error: /, "").split(/\n+/).filter(Boolean);
  const unknown = /Unexpected option or subcommand: `([^`=]+)/.exec(sentence)?.[1];
  const meant = unknown && nearest(
    unknown,
    [...namesIn(parser.usage), ...OWN_WORDS].filter((name) =>
      name.startsWith("-") === unknown.startsWith("-")
    ),
  );
  const theirs = rest.find((line) => line.startsWith("Did you mean"));
  const hint = meant
    ? `Did you mean \`${meant}\`?`
    : theirs ?? `${invokedAs().name} --help says what there is.`;
  complain(new PlantdError("usage", sentence, { hint }));
}
