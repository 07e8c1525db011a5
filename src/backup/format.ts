/**
 * The text format of backups: JSON, one record a line, so that diff, grep, sort and jq can read it. Pure.
 *
 * ```
 * {"format":"plantd-state-backup","version":1,"epoch":"..","revision":42,"time":"..","program":"0.1.0"}
 * {"scope":"org.plantd.Test","revision":42}
 * {"scope":"org.plantd.Test","key":"foo","value":1.5,"revision":42,"time":"..","source":"bus"}
 * {"scope":"org.plantd.Test","key":"foo","was":1.25,"revision":41,"time":"..","source":"bus"}
 * {"end":"plantd-state-backup","scopes":1,"entries":1,"versions":1,"sha256":".."}
 * ```
 *
 * Scopes are sorted, and the keys within one (`order.ts`); the past of a key follows it, the latest first. Each record can be written in one way only, so
 * a line that was altered is noticed even where the sum at the end is not looked at. The sum is over all
 * bytes before the last line.
 *
 * @module
 */

import {
  asked,
  invalidBackup,
  isJson,
  isoTime,
  type Members,
  membersOf,
  revisionOf,
  sameLine,
  text,
  timeOf,
} from "./fields.ts";
import { type JsonObject, JsonText, stringify } from "../state/json.ts";
import { keyName, scopeName } from "../state/names.ts";
import { optionMembers, readSettings, type ScopeSettings } from "../state/scope_options.ts";
import type { Entry, Version } from "../state/store.ts";

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
  /** Revision of its last change; undefined where there is no such scope, but options for one. */
  readonly revision: number | undefined;
  /** Options that were set for it. */
  readonly settings?: ScopeSettings;
}

/** A key, its value, and where that came from. */
export interface EntryRecord {
  readonly kind: "entry";
  readonly scope: string;
  readonly key: string;
  readonly entry: Entry;
}

/** What a key was before; of a key that was deleted, the deletion comes first. */
export interface VersionRecord {
  readonly kind: "version";
  readonly scope: string;
  readonly key: string;
  readonly version: Version;
}

/** Anything between the first and the last line. */
export type BackupRecord = ScopeRecord | EntryRecord | VersionRecord;

/** How many records of each kind there are. */
export interface Counts {
  readonly scopes: number;
  readonly entries: number;
  readonly versions: number;
}

/** What the last line says. */
export interface BackupEnd extends Counts {
  /** Of all bytes before the last line, in hex. */
  readonly sha256: string;
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
  const { kind, scope } = record;
  if (kind === "scope") {
    const { revision, settings } = record;
    return stringify({ scope, revision, options: settings && optionMembers(settings) });
  }
  const { key } = record;
  const { value, revision, created, timeMs, source, sourceTimeMs, note, expiresMs }: Line =
    kind === "entry" ? record.entry : record.version;
  const text = value === undefined ? undefined : new JsonText(value);
  return stringify({
    scope,
    key,
    ...(kind === "entry" ? { value: text } : { was: text, deleted: text ? undefined : true }),
    revision,
    created: created === revision ? undefined : created,
    time: isoTime(timeMs),
    source,
    source_time: sourceTimeMs === undefined ? undefined : isoTime(sourceTimeMs),
    note,
    expires: expiresMs === undefined ? undefined : isoTime(expiresMs),
  });
}

/** What entries and versions have, together. */
type Line = Omit<Version, "value"> & Partial<Entry>;

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
  const scope = asked(() => scopeName(members.scope));
  if (members.key === undefined) {
    const record = scopeOf(scope, members);
    return sameLine(line, encodeRecordLine(record), record);
  }
  const key = asked(() => keyName(members.key));
  const rest = lineOf(members);
  if (members.deleted !== undefined) {
    const record: VersionRecord = { kind: "version", scope, key, version: rest };
    return sameLine(line, encodeRecordLine(record), record);
  }
  if (members.was !== undefined) {
    const empty: VersionRecord = { kind: "version", scope, key, version: { ...rest, value: "" } };
    return { ...empty, version: { ...rest, value: valueIn(line, empty, "was") } };
  }
  const { created = rest.revision, expires } = members;
  const entry = {
    value: "",
    ...rest,
    created: revisionOf("created", created),
    ...(expires === undefined ? {} : { expiresMs: timeOf("expires", expires) }),
  };
  const empty: EntryRecord = { kind: "entry", scope, key, entry };
  return { ...empty, entry: { ...entry, value: valueIn(line, empty, "value") } };
}

function scopeOf(scope: string, { revision, options }: Members): ScopeRecord {
  return {
    kind: "scope",
    scope,
    revision: revision === undefined ? undefined : revisionOf("revision", revision),
    ...(options === undefined ? {} : { settings: settingsOf(options) }),
  };
}

function settingsOf(options: unknown): ScopeSettings {
  // Of a request's body nothing but its members is read.
  const body = { members: options } as JsonObject;
  return asked(() => readSettings(body)) as ScopeSettings;
}

/** What the lines of entries and versions have in common, in the order in which it is written. */
function lineOf(members: Members) {
  const { source_time: sourceTime, note } = members;
  return {
    revision: revisionOf("revision", members.revision),
    timeMs: timeOf("time", members.time),
    source: text("source", members.source),
    ...(sourceTime === undefined ? {} : { sourceTimeMs: timeOf("source_time", sourceTime) }),
    ...(note === undefined ? {} : { note: text("note", note) }),
  };
}

/** The last line, without its end. */
export function encodeEnd({ scopes, entries, versions, sha256 }: BackupEnd): string {
  return stringify({ end: FORMAT, scopes, entries, versions, sha256 });
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
  const { scopes, entries, versions, sha256 } = membersOf(line);
  const end = {
    scopes: revisionOf("scopes", scopes),
    entries: revisionOf("entries", entries),
    versions: revisionOf("versions", versions),
    sha256: text("sha256", sha256),
  };
  return sameLine(line, encodeEnd(end), end);
}

/**
 * The value in a line, to the letter: what is between all that stands before and behind it in the line of
 * `record`, whose value is empty.
 */
function valueIn(line: string, record: EntryRecord | VersionRecord, member: string): string {
  const empty = encodeRecordLine(record);
  // A string never holds an unescaped quote, so the first of these is the member.
  const at = empty.indexOf(`,"${member}":`) + member.length + 4;
  const behind = empty.slice(at);
  const value = line.slice(at, line.length - behind.length);
  if (line.startsWith(empty.slice(0, at)) && line.endsWith(behind) && isJson(value)) return value;
  throw invalidBackup("the record is not written as this program writes it");
}
