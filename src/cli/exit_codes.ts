/**
 * What the process says as it ends. Documented in the README; scripts rely on it.
 *
 * @module
 */

import { type ErrorCode, PlantdError } from "../errors.ts";

/** Exit codes of every command. */
export const EXIT = {
  /** Done. */
  done: 0,
  /** The service said no; its code and sentence are on standard error. */
  refused: 1,
  /** Wrong usage, or a configuration that is not valid. */
  usage: 2,
  /** Nobody answered in time. */
  noReply: 3,
  /** The program could not start: an address or the database is not to be had. */
  cannotStart: 4,
  /** A fault of this program (EX_SOFTWARE of sysexits.h). */
  fault: 70,
  /** The result could not be written (EX_IOERR of sysexits.h). */
  output: 74,
} as const;

const BY_CODE: Partial<Record<ErrorCode, number>> = {
  config_invalid: EXIT.usage,
  usage: EXIT.usage,
  endpoint_invalid: EXIT.usage,
  no_reply: EXIT.noReply,
  output_failed: EXIT.output,
  endpoint_in_use: EXIT.cannotStart,
  database_locked: EXIT.cannotStart,
  database_unusable: EXIT.cannotStart,
  database_damaged: EXIT.cannotStart,
  file_unusable: EXIT.cannotStart,
  platform_unsupported: EXIT.cannotStart,
};

/** The exit code for something that was thrown. */
export function exitCodeOf(thrown: unknown): number {
  if (!(thrown instanceof PlantdError)) return EXIT.fault;
  return BY_CODE[thrown.code] ?? EXIT.refused;
}
