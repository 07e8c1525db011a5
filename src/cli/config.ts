/**
 * `plantd-state config`: which settings are in force, and where each comes from.
 *
 * @module
 */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command, constant } from "@optique/core/primitives";
import { loadStateConfig } from "../config/load.ts";
import { printConfig } from "../config/print.ts";
import { EXIT } from "./exit_codes.ts";
import { flagsOf, logOptions, settingOptions, type SettingValues } from "./options.ts";
import { print } from "./output.ts";

/** Parser of the command. */
export const configCommand = command(
  "config",
  merge(object({ command: constant("config") }), settingOptions, logOptions),
  {
    brief: message`Print the effective configuration.`,
    description:
      message`Print the configuration that serve would run with, as YAML, and where each value comes from.`,
  },
);

/** Runs the command. */
export function config(values: SettingValues): number {
  const loaded = loadStateConfig({ configPath: values.config, flags: flagsOf(values) });
  print(printConfig(loaded).trimEnd());
  return EXIT.done;
}
