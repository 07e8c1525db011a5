/**
 * Why a store does not do what it was asked to, in words.
 *
 * @module
 */

import { PlantdError } from "../errors.ts";
import { CHANGE_KEY_BYTES_MAX, CHANGE_KEYS_MAX } from "../limits.ts";
import { utf8Bytes } from "../state/names.ts";
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
      `scope "${scope}" has ${keys.length} others of ${bytes} bytes; delete some of them first`,
  );
}

function conflict(what: string, expected: number, revision: number): PlantdError {
  const found = revision === 0 ? "does not exist" : `has revision ${revision}`;
  const needed = expected === 0 ? "none" : `revision ${expected}`;
  return new PlantdError("revision_conflict", `${what} ${found}, expected ${needed}`, {
    data: { revision },
  });
}
