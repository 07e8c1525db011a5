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
import { PlantdError } from "../errors.ts";
import { checkDenoKv, repairInto } from "../offline.ts";
import { EXIT } from "./exit_codes.ts";
import { databaseOptions, type DatabaseValues, stateConfig } from "./options.ts";
import { print } from "./output.ts";

/** Parser of the command. */
export const checkCommand = command(
  "check",
  merge(
    object({
      command: constant("check"),
      repair: option("--repair", {
        description: message`Make a new database of everything that is whole.`,
      }),
      output: optional(
        option("--output", string({ metavar: "FILE" }), {
          description: message`Where --repair makes it; must not exist.`,
        }),
      ),
    }),
    databaseOptions,
  ),
  {
    brief: message`Check the database while no service runs.`,
    description:
      message`Read every record of the database, verify its checksum and what records say of one another, and print every problem. Ends with 1 if there are any, with 4 if the database is in use or cannot be opened.`,
  },
);

/** What the command's options parse to. */
export interface CheckValues extends DatabaseValues {
  readonly repair: boolean;
  readonly output?: string | undefined;
}

/** Runs the command. */
export async function check(values: CheckValues): Promise<number> {
  if (values.repair !== (values.output !== undefined)) {
    throw new PlantdError("usage", "--repair and --output FILE are given together");
  }
  const { database, backup } = stateConfig(values);
  const problems: string[] = [];
  let count = 0;
  const counts = await checkDenoKv(database.path, (problem) => {
    print(problem);
    count += 1;
    // The first ones say why; there may be a million.
    if (problems.length < 1) problems.push(problem);
  });
  const looked = `${counts.records} records, ${counts.scopes} scopes, ${counts.entries} keys`;
  print(`${looked}: ${count === 0 ? "no problems" : `${count} problems`}`);
  if (values.output !== undefined) {
    print(await repairInto(database.path, values.output, problems, backup.directory));
    print(`what could not be saved is listed in ${values.output}.txt`);
  }
  return count === 0 ? EXIT.done : EXIT.refused;
}
