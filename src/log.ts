/**
 * Logs: what is worth telling a person, with data for programs beside it, never a stored value.
 * LogTape underneath; people on a terminal get lines, everything else gets JSON lines.
 *
 * @module
 */

import {
  configureSync,
  getJsonLinesFormatter,
  getLogger,
  type LogLevel,
  type LogRecord,
  type TextFormatter,
} from "@logtape/logtape";
import { getPrettyFormatter } from "@logtape/pretty";

/** A logger, as little of it as is needed. */
export interface Log {
  debug(message: string, data?: Record<string, unknown>): void;
  info(message: string, data?: Record<string, unknown>): void;
  warn(message: string, data?: Record<string, unknown>): void;
  error(message: string, data?: Record<string, unknown>): void;
}

/** Levels by the original's names (logrus), quietest last. */
export type Level = "trace" | "debug" | "info" | "warn" | "error" | "fatal";

const LEVELS: readonly Level[] = ["trace", "debug", "info", "warn", "error", "fatal"];

/** The level of the two that lets more pass. */
export function louder(one: Level, other: Level): Level {
  return LEVELS.indexOf(one) < LEVELS.indexOf(other) ? one : other;
}

/** `auto` is `pretty` on a terminal and `json` otherwise. */
export type Format = "auto" | "pretty" | "json";

const ROOT = "plantd-state";

/** The level in force. */
let current: Level = "info";

/**
 * Sets where logs go: to standard error, so that standard output stays for results.
 *
 * With `OTEL_DENO=true` they go to the console instead, because Deno exports what is written there, and
 * only that: `error` and `warn` arrive on standard error, the rest on standard output.
 *
 * @param write Takes one line with its line end; standard error unless a test says otherwise.
 *
 * @example
 * ```ts
 * configureLog({ level: "info", format: "auto" });
 * logOf("store").info("database opened", { path, keys: 12 });
 * ```
 */
export function configureLog(
  { level, format }: { readonly level: Level; readonly format: Format },
  write: (line: string, level: LogLevel) => void = isTelemetryOn() ? toConsole : toStandardError,
): void {
  current = level;
  const pretty = format === "pretty" || (format === "auto" && Deno.stderr.isTerminal());
  const formatter = pretty ? prettyLines() : jsonLines();
  configureSync({
    reset: true,
    sinks: { out: (record: LogRecord) => write(formatter(record), record.level) },
    loggers: [
      { category: [ROOT], sinks: ["out"], lowestLevel: levelOf(level) },
      { category: ["logtape", "meta"], sinks: ["out"], lowestLevel: "error" },
    ],
  });
}

/** Whether lines of a level are logged. */
export function logs(level: Level): boolean {
  return LEVELS.indexOf(level) >= LEVELS.indexOf(current);
}

/** Whether Deno exports telemetry: `OTEL_DENO=true`, which it reads itself, without a permission. */
export function isTelemetryOn(): boolean {
  // Where it does, it has put there what npm:@opentelemetry/api looks for (its own global-utils.ts).
  return Symbol.for("opentelemetry.js.api.1") in globalThis;
}

/** The logger of one part of the program. */
export function logOf(part: string): Log {
  const logger = getLogger([ROOT, part]);
  return {
    debug: (message, data) => logger.debug(message, data),
    info: (message, data) => logger.info(message, data),
    warn: (message, data) => logger.warn(message, data),
    error: (message, data) => logger.error(message, data),
  };
}

/** Says nothing. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

function levelOf(level: Level): LogLevel {
  return level === "warn" ? "warning" : level;
}

function prettyLines(): TextFormatter {
  return getPrettyFormatter({
    timestamp: "time",
    categoryWidth: 20,
    properties: true,
    colors: Deno.stderr.isTerminal() && !Deno.noColor,
    icons: false,
    wordWrap: false,
    align: true,
  });
}

function jsonLines(): TextFormatter {
  return getJsonLinesFormatter({ categorySeparator: ".", message: "rendered" });
}

const encoder = new TextEncoder();

function toStandardError(line: string): void {
  try {
    Deno.stderr.writeSync(encoder.encode(line));
  } catch {
    // Nobody reads the log any more (EPIPE), or its disk is full: no reason to stop serving.
  }
}

/** Its method becomes the severity of the record that is exported. */
const METHODS: Readonly<Record<LogLevel, "debug" | "info" | "warn" | "error">> = {
  trace: "debug",
  debug: "debug",
  info: "info",
  warning: "warn",
  error: "error",
  fatal: "error",
};

function toConsole(line: string, level: LogLevel): void {
  try {
    // deno-lint-ignore no-console -- Deno exports what is written there, and nothing else
    console[METHODS[level]](line.trimEnd());
  } catch {
    // As above.
  }
}
