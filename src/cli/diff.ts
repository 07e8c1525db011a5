/**
 * `plantd-state diff`: what differs between two backups.
 *
 * @module
 */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { argument, command, constant, option } from "@optique/core/primitives";
import { float, string } from "@optique/core/valueparser";
import { type Difference, differences } from "../backup/diff.ts";
import { openBackup } from "../backup/reader.ts";
import { EXIT } from "./exit_codes.ts";
import { print } from "./output.ts";

/** Parser of the command. */
export const diffCommand = command(
  "diff",
  object({
    command: constant("diff"),
    left: argument(string({ metavar: "FILE" }), { description: message`A backup.` }),
    right: argument(string({ metavar: "FILE" }), { description: message`Another one.` }),
    tolerance: optional(
      option("--tolerance", float({ metavar: "X", min: 0 }), {
        description: message`By how much numbers may differ.`,
      }),
    ),
  }),
  {
    brief: message`Print what differs between two backups.`,
    description:
      message`Print the scopes, keys and values in which two backups differ: lines of the first with -, of the second with +. Ends with 1 if there are any.`,
  },
);

/** What the command's options parse to. */
export interface DiffValues {
  readonly left: string;
  readonly right: string;
  readonly tolerance?: number | undefined;
}

/** Runs the command. */
export async function diff({ left, right, tolerance }: DiffValues): Promise<number> {
  using one = await openBackup(left);
  using other = await openBackup(right);
  let isSame = true;
  for await (const difference of differences(one.records, other.records, tolerance)) {
    isSame = false;
    if (!print(linesOf(difference))) break;
  }
  return isSame ? EXIT.done : EXIT.refused;
}

function linesOf(difference: Difference): string {
  if (difference.kind === "scope") {
    return `${difference.side === "left" ? "-" : "+"} ${difference.scope}`;
  }
  const { scope, key, left, right } = difference;
  const name = `${scope} ${JSON.stringify(key)}`;
  return [
    ...(left === undefined ? [] : [`- ${name} ${left}`]),
    ...(right === undefined ? [] : [`+ ${name} ${right}`]),
  ].join("\n");
}
