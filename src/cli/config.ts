/**
 * `plantd-state config`: which settings are in force, and where each comes from.
 *
 * @module
 */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command, constant } from "@optique/core/primitives";
import { examples } from "./examples.ts";
import { loadStateConfig } from "../config/load.ts";
import { printConfig } from "../config/print.ts";
import { EXIT } from "./exit_codes.ts";
import { formatOf, outputOptions, type OutputValues, printAs } from "./format.ts";
import { logOptions, settingOptions } from "./options.ts";
import { flagsOf, type SettingValues } from "./settings.ts";

/** Parser of the command. */
export const configCommand = command(
  "config",
  merge(object({ command: constant("config") }), settingOptions, logOptions, outputOptions),
  {
    brief: message`Print the effective configuration.`,
    description:
      message`Print the configuration that serve would run with, as YAML, and where each value comes from; as JSON, an object of the settings by their dotted names.`,
    footer: examples(
      "plantd-state config",
      "plantd-state config --config=state.yml --output=json",
    ),
  },
);

/** Runs the command. */
export function config(values: SettingValues & OutputValues): number {
  const loaded = loadStateConfig({ configPath: values.config, flags: flagsOf(values) });
  const json = JSON.stringify(Object.fromEntries(loaded.sources));
  printAs(formatOf(values), json, () => printConfig(loaded).trimEnd());
  return EXIT.done;
}
