/**
 * `plantd-state acknowledge`: somebody knows what was lost.
 *
 * @module
 */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command, constant } from "@optique/core/primitives";
import { examples } from "./examples.ts";
import type { JsonObject } from "../state/json.ts";
import { connection, type ConnectionValues } from "./state_options.ts";
import { show } from "./state_output.ts";
import { asking } from "./asking.ts";

/** Parser of the command. */
export const acknowledgeCommand = command(
  "acknowledge",
  merge(object({ command: constant("acknowledge") }), connection),
  {
    brief: message`Say that you know what was lost.`,
    description:
      message`After a start with a damaged database, health is a warning that says what was lost. This prints it once more and ends the warning, for good.`,
    footer: examples(
      "plantd-state acknowledge",
    ),
  },
);

/** Runs the command. */
export async function acknowledge(values: ConnectionValues): Promise<number> {
  await using service = asking(values);
  const reply = await service.ask("acknowledge", {});
  return show(values, reply, () => describe(reply));
}

function describe(reply: JsonObject): string {
  const { acknowledged } = reply.members.data as {
    acknowledged: readonly { time: string; text: string; report: string }[];
  };
  if (acknowledged.length === 0) return "there was nothing to acknowledge";
  return acknowledged.map(({ time, text, report }) => `${time}: ${text}\nsee ${report}`).join("\n");
}
