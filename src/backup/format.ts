/**
 * The text format of backups: JSON, one record a line, so that diff, grep, sort and jq can read it. Pure.
 *
 * ```
 * {"format":"plantd-state-backup","version":1,"epoch":"..","revision":42,"time":"..","program":"0.1.0"}
 * {"scope":"org.plantd.Test","revision":42}
 * {"scope":"org.plantd.Test","key":"foo","value":1.5,"revision":42,"time":"..","source":"bus"}
 * {"end":"plantd-state-backup","scopes":1,"entries":1,"sha256":".."}
 * ```
 *
 * Scopes are sorted, and the keys within one (`order.ts`). Each record can be written in one way only, so
 * a line that was altered is noticed even where the sum at the end is not looked at. The sum is over all
 * bytes before the last line.
 *
 * @module
 */

import { messageOf, PlantdError } from "../errors.ts";
import { JsonText, stringify } from "../state/json.ts";
import { keyName, scopeName } from "../state/names.ts";
import type { Entry } from "../state/store.ts";

/** Name of the format, in the first and the last line. */
export const FORMAT = "plantd-state-backup";

/** Version of the format. */
export const FORMAT_VERSION = 1;

/** What the first line says. */
export interface BackupHeader {
  /** Identity of the history that the revisions are of. */
  readonly epoch: string;
  /** Everything up to this revision is in it, and nothing later. */
  readonly revision: number;
  readonly timeMs: number;
  /** Version of the program that wrote it. */
  readonly program: string;
}

/** A scope; its records follow. */
export interface ScopeRecord {
  readonly kind: "scope";
  readonly scope: string;
  /** Revision of its last change. */
  readonly revision: number;
}

/** A key, its value, and where that came from. */
export interface EntryRecord {
  readonly kind: "entry";
  readonly scope: string;
  readonly key: string;
  readonly entry: Entry;
}

/** Anything between the first and the last line. */
export type BackupRecord = ScopeRecord | EntryRecord;

/** How many records of each kind there are. */
export interface Counts {
  readonly scopes: number;
  readonly entries: number;
}

/** What the last line says. */
export interface BackupEnd extends Counts {
  /** Of all bytes before the last line, in hex. */
  readonly sha256: string;
}

/** The failure for a file that is no backup, or no longer. */
export function invalidBackup(sentence: string, line?: number): PlantdError {
  const place = line === undefined ? "" : `line ${line}: `;
  return new PlantdError("backup_invalid", `${place}${sentence}`);
}

/** The first line, without its end. */
export function encodeHeader({ epoch, revision, timeMs, program }: BackupHeader): string {
  const time = isoTime(timeMs);
  return stringify({ format: FORMAT, version: FORMAT_VERSION, epoch, revision, time, program });
}

/**
 * Reads the first line.
 *
 * @throws {PlantdError} `backup_invalid`; a backup of a later version is refused in words.
 */
export function decodeHeader(line: string): BackupHeader {
  const { format, version, epoch, revision, time, program } = membersOf(line);
  if (format !== FORMAT) throw invalidBackup(`"format":"${FORMAT}" is needed, found none`);
  if (typeof version === "number" && version > FORMAT_VERSION) {
    throw invalidBackup(
      `the backup has version ${version}, this program knows up to ${FORMAT_VERSION}`,
    );
  }
  const header = {
    epoch: text("epoch", epoch),
    revision: revisionOf("revision", revision),
    timeMs: timeOf("time", time),
    program: text("program", program),
  };
  return sameLine(line, encodeHeader(header), header);
}

/** The line of a record, without its end. */
export function encodeRecordLine(record: BackupRecord): string {
  const { scope } = record;
  if (record.kind === "scope") return stringify({ scope, revision: record.revision });
  const { key, entry } = record;
  const { value, revision, created, timeMs, source, sourceTimeMs, note } = entry;
  return stringify({
    scope,
    key,
    value: new JsonText(value),
    revision,
    created: created === revision ? undefined : created,
    time: isoTime(timeMs),
    source,
    source_time: sourceTimeMs === undefined ? undefined : isoTime(sourceTimeMs),
    note,
  });
}

