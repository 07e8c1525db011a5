/**
 * The body of a request: an operation's name, then one JSON frame for each time it is wanted
 * (PROTOCOL section 2).
 *
 * @module
 */

import { PlantdError } from "../errors.ts";
import {
  CHANGE_KEYS_MAX,
  LIST_KEYS_MAX,
  NOTE_BYTES_MAX,
  REQUEST_FRAMES_MAX,
  REQUEST_ID_BYTES_MAX,
} from "../limits.ts";
import { isObject, type JsonObject, type JsonText, kindOf, parseObject } from "./json.ts";
import { invalid, keyName, scopeName } from "./names.ts";
import type { ListQuery, Transaction } from "./store.ts";
import { utf8Bytes } from "./utf8.ts";

/** Characters of an unknown operation that an error repeats. */
const QUOTED_CHARS_MAX = 64;

/** A request taken apart, its JSON not read yet. */
export interface Request {
  /** The operation's name as sent; not necessarily one that exists. */
  readonly operation: string;
  /** One or more frames of JSON; a request without any counts as one with `{}`. */
  readonly bodies: readonly Uint8Array[];
}

const lenient = new TextDecoder();
const EMPTY_OBJECT = new TextEncoder().encode("{}");

/**
 * Takes the body frames of a request apart.
 *
 * @throws {PlantdError} `invalid_request` when there is no frame or there are too many.
 *
 * @example
 * ```ts
 * readRequest([utf8("get"), utf8('{"service":"a","key":"k"}')]); // { operation: "get", bodies: [..] }
 * ```
 */
export function readRequest(frames: readonly Uint8Array[]): Request {
  const [operation, ...bodies] = frames;
  if (operation === undefined) {
    throw new PlantdError(
      "invalid_request",
      "an operation is needed, found a request without frames",
    );
  }
  if (bodies.length > REQUEST_FRAMES_MAX) {
    throw new PlantdError(
      "invalid_request",
      `a request has at most ${REQUEST_FRAMES_MAX} JSON frames, found ${bodies.length}`,
    );
  }
  return {
    operation: lenient.decode(operation),
    bodies: bodies.length === 0 ? [EMPTY_OBJECT] : bodies,
  };
}

/** The failure for an operation that does not exist. */
export function unknownOperation(operation: string, known: readonly string[]): PlantdError {
  const quoted = JSON.stringify(operation.slice(0, QUOTED_CHARS_MAX));
  return new PlantdError(
    "unknown_operation",
    `there is no operation ${quoted}; there are ${known.join(", ")}`,
  );
}

/** The JSON object in one body frame; an empty frame counts as `{}`. */
export function readBody(frame: Uint8Array): JsonObject {
  return parseObject(frame.length === 0 ? EMPTY_OBJECT : frame);
}

/** Field `service`: the scope. */
export function readScope(body: JsonObject): string {
  return scopeName(body.members.service);
}

/** Field `key`. */
export function readKey(body: JsonObject): string {
  return keyName(body.members.key);
}

/**
 * Field `value`: any JSON value of at most `bytesMax` bytes of JSON text.
 *
 * @throws {PlantdError} `invalid_request` when it is missing, `value_too_large`.
 */
export function readValue(body: JsonObject, bytesMax: number): JsonText {
  const value = body.textOf("value");
  if (value === undefined) throw invalid("value", "a JSON value is needed, found nothing");
  return checkValue(value, bytesMax);
}

/** `value` when it has at most `bytesMax` bytes; throws `value_too_large` otherwise. */
export function checkValue(value: JsonText, bytesMax: number): JsonText {
  const size = value.bytes;
  if (size <= bytesMax) return value;
  throw new PlantdError(
    "value_too_large",
    `field "value": a value has at most ${bytesMax} bytes of JSON, found ${size}`,
    { data: { bytes: size, bytesMax } },
  );
}

/**
 * Field `if_revision`: the revision that the caller knows, 0 for none.
 *
 * @throws {PlantdError} `invalid_request`.
 */
export function readIfRevision(body: JsonObject): { readonly ifRevision?: number } {
  const ifRevision = revisionIn(body, "if_revision");
  return ifRevision === undefined ? {} : { ifRevision };
}

/** Field `revision`: the one that is meant. */
export function readRevision(body: JsonObject): { readonly revision?: number } {
  const revision = revisionIn(body, "revision");
  return revision === undefined ? {} : { revision };
}

/** Field `revision`, where it must be there. */
export function readRequiredRevision(body: JsonObject): number {
  return requiredRevision(body, "revision");
}

/** Field `before`: only earlier revisions. */
export function readBefore(body: JsonObject): { readonly before?: number } {
  const before = revisionIn(body, "before");
  return before === undefined ? {} : { before };
}

