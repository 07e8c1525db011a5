/**
 * `plantd-state state history` and `revert`: what a key was before.
 *
 * @module
 */

import { type Ask } from "./asking.ts";
import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import { argument, command, option } from "@optique/core/primitives";
import { integer } from "@optique/core/valueparser";
import { examples } from "./examples.ts";
import { JsonText, parseObject } from "../state/json.ts";
import {
  connection,
  type ConnectionValues,
  keyArgument,
  operation,
  scope,
  stamp,
  stampFields,
  type StampValues,
} from "./state_options.ts";
import { show } from "./state_output.ts";
import { columns } from "./table.ts";

/** Versions that `history` prints unless told otherwise: all that a scope may keep. */
const VERSIONS_MAX = 101;

const encoder = new TextEncoder();

export const historyCommand = command(
  "history",
  merge(
    operation("history"),
    object({
      key: keyArgument,
      limit: withDefault(
        option("--limit", integer({ metavar: "NUMBER", min: 1, max: VERSIONS_MAX }), {
          description: message`How many at most.`,
        }),
        VERSIONS_MAX,
      ),
    }),
    scope,
    connection,
  ),
  {
    brief: message`Print what a key was, the latest first.`,
    description:
      message`Print what a key was, the latest first: revision, time, source, and the value as JSON or "deleted".`,
    footer: examples(
      "plantd-state state history --service=org.plantd.Oven setpoint",
      "plantd-state state history --service=org.plantd.Oven setpoint --limit=3 --json",
    ),
  },
);

export const revertCommand = command(
  "revert",
  merge(
    operation("revert"),
    object({
      key: keyArgument,
      revision: argument(integer({ metavar: "REVISION", min: 0 }), {
        description: message`A revision of the store; history tells those of the key.`,
      }),
    }),
    stamp,
    scope,
    connection,
  ),
  {
    description: message`Make a key again what it was, as a new change.`,
    footer: examples(
      'plantd-state state revert --service=org.plantd.Oven setpoint 42 --note="as before the trip"',
    ),
  },
);

/** What the commands parse to. */
export type PastValues =
  | { operation: "history"; service: string; key: string; limit: number }
  | StampValues & { operation: "revert"; service: string; key: string; revision: number };

type Values<Operation extends PastValues["operation"]> =
  & ConnectionValues
  & Extract<PastValues, { operation: Operation }>;

/** Prints the versions of a key, one a line. */
export async function showHistory(ask: Ask, values: Values<"history">): Promise<number> {
  const { service, key, limit } = values;
  const reply = await ask("history", { service, key, limit });
  return show(values, reply, () => {
    const data = parseObject(encoder.encode(reply.textOf("data")!.text));
    const rows = data.objectsOf("versions")!.map((version) => {
      const { revision, time, source, note } = version.members;
      const value = version.textOf("value") ?? new JsonText("deleted");
      const why = note === undefined ? "" : `  # ${note}`;
      return [String(revision), String(time), String(source), `${value.text}${why}`];
    });
    return columns(["REVISION", "TIME", "SOURCE", "VALUE"], rows, {
      isTerminal: Deno.stdout.isTerminal(),
      right: [0],
    });
  });
}

/** Makes a key again what it was. */
export async function revert(ask: Ask, values: Values<"revert">): Promise<number> {
  const { service, key, revision } = values;
  const reply = await ask("revert", { service, key, revision, ...stampFields(values) });
  return show(values, reply, () => {
    const data = reply.members.data as { revision: number; reverted_to: number };
    return `revision ${data.revision}, as of ${data.reverted_to}`;
  });
}