/**
 * Reads the line of a record.
 *
 * @throws {PlantdError} `backup_invalid`.
 *
 * @example
 * ```ts
 * decodeRecordLine('{"scope":"a","revision":1}'); // { kind: "scope", scope: "a", revision: 1 }
 * ```
 */
export function decodeRecordLine(line: string): BackupRecord {
  const members = membersOf(line);
  const scope = named(() => scopeName(members.scope));
  const revision = revisionOf("revision", members.revision);
  if (members.key === undefined) {
    const record: ScopeRecord = { kind: "scope", scope, revision };
    return sameLine(line, encodeRecordLine(record), record);
  }
  const { created, source_time: sourceTime, note } = members;
  const rest = {
    revision,
    created: created === undefined ? revision : revisionOf("created", created),
    timeMs: timeOf("time", members.time),
    source: text("source", members.source),
    ...(sourceTime === undefined ? {} : { sourceTimeMs: timeOf("source_time", sourceTime) }),
    ...(note === undefined ? {} : { note: text("note", note) }),
  };
  const key = named(() => keyName(members.key));
  const value = valueIn(line, { kind: "entry", scope, key, entry: { ...rest, value: "" } });
  return { kind: "entry", scope, key, entry: { value, ...rest } };
}

/** The last line, without its end. */
export function encodeEnd({ scopes, entries, sha256 }: BackupEnd): string {
  return stringify({ end: FORMAT, scopes, entries, sha256 });
}

/** Whether a line is the last one. */
export function isEnd(line: string): boolean {
  return line.startsWith(`{"end":`);
}

/**
 * Reads the last line.
 *
 * @throws {PlantdError} `backup_invalid`.
 */
export function decodeEnd(line: string): BackupEnd {
  const { scopes, entries, sha256 } = membersOf(line);
  const end = {
    scopes: revisionOf("scopes", scopes),
    entries: revisionOf("entries", entries),
    sha256: text("sha256", sha256),
  };
  return sameLine(line, encodeEnd(end), end);
}

/**
 * The value in an entry's line, to the letter: what is between all that stands before and behind it in
 * the line of `record`, which has an empty value.
 */
function valueIn(line: string, record: EntryRecord): string {
  const empty = encodeRecordLine(record);
  // A string never holds an unescaped quote, so the first of these is the member.
  const at = empty.indexOf(`,"value":`) + `,"value":`.length;
  const [before, behind] = [empty.slice(0, at), empty.slice(at)];
  const value = line.slice(before.length, line.length - behind.length);
  if (!line.startsWith(before) || !line.endsWith(behind) || !isJson(value)) {
    throw invalidBackup("the record is not written as this program writes it");
  }
  return value;
}

function isJson(value: string): boolean {
  try {
    JSON.parse(value);
    return !/^\s|\s$/.test(value);
  } catch {
    return false;
  }
}

/** `found` if it was written as `line` says, to the letter. */
function sameLine<T>(line: string, expected: string, found: T): T {
  if (line === expected) return found;
  throw invalidBackup("the record is not written as this program writes it");
}

function membersOf(line: string): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    throw invalidBackup("a JSON object is needed, found something else");
  }
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) {
    return parsed as Record<string, unknown>;
  }
  throw invalidBackup("a JSON object is needed, found another value");
}

function text(name: string, value: unknown): string {
  if (typeof value === "string") return value;
  throw invalidBackup(`"${name}": a text is needed`);
}

function revisionOf(name: string, value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw invalidBackup(`"${name}": a whole number is needed`);
}

function timeOf(name: string, value: unknown): number {
  const ms = typeof value === "string" ? Date.parse(value) : NaN;
  if (!Number.isNaN(ms)) return ms;
  throw invalidBackup(`"${name}": a time in ISO 8601 is needed`);
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** What `read` returns; a name that cannot be is a fault of the backup, not of a request. */
function named(read: () => string): string {
  try {
    return read();
  } catch (thrown) {
    throw invalidBackup(messageOf(thrown));
  }
}