function requiredRevision(body: JsonObject, field: string): number {
  const revision = revisionIn(body, field);
  if (revision === undefined) throw invalid(field, "a revision is needed, found nothing");
  return revision;
}

function revisionIn(body: JsonObject, field: string): number | undefined {
  const revision = body.members[field] ?? undefined;
  if (revision === undefined) return undefined;
  if (Number.isSafeInteger(revision) && (revision as number) >= 0) return revision as number;
  const found = typeof revision === "number" ? String(revision) : kindOf(revision);
  throw invalid(field, `a revision, or 0 for none, is needed, found ${found}`);
}

/** Field `note`: why, for people who read it later. */
function readNote(body: JsonObject): { readonly note?: string } {
  const { note } = optionalText("note", body.members.note);
  if (note === undefined) return {};
  if (utf8Bytes(note) > NOTE_BYTES_MAX || !note.isWellFormed()) {
    throw invalid("note", `at most ${NOTE_BYTES_MAX} bytes of text are taken`);
  }
  return { note };
}

/** Field `request_id`: a request given twice under one name is applied once. */
export function readRequestId(body: JsonObject): { readonly requestId?: string } {
  const { request_id: requestId } = optionalText("request_id", body.members.request_id);
  if (requestId === undefined) return {};
  const size = utf8Bytes(requestId);
  if (size < 1 || size > REQUEST_ID_BYTES_MAX || !requestId.isWellFormed()) {
    throw invalid("request_id", `1 to ${REQUEST_ID_BYTES_MAX} bytes of text are needed`);
  }
  return { requestId };
}

/** What a write may say of itself: `note` and `request_id`. */
export function readStamp(body: JsonObject): Pick<Transaction, "note" | "requestId"> {
  return { ...readNote(body), ...readRequestId(body) };
}

/** Field `name` when it is true; absent and null count as false. */
export function readFlag(body: JsonObject, name: string): boolean {
  const flag = body.members[name] ?? false;
  if (typeof flag === "boolean") return flag;
  throw invalid(name, `true or false is needed, found ${kindOf(flag)}`);
}

/**
 * Field `entries`: keys and values.
 *
 * @throws {PlantdError} `invalid_request`, `key_too_large`, `value_too_large`.
 */
export function readEntries(
  body: JsonObject,
  valueBytesMax: number,
): ReadonlyMap<string, JsonText> {
  const { entries } = body.members;
  if (!isObject(entries)) {
    throw invalid("entries", `an object is needed, found ${kindOf(entries)}`);
  }
  const texts = [...body.textsOf("entries")];
  if (texts.length > CHANGE_KEYS_MAX) {
    throw invalid("entries", `at most ${CHANGE_KEYS_MAX} keys are allowed, found ${texts.length}`);
  }
  return new Map(
    texts.map(([key, value]) => [keyName(key), checkValue(value, valueBytesMax)]),
  );
}

/** Field `since`: a revision. */
export function readSince(body: JsonObject): number {
  return requiredRevision(body, "since");
}

/** Field `epoch`. */
export function readEpoch(body: JsonObject): { readonly epoch?: string } {
  return optionalText("epoch", body.members.epoch);
}

/** Field `service`, where it may be absent. */
export function readOptionalScope(body: JsonObject): { readonly scope?: string } {
  const { service } = body.members;
  return service === undefined || service === null ? {} : { scope: scopeName(service) };
}

/** Field `limit`: how many at most. */
export function readLimit(body: JsonObject): number {
  const { limit } = body.members;
  if (limit === undefined || limit === null) return LIST_KEYS_MAX;
  if (isPageSize(limit)) return limit as number;
  const found = typeof limit === "number" ? String(limit) : kindOf(limit);
  throw invalid("limit", `a whole number from 1 to ${LIST_KEYS_MAX} is needed, found ${found}`);
}

/** Fields `prefix`, `after` and `limit`. */
export function readListQuery(body: JsonObject): ListQuery {
  const { prefix, after } = body.members;
  return {
    limit: readLimit(body),
    ...optionalText("prefix", prefix),
    ...optionalText("after", after),
  };
}

function isPageSize(limit: unknown): boolean {
  return Number.isInteger(limit) && (limit as number) >= 1 && (limit as number) <= LIST_KEYS_MAX;
}

/** `{ [field]: value }` when there is a string, nothing when the field is absent or null. */
function optionalText(field: string, value: unknown): Record<string, string> {
  if (value === undefined || value === null) return {};
  if (typeof value !== "string") throw invalid(field, `a string is needed, found ${kindOf(value)}`);
  return { [field]: value };
}
