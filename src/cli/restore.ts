/**
 * `plantd-state restore`: puts a backup in the place of the database.
 *
 * @module
 */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { argument, command, constant, option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { examples } from "./examples.ts";
import { restore as restoreDatabase } from "../offline.ts";
import { EXIT } from "./exit_codes.ts";
import { databaseOptions, type DatabaseValues, stateConfig } from "./options.ts";
import { formatOf, outputOptions, type OutputValues, printAs } from "./format.ts";
import { Progress } from "./progress.ts";

/** Parser of the command. */
export const restoreCommand = command(
  "restore",
  merge(
    object({
      command: constant("restore"),
      file: argument(string({ metavar: "FILE" }), { description: message`A backup.` }),
      service: optional(
        option("--service", string({ metavar: "SCOPE" }), {
          description: message`Only this scope; the others stay as they are.`,
        }),
      ),
      dryRun: option("--dry-run", { description: message`Only say what would be restored.` }),
    }),
    databaseOptions,
    outputOptions,
  ),
  {
    brief: message`Restore a backup while no service runs.`,
    description:
      message`Put what a backup holds in the place of the database, which is moved aside and never deleted. A new epoch begins, and watchers load anew. Refused while a service has the database.`,
    footer: examples(
      "plantd-state restore plant.backup --dry-run",
      "plantd-state restore plant.backup --db=state.db",
      "plantd-state restore plant.backup --service=org.plantd.Oven",
    ),
  },
);

/** What the command's options parse to. */
export interface RestoreValues extends DatabaseValues, OutputValues {
  readonly file: string;
  readonly service?: string | undefined;
  readonly dryRun: boolean;
}

/** Runs the command. */
export async function restore(values: RestoreValues): Promise<number> {
  const { file: backup, service: scope, dryRun } = values;
  const { database } = stateConfig(values);
  using progress = new Progress(dryRun ? "verifying" : "restoring");
  const done = await restoreDatabase({
    database: database.path,
    backup,
    scope,
    dryRun,
    onProgress: (part) => progress.show(part),
  });
  progress.clear();
  printAs(formatOf(values), JSON.stringify({ dryRun, ...done }), () =>
    [
      `${dryRun ? "would restore" : "restored"} ${done.entries} keys in ${done.scopes} scopes`,
      ...(done.aside === undefined ? [] : [`the database before is now ${done.aside}`]),
    ].join("\n"));
  return EXIT.done;
}
