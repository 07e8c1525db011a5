/**
 * `plantd-state verify`: is a backup whole.
 *
 * @module
 */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { argument, command, constant } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { type BackupSummary, verifyBackup } from "../backup/reader.ts";
import { EXIT } from "./exit_codes.ts";
import { print } from "./output.ts";
import { Progress } from "./progress.ts";

/** Parser of the command. */
export const verifyCommand = command(
  "verify",
  object({
    command: constant("verify"),
    file: argument(string({ metavar: "FILE" }), { description: message`A backup.` }),
  }),
  {
    brief: message`Prove that a backup is whole.`,
    description:
      message`Read a whole backup, and say of what it is. Ends with 1 if it is not what was written, with 4 if it cannot be read.`,
  },
);

/** Runs the command. */
export async function verify({ file }: { readonly file: string }): Promise<number> {
  using progress = new Progress("verifying");
  print(describe(await verifyBackup(file, (part) => progress.show(part))));
  return EXIT.done;
}

/** One line about a backup. */
export function describe(summary: BackupSummary): string {
  const { scopes, entries, versions, revision, timeMs, epoch } = summary;
  return `${entries} keys in ${scopes} scopes and ${versions} earlier versions, ` +
    `as of revision ${revision}, ${new Date(timeMs).toISOString()}, epoch ${epoch}`;
}
