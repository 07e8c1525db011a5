/**
 * `plantd-state recover`: what a start does with a damaged database where it may.
 *
 * @module
 */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command, constant } from "@optique/core/primitives";
import { examples } from "./examples.ts";
import { checkDenoKv, recover as recoverDatabase } from "../offline.ts";
import { absolute } from "../paths.ts";
import { EXIT } from "./exit_codes.ts";
import { formatOf, outputOptions, type OutputValues, printAs } from "./format.ts";
import { databaseOptions, type DatabaseValues, stateConfig } from "./options.ts";
import { Progress } from "./progress.ts";

/** Parser of the command. */
export const recoverCommand = command(
  "recover",
  merge(object({ command: constant("recover") }), databaseOptions, outputOptions),
  {
    brief: message`Recover a damaged database while no service runs.`,
    description:
      message`Move a damaged database aside and put a new one in its place, of everything in it that is whole and, for the rest, of the latest good backup, as a start does with database.on-damage: start. Does nothing to a database that is whole.`,
    footer: examples(
      "plantd-state recover --db=state.db --backups=backups",
    ),
  },
);

/** What the command's options parse to. */
export interface RecoverValues extends DatabaseValues, OutputValues {}

/** Runs the command. */
export async function recover(values: RecoverValues): Promise<number> {
  const format = formatOf(values);
  const { database, backup } = stateConfig(values);
  let fault: string | undefined;
  {
    using progress = new Progress("checking");
    const onRecord = (records: number) => progress.count(records, "records");
    await checkDenoKv(database.path, (problem) => fault ??= problem, onRecord);
  }
  const done = fault === undefined
    ? { recovered: false, text: "the database is whole" }
    : await recovered(absolute(database.path), fault, backup.directory);
  printAs(format, JSON.stringify(done), () => done.text);
  return EXIT.done;
}

/** What was done, with the members of the notice that a start would leave. */
async function recovered(path: string, fault: string, backups: string | undefined) {
  let report: string | undefined;
  const text = await recoverDatabase(path, [fault], {
    path,
    onDamage: "start",
    backups,
    onRecovered: (_text, file) => report = file,
  });
  return { recovered: true, text, report };
}
