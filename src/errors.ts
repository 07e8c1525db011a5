/**
 * The one family of errors. Each carries a stable `code` that programs may match on, a sentence for
 * people, and the data that the sentence was made of.
 *
 * @module
 */

/** Codes a peer sees in `{"success":false,"error":"...","code":"..."}` (PROTOCOL section 2). */
export const WIRE_CODES = [
  "invalid_json",
  "invalid_request",
  "unknown_operation",
  "scope_exists",
  "scope_not_found",
  "key_not_found",
  "key_too_large",
  "value_too_large",
  "revision_conflict",
  "compacted",
  "quota_exceeded",
  "storage_full",
  "storage_unavailable",
  "unauthorized",
  "internal",
] as const;

/** A code of the wire contract. */
export type WireCode = (typeof WIRE_CODES)[number];

/** Codes that only the process itself and its command line see. */
export type LocalCode =
  | "config_invalid"
  | "usage"
  | "endpoint_invalid"
  | "endpoint_in_use"
  | "database_locked"
  | "database_unusable"
  | "database_damaged"
  | "backup_invalid"
  | "file_unusable"
  | "no_reply"
  | "output_failed"
  | "socket_closed"
  | "platform_unsupported";

/** Every code an error of ours can carry. */
export type ErrorCode = WireCode | LocalCode;

/** Details an error sentence was made of; never a stored value. */
export type ErrorData = Readonly<Record<string, string | number | boolean>>;

/**
 * An expected failure: something a peer, a file, a flag or the platform did.
 *
 * The message is one sentence that says what was wrong, what was needed and what was found. `hint`
 * is what the reader can do about it; the command line prints it on a line of its own.
 *
 * @example
 * ```ts
 * throw new PlantdError("scope_not_found", `scope "a.b" does not exist`, { data: { scope: "a.b" } });
 * ```
 */
export class PlantdError extends Error {
  override readonly name = "PlantdError";
  readonly code: ErrorCode;
  readonly data: ErrorData;
  readonly hint: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { data?: ErrorData; hint?: string; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.data = options.data ?? {};
    this.hint = options.hint;
  }
}

/** The message of anything that was thrown, without its stack. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The code under which a failure goes over the wire; what is not of the contract is `internal`. */
export function wireCodeOf(thrown: unknown): WireCode {
  if (!(thrown instanceof PlantdError)) return "internal";
  return (WIRE_CODES as readonly string[]).includes(thrown.code)
    ? thrown.code as WireCode
    : "internal";
}
