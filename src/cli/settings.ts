/**
 * Settings of the service that can be given as options, without the parser of command lines.
 *
 * @module
 */

import type { FlagValue } from "../config/load.ts";
import type { StatePath } from "../config/schema.ts";

/** What each is called on the command line. */
export const SETTING_FLAGS = {
  config: "--config",
  db: "--db",
  brokerEndpoint: "--broker-endpoint",
  busEndpoint: "--bus-endpoint",
  healthPort: "--health-port",
  backups: "--backups",
  logLevel: "--log-level",
  logFormat: "--log-format",
} as const;

/** What they were given as. */
export type SettingValues = {
  readonly [Name in keyof typeof SETTING_FLAGS]?: string | undefined;
};

/** As flags of the configuration. */
export function flagsOf(values: SettingValues): { [P in StatePath]?: FlagValue | undefined } {
  const given = (name: keyof SettingValues) => flag(SETTING_FLAGS[name], values[name]);
  return {
    "database.path": given("db"),
    "broker.endpoint": given("brokerEndpoint"),
    "bus.endpoint": given("busEndpoint"),
    "health.port": given("healthPort"),
    "backup.directory": given("backups"),
    "log.level": given("logLevel"),
    "log.format": given("logFormat"),
  };
}

/** A flag with its value, or undefined when it was not given. */
export function flag(name: string, value: string | undefined): FlagValue | undefined {
  return value === undefined ? undefined : { value, flag: name };
}

const NAMES: ReadonlyMap<string, keyof SettingValues> = new Map(
  Object.entries(SETTING_FLAGS).map(([name, flag]) => [flag, name as keyof SettingValues]),
);

/**
 * What a command line of nothing but `serve`, or not even that, and `--option=value` asks for; undefined
 * for any other, which takes the parser. That is most of what a start would otherwise wait for.
 *
 * @example
 * ```ts
 * plainSettings(["serve", "--db=a.db"]); // { db: "a.db" }
 * plainSettings(["serve", "--help"]); // undefined
 * ```
 */
export function plainSettings(args: readonly string[]): SettingValues | undefined {
  const values: { -readonly [Name in keyof SettingValues]: SettingValues[Name] } = {};
  for (const arg of args[0] === "serve" ? args.slice(1) : args) {
    const [flag = "", ...rest] = arg.split("=");
    const name = NAMES.get(flag);
    if (name === undefined || rest.length === 0 || name in values) return undefined;
    values[name] = rest.join("=");
  }
  return values;
}
