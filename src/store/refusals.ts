/**
 * Why a store does not do what it was asked to, in words.
 *
 * @module
 */

import { messageOf, PlantdError } from "../errors.ts";
import { CHANGE_KEY_BYTES_MAX, CHANGE_KEYS_MAX, CONFIGURED_SCOPES_MAX } from "../limits.ts";
import { utf8Bytes } from "../state/utf8.ts";
import type { Entry } from "../state/store.ts";

/** The failure for a scope that does not exist. */
export function scopeNotFound(scope: string): PlantdError {
  return new PlantdError("scope_not_found", `scope "${scope}" does not exist`, { data: { scope } });
}

/** The failure for a scope that cannot be created. */
export function scopeExists(scope: string): PlantdError {
  return new PlantdError("scope_exists", `scope "${scope}" exists already`, { data: { scope } });
}

/**
 * Checks that `entry` is what a mutation's caller took it for.
 *
 * @throws {PlantdError} `revision_conflict`, with the present revision in its data.
 */
export function expectKey(
  { scope, key, ifRevision }: { scope: string; key: string; ifRevision?: number },
  entry: Entry | undefined,
): void {
  const revision = entry?.revision ?? 0;
  if (ifRevision === undefined || ifRevision === revision) return;
  throw conflict(`key ${JSON.stringify(key)} of scope "${scope}"`, ifRevision, revision);
}

/**
 * Checks that the last change of `scope` is the one that a caller knows.
 *
 * @param revision Of the last change, 0 where there is no such scope.
 * @throws {PlantdError} `revision_conflict`, with the present revision in its data.
 */
export function expectScope(scope: string, ifRevision: number, revision: number): void {
  if (ifRevision !== revision) throw conflict(`scope "${scope}"`, ifRevision, revision);
}

/**
 * Checks that a request's name stands for one request only.
 *
 * @throws {PlantdError} `invalid_request`.
 */
export function expectSameRequest(id: string, done: string, asked: string): void {
  if (done === asked) return;
  throw new PlantdError(
    "invalid_request",
    `field "request_id": ${JSON.stringify(id)} was another request; each needs one of its own`,
  );
}

/**
 * Checks that one change can delete all of `keys`.
 *
 * @throws {PlantdError} `invalid_request`.
 */
export function boundDeletions(scope: string, keys: readonly string[]): void {
  const bytes = keys.reduce((sum, key) => sum + utf8Bytes(key), 0);
  if (keys.length <= CHANGE_KEYS_MAX && bytes <= CHANGE_KEY_BYTES_MAX) return;
  throw new PlantdError(
    "invalid_request",
    `one change deletes at most ${CHANGE_KEYS_MAX} keys of ${CHANGE_KEY_BYTES_MAX} bytes together, ` +
      `scope "${scope}" has ${keys.length} others of ${bytes} bytes; delete some of them ` +
      "first, or the scope in a batch that sets it anew",
  );
}

/**
 * Checks that a scope which has grown is no larger than it may be.
 *
 * @param before What it had before; one that was too large already may shrink.
 * @throws {PlantdError} `quota_exceeded`.
 */
export function boundScope(
  { scope: { name }, options: { keysMax, bytesMax }, keys, bytes }: {
    readonly scope: { readonly name: string };
    readonly options: { readonly keysMax: number; readonly bytesMax: number };
    readonly keys: number;
    readonly bytes: number;
  },
  before: { readonly keys: number; readonly bytes: number },
): void {
  if (keysMax > 0 && keys > keysMax && keys > before.keys) {
    throw tooMany(name, keysMax, "keys", keys);
  }
  if (bytesMax > 0 && bytes > bytesMax && bytes > before.bytes) {
    throw tooMany(name, bytesMax, "bytes of keys and values", bytes);
  }
}

/**
 * Checks the number of scopes that have options of their own.
 *
 * @throws {PlantdError} `quota_exceeded`.
 */
export function boundConfigured(count: number): void {
  if (count < CONFIGURED_SCOPES_MAX) return;
  throw new PlantdError(
    "quota_exceeded",
    `at most ${CONFIGURED_SCOPES_MAX} scopes have options of their own; take some back with null`,
  );
}

function tooMany(scope: string, max: number, what: string, found: number): PlantdError {
  return new PlantdError(
    "quota_exceeded",
    `scope "${scope}" may have ${max} ${what}, with this it would have ${found}`,
    { data: { scope, max, found } },
  );
}

function conflict(what: string, expected: number, revision: number): PlantdError {
  const found = revision === 0 ? "does not exist" : `has revision ${revision}`;
  const needed = expected === 0 ? "none" : `revision ${expected}`;
  return new PlantdError("revision_conflict", `${what} ${found}, expected ${needed}`, {
    data: { revision },
  });
}

/** The failure for a database that does not open; what is one already is told as it is. */
export function databaseUnusable(file: string, error: unknown): PlantdError {
  if (error instanceof PlantdError) return error;
  return new PlantdError(
    "database_unusable",
    `cannot open the database ${file}: ${messageOf(error)}`,
    {
      hint: "it must be a database of this program, in a directory the service may write to",
      data: { path: file },
      cause: error,
    },
  );
}

/** The failure where the lock did not keep a second writer out. */
export function writtenByAnother(): PlantdError {
  return new PlantdError("storage_unavailable", "another process has written to the database");
}

/** What is said of a disk that is full. */
export const DISK_IS_FULL = "the disk is full; nothing was stored";

/** What the disk said, as an error for whoever wanted to write. */
export function storageError(thrown: unknown): PlantdError {
  if (thrown instanceof PlantdError) return thrown;
  const said = messageOf(thrown);
  const full = said.includes("database or disk is full");
  return new PlantdError(
    full ? "storage_full" : "storage_unavailable",
    full ? DISK_IS_FULL : `the database cannot be written: ${said}`,
    { cause: thrown },
  );
}
