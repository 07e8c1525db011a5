/**
 * `plantd-state check`: is the database whole, and what of it can be saved.
 *
 * @module
 */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { command, constant, option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { examples } from "./examples.ts";
import { checkDenoKv, repairInto } from "../offline.ts";
import { EXIT } from "./exit_codes.ts";
import { databaseOptions, type DatabaseValues, stateConfig } from "./options.ts";
import { formatOf, outputOptions, type OutputValues, printAs } from "./format.ts";
import { print, warn } from "./output.ts";
import { Progress } from "./progress.ts";

/** Problems that JSON and YAML tell; as text all of them are printed as they come. */
const PROBLEMS_MAX = 1000;

/** Parser of the command. */
export const checkCommand = command(
  "check",
  merge(
    object({
      command: constant("check"),
      repair: optional(
        option("--repair", string({ metavar: "FILE" }), {
          description:
            message`Make a new database there, which must not exist yet, of everything that is whole.`,
        }),
      ),
    }),
    databaseOptions,
    outputOptions,
  ),
  {
    brief: message`Check the database while no service runs.`,
    description:
      message`Read every record of the database, verify its checksum and what records say of one another, and print every problem. Ends with 1 if there are any, with 4 if the database is in use or cannot be opened.`,
    footer: examples(
      "plantd-state check --db=state.db",
      "plantd-state check --db=state.db --repair=repaired.db",
    ),
  },
);

/** What the command's options parse to. */
export interface CheckValues extends DatabaseValues, OutputValues {
  readonly repair?: string | undefined;
}

/** Runs the command. */
export async function check(values: CheckValues): Promise<number> {
  const format = formatOf(values);
  const { database, backup } = stateConfig(values);
  const problems: string[] = [];
  let count = 0;
  using progress = new Progress("checking");
  // The structure of the file comes first, which takes seconds where it is large.
  progress.count(0, "records");
  const counts = await checkDenoKv(database.path, (problem) => {
    progress.clear();
    if (format === "table") print(problem);
    count += 1;
    // There may be a million.
    if (problems.length < PROBLEMS_MAX) problems.push(problem);
  }, (records) => progress.count(records, "records"));
  progress.clear();
  const found = { ...counts, problems: count, first: problems };
  printAs(format, JSON.stringify(found), () => {
    const looked = `${counts.records} records, ${counts.scopes} scopes, ${counts.entries} keys`;
    return `${looked}: ${count === 0 ? "no problems" : `${count} problems`}`;
  });
  if (values.repair !== undefined) {
    // The first one says why.
    const [first] = problems;
    const why = first === undefined ? [] : [first];
    const done = await repairInto(database.path, values.repair, why, backup.directory);
    const report = `what could not be saved is listed in ${values.repair}.txt`;
    if (format === "table") print(`${done}\n${report}`);
    else warn(`${done}\n${report}`);
  }
  return count === 0 ? EXIT.done : EXIT.refused;
}
