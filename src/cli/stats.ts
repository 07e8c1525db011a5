/**
 * `plantd-state stats`: one look at the service.
 *
 * @module
 */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import { command, constant, option } from "@optique/core/primitives";
import { examples } from "./examples.ts";
import { asking } from "./asking.ts";
import { EXIT } from "./exit_codes.ts";
import { formatOf, printAs } from "./format.ts";
import { duration } from "./options.ts";
import { connection, type ConnectionValues } from "./state_options.ts";
import { rowsOf, takeSample } from "./stats_data.ts";
import { numbersOf, scopeTable, summaryOf } from "./stats_view.ts";
import { pairs } from "./table.ts";

/** Time between two looks unless told otherwise, in milliseconds. */
const INTERVAL_MS = 1000;

/** `--interval TIME`. */
export const intervalOption = object({
  interval: withDefault(
    option("--interval", duration(), { description: message`Time over which rates are measured.` }),
    INTERVAL_MS,
  ),
});

/** Parser of the command. */
export const statsCommand = command(
  "stats",
  merge(object({ command: constant("stats") }), intervalOption, connection),
  {
    brief: message`Print the numbers of the service.`,
    description:
      message`Look twice, a second apart, and print what there is and what happens: revision, keys and scopes, what became of updates on the bus, lanes, feed, disk, and of each scope its size, rates and last change; of the first 1000 scopes.`,
    footer: examples(
      "plantd-state stats",
      "plantd-state stats --interval=10s --output=yaml",
    ),
  },
);

/** What the command's options parse to. */
export interface StatsValues extends ConnectionValues {
  /** In milliseconds. */
  readonly interval: number;
}

/** Runs the command. */
export async function stats(values: StatsValues): Promise<number> {
  const format = formatOf(values);
  await using service = asking(values);
  const before = await takeSample(service);
  await new Promise((done) => setTimeout(done, values.interval));
  const after = await takeSample(service);
  printAs(format, JSON.stringify(numbersOf(before, after)), () => {
    const rows = rowsOf(before, after);
    const table = scopeTable(rows, after.health.time, Deno.stdout.isTerminal());
    const summary = pairs(summaryOf(before, after));
    return rows.length === 0 ? summary : `${summary}\n\n${table}`;
  });
  return EXIT.done;
}
