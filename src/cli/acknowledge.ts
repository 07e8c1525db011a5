/**
 * `plantd-state acknowledge`: somebody knows what was lost.
 *
 * @module
 */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command, constant } from "@optique/core/primitives";
import { EXIT } from "./exit_codes.ts";
import { print } from "./output.ts";
import { connection, type ConnectionValues } from "./state_options.ts";
import { asking } from "./state_run.ts";

/** Parser of the command. */
export const acknowledgeCommand = command(
  "acknowledge",
  merge(object({ command: constant("acknowledge") }), connection),
  {
    brief: message`Say that you know what was lost.`,
    description:
      message`After a start with a damaged database, health is a warning that says what was lost. This prints it once more and ends the warning, for good.`,
  },
);

/** Runs the command. */
export async function acknowledge(values: ConnectionValues): Promise<number> {
  await using service = asking(values);
  const reply = await service.ask("acknowledge", {});
  if (values.json) {
    print(reply.text);
    return EXIT.done;
  }
  const { acknowledged } = reply.members.data as {
    acknowledged: readonly { time: string; text: string; report: string }[];
  };
  for (const { time, text, report } of acknowledged) print(`${time}: ${text}\nsee ${report}`);
  if (acknowledged.length === 0) print("there was nothing to acknowledge");
  return EXIT.done;
}
