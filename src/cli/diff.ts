/**
 * `plantd-state diff`: what differs between two backups.
 *
 * @module
 */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { argument, command, constant, option } from "@optique/core/primitives";
import { float, string } from "@optique/core/valueparser";
import { examples } from "./examples.ts";
import { type Difference, differences } from "../backup/diff.ts";
import { openBackup } from "../backup/reader.ts";
import { JsonText, stringify } from "../state/json.ts";
import { EXIT } from "./exit_codes.ts";
import { formatOf, outputOptions, type OutputValues, printOne } from "./format.ts";
import { Progress } from "./progress.ts";

/** Parser of the command. */
export const diffCommand = command(
  "diff",
  merge(
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
    outputOptions,
  ),
  {
    brief: message`Print what differs between two backups.`,
    description:
      message`Print the scopes, keys and values in which two backups differ: lines of the first with -, of the second with +. Ends with 1 if there are any.`,
    footer: examples(
      "plantd-state diff before.backup after.backup",
      "plantd-state diff before.backup after.backup --tolerance=0.01",
    ),
  },
);

/** What the command's options parse to. */
export interface DiffValues extends OutputValues {
  readonly left: string;
  readonly right: string;
  readonly tolerance?: number | undefined;
}

/** Runs the command. */
export async function diff(values: DiffValues): Promise<number> {
  const { left, right, tolerance } = values;
  const format = formatOf(values);
  using one = await openBackup(left);
  using other = await openBackup(right);
  using progress = new Progress("comparing");
  const bytesTotal = one.progress.bytesTotal + other.progress.bytesTotal;
  const step = () => progress.show((one.progress.bytes + other.progress.bytes) / bytesTotal);
  let isSame = true;
  for await (
    const difference of differences(
      each(one.records, step),
      other.records,
      tolerance,
    )
  ) {
    isSame = false;
    progress.clear();
    if (!printOne(format, jsonOf(difference), () => linesOf(difference))) break;
  }
  return isSame ? EXIT.done : EXIT.refused;
}

/** `items`, and a call for each of them. */
async function* each<T>(items: AsyncIterable<T>, call: () => void): AsyncGenerator<T> {
  for await (const item of items) {
    call();
    yield item;
  }
}

/** As JSON, its values to the letter. */
function jsonOf(difference: Difference): string {
  if (difference.kind === "scope") return JSON.stringify(difference);
  const { left, right, ...rest } = difference;
  return stringify({
    ...rest,
    ...(left === undefined ? {} : { left: new JsonText(left) }),
    ...(right === undefined ? {} : { right: new JsonText(right) }),
  });
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
