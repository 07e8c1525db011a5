/**
 * Where the Majordomo room says what it sees; the program hands in its logger.
 *
 * @module
 */

/** A logger, as little of it as is needed. Bodies of messages never go there. */
export interface Log {
  debug(message: string, data?: Record<string, unknown>): void;
  info(message: string, data?: Record<string, unknown>): void;
  warn(message: string, data?: Record<string, unknown>): void;
  error(message: string, data?: Record<string, unknown>): void;
}

/** Says nothing. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
