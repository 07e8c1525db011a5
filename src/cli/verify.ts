/**
 * `plantd-state verify`: is a backup whole.
 *
 * @module
 */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { argument, command, constant } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { examples } from "./examples.ts";
import { type BackupSummary, verifyBackup } from "../backup/reader.ts";
import { EXIT } from "./exit_codes.ts";
import { formatOf, outputOptions, type OutputValues, printAs } from "./format.ts";
import { Progress } from "./progress.ts";

/** Parser of the command. */
export const verifyCommand = command(
  "verify",
  merge(
    object({
      command: constant("verify"),
      file: argument(string({ metavar: "FILE" }), { description: message`A backup.` }),
    }),
    outputOptions,
  ),
  {
    brief: message`Prove that a backup is whole.`,
    description:
      message`Read a whole backup, and say of what it is. Ends with 1 if it is not what was written, with 4 if it cannot be read.`,
    footer: examples(
      "plantd-state verify plant.backup",
    ),
  },
);

/** What the command's options parse to. */
export interface VerifyValues extends OutputValues {
  readonly file: string;
}

/** Runs the command. */
export async function verify(values: VerifyValues): Promise<number> {
  using progress = new Progress("verifying");
  const summary = await verifyBackup(values.file, (part) => progress.show(part));
  progress.clear();
  printAs(formatOf(values), JSON.stringify(summary), () => describe(summary));
  return EXIT.done;
}

/** One line about a backup. */
export function describe(summary: BackupSummary): string {
  const { scopes, entries, versions, revision, timeMs, epoch } = summary;
  return `${entries} keys in ${scopes} scopes and ${versions} earlier versions, ` +
    `as of revision ${revision}, ${new Date(timeMs).toISOString()}, epoch ${epoch}`;
}
