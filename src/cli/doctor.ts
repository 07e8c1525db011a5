/**
 * `plantd-state doctor`: what is wrong, and what to do about it.
 *
 * @module
 */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command, constant } from "@optique/core/primitives";
import { examples } from "./examples.ts";
import { loadStateConfig } from "../config/load.ts";
import { PlantdError } from "../errors.ts";
import { asking, configOf } from "./asking.ts";
import { findingsOf } from "./doctor_checks.ts";
import type { Finding, FindingStatus } from "./doctor_readings.ts";
import { look } from "./doctor_look.ts";
import { EXIT } from "./exit_codes.ts";
import { formatOf, printAs } from "./format.ts";
import { connection, type ConnectionValues } from "./state_options.ts";
import { harmlessText } from "./table.ts";

/** Parser of the command. */
export const doctorCommand = command(
  "doctor",
  merge(object({ command: constant("doctor") }), connection),
  {
    brief: message`Say what is wrong, and what to do about it.`,
    description:
      message`Look at the configuration, the broker, the service, its store, disk, bus, feed and clock, also while the service or the broker is down, and say of each how it is, and what to do where it is not well. Ends with 1 if anything fails; warnings are none.`,
    footer: examples(
      "plantd-state doctor",
      "plantd-state doctor --endpoint=tcp://controller:9797 --json",
    ),
  },
);

/** Colours of the states on a terminal (ECMA-48, SGR). */
const COLOURS: Readonly<Record<FindingStatus, number>> = { ok: 32, warn: 33, fail: 31, skip: 2 };

/** Runs the command. */
export async function doctor(values: ConnectionValues): Promise<number> {
  const format = formatOf(values);
  const findings = await examine(values);
  const isWell = findings.every(({ status }) => status !== "fail");
  const json = { status: isWell ? "ok" : "fail", checks: findings };
  printAs(format, JSON.stringify(json), () => findings.map(lineOf).join("\n"));
  return isWell ? EXIT.done : EXIT.refused;
}

async function examine(values: ConnectionValues): Promise<Finding[]> {
  let configFile: string | undefined;
  try {
    configFile = loadStateConfig({ configPath: values.config }).file;
  } catch (thrown) {
    if (!(thrown instanceof PlantdError) || thrown.code !== "config_invalid") throw thrown;
    const todo = thrown.hint ?? "put it right; plantd-state config shows what is in force";
    return [{ name: "configuration", status: "fail", says: thrown.message, todo }];
  }
  const config = configOf(values);
  await using service = asking(values, config);
  const isHere = /^(ipc|inproc):|^tcp:\/\/(127\.|localhost:|\[::1\])/
    .test(config.broker.endpoint.address);
  return findingsOf(await look(service, { configFile, isHere }));
}

/** `fail  broker  nothing listens at ...`, and below it what to do. */
function lineOf({ name, status, says, todo }: Finding): string {
  const isTerminal = Deno.stdout.isTerminal();
  const word = status.padEnd(6);
  const state = isTerminal && !Deno.noColor ? `\x1b[${COLOURS[status]}m${word}\x1b[0m` : word;
  const text = isTerminal ? harmlessText(says) : says;
  const line = `${state}${name.padEnd(15)}${text}`;
  return todo === undefined ? line : `${line}\n${" ".repeat(6)}${"".padEnd(15)}-> ${todo}`;
}
