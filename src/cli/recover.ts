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
import { databaseOptions, type DatabaseValues, stateConfig } from "./options.ts";
import { print } from "./output.ts";
import { Progress } from "./progress.ts";

/** Parser of the command. */
export const recoverCommand = command(
  "recover",
  merge(object({ command: constant("recover") }), databaseOptions),
  {
    brief: message`Recover a damaged database while no service runs.`,
    description:
      message`Move a damaged database aside and put a new one in its place, of everything in it that is whole and, for the rest, of the latest good backup, as a start does with database.on-damage: start. Does nothing to a database that is whole.`,
    footer: examples(
      "plantd-state recover --db=state.db --backups=backups",
    ),
  },
);

/** Runs the command. */
export async function recover(values: DatabaseValues): Promise<number> {
  const { database, backup } = stateConfig(values);
  let fault: string | undefined;
  {
    using progress = new Progress("checking");
    const onRecord = (records: number) => progress.count(records, "records");
    await checkDenoKv(database.path, (problem) => fault ??= problem, onRecord);
  }
  if (fault === undefined) {
    print("the database is whole");
    return EXIT.done;
  }
  const path = absolute(database.path);
  print(
    await recoverDatabase(path, [fault], { path, onDamage: "start", backups: backup.directory }),
  );
  return EXIT.done;
}
