/**
 * Options that several commands share.
 *
 * @module
 */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { option } from "@optique/core/primitives";
import { string, type ValueParser } from "@optique/core/valueparser";
import { loadStateConfig, refuseMemoryDatabase } from "../config/load.ts";
import { parseDuration } from "../config/duration.ts";
import type { StateConfig } from "../config/schema.ts";
import { flag, SETTING_FLAGS } from "./settings.ts";

/** `--config FILE`. */
export const configOption = optional(
  option("-c", SETTING_FLAGS.config, string({ metavar: "FILE" }), {
    description: message`Configuration file (YAML, TOML or JSON).`,
  }),
);

/** Which database, and where its backups are, for what is done while no service runs. */
export const databaseOptions = object("Database", {
  config: configOption,
  db: optional(
    option(SETTING_FLAGS.db, string({ metavar: "FILE" }), {
      description: message`Database file; else as configured for the service.`,
    }),
  ),
  backups: optional(
    option(SETTING_FLAGS.backups, string({ metavar: "DIRECTORY" }), {
      description: message`Directory of backups; else as configured for the service.`,
    }),
  ),
});

/** What {@link databaseOptions} parses to. */
export interface DatabaseValues {
  readonly config?: string | undefined;
  readonly db?: string | undefined;
  readonly backups?: string | undefined;
}

/** The configuration of the service whose database is meant. */
export function stateConfig({ config, db, backups }: DatabaseValues): StateConfig {
  refuseMemoryDatabase();
  const flags = {
    "database.path": flag(SETTING_FLAGS.db, db),
    "backup.directory": flag(SETTING_FLAGS.backups, backups),
  };
  return loadStateConfig({ configPath: config, flags }).config;
}

/** `--log-level` and `--log-format`, for everything that logs. */
export const logOptions = object("Logging", {
  logLevel: optional(
    option(SETTING_FLAGS.logLevel, string({ metavar: "LEVEL" }), {
      description: message`trace, debug, info, warn, error or fatal.`,
    }),
  ),
  logFormat: optional(
    option(SETTING_FLAGS.logFormat, string({ metavar: "FORMAT" }), {
      description: message`auto, pretty or json.`,
    }),
  ),
});

/** Settings of the service that can be given as options. */
export const settingOptions = object("Settings", {
  config: configOption,
  db: optional(
    option(SETTING_FLAGS.db, string({ metavar: "FILE" }), { description: message`Database file.` }),
  ),
  brokerEndpoint: optional(
    option(SETTING_FLAGS.brokerEndpoint, string({ metavar: "ENDPOINT" }), {
      description: message`Majordomo broker.`,
    }),
  ),
  busEndpoint: optional(
    option(SETTING_FLAGS.busEndpoint, string({ metavar: "ENDPOINT" }), {
      description: message`Backend of the state bus; > connects, @ binds.`,
    }),
  ),
  healthPort: optional(
    option(SETTING_FLAGS.healthPort, string({ metavar: "PORT" }), {
      description: message`Port of the page, the API and /healthz; 0 takes a free one.`,
    }),
  ),
  backups: optional(
    option(SETTING_FLAGS.backups, string({ metavar: "DIRECTORY" }), {
      description: message`Directory in which a backup is made every hour.`,
    }),
  ),
});

/** Longest time an option takes, in milliseconds. */
const DURATION_MS_MAX = 24 * 60 * 60 * 1000;

/** Parses `500ms`, `5s`, `1m`; a bare number is seconds. In milliseconds. */
export function duration(): ValueParser<"sync", number> {
  return {
    mode: "sync",
    metavar: "TIME",
    placeholder: 0,
    parse(input) {
      const ms = parseDuration(input) ?? 0;
      if (ms >= 1 && ms <= DURATION_MS_MAX) return { success: true, value: ms };
      return {
        success: false,
        error: message`a time such as 500ms, 5s or 1m is needed, found ${input}`,
      };
    },
    format: (ms) => `${ms}ms`,
  };
}
