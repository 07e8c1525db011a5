/**
 * The members of a backup's records. Pure.
 *
 * @module
 */

import { messageOf, PlantdError } from "../errors.ts";

/** The failure for a file that is no backup, or no longer. */
export function invalidBackup(sentence: string, line?: number): PlantdError {
  const place = line === undefined ? "" : `line ${line}: `;
  return new PlantdError("backup_invalid", `${place}${sentence}`);
}

/** Whether a text is one JSON value, without white space around it. */
export function isJson(value: string): boolean {
  try {
    JSON.parse(value);
    return !/^\s|\s$/.test(value);
  } catch {
    return false;
  }
}

/** `found` if it was written as `line` says, to the letter. */
export function sameLine<T>(line: string, expected: string, found: T): T {
  if (line === expected) return found;
  throw invalidBackup("the record is not written as this program writes it");
}

/** A record's members. */
export type Members = Readonly<Record<string, unknown>>;

/** The members of the object that a line is. */
export function membersOf(line: string): Members {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    throw invalidBackup("a JSON object is needed, found something else");
  }
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) {
    return parsed as Members;
  }
  throw invalidBackup("a JSON object is needed, found another value");
}

/** `value` as a text. */
export function text(name: string, value: unknown): string {
  if (typeof value === "string") return value;
  throw invalidBackup(`"${name}": a text is needed`);
}

/** `value` as a revision, or a count. */
export function revisionOf(name: string, value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw invalidBackup(`"${name}": a whole number is needed`);
}

/** `value` as milliseconds since 1970. */
export function timeOf(name: string, value: unknown): number {
  const ms = typeof value === "string" ? Date.parse(value) : NaN;
  if (!Number.isNaN(ms)) return ms;
  throw invalidBackup(`"${name}": a time in ISO 8601 is needed`);
}

/** Milliseconds since 1970 in ISO 8601. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** What `read` returns; a name that cannot be is a fault of the backup, not of a request. */
export function asked<T>(read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    throw invalidBackup(messageOf(thrown));
  }
}
