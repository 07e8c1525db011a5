/**
 * Operations on what a key was before: `history`, `get` with a `revision`, and `revert`.
 *
 * @module
 */

import { PlantdError } from "../errors.ts";
import { HISTORY_PAGE_BYTES_MAX } from "../limits.ts";
import type { OperationContext } from "./context.ts";
import { type JsonObject, JsonText } from "./json.ts";
import { entryMembers, isoTime, success, versionMembers } from "./replies.ts";
import {
  readBefore,
  readIfRevision,
  readKey,
  readLimit,
  readRequiredRevision,
  readScope,
  readStamp,
} from "./requests.ts";
import type { Mutation, StateReader, Version } from "./store.ts";

/** The versions of a key, the latest first. */
export async function history({ store }: OperationContext, body: JsonObject) {
  const scope = readScope(body);
  const key = readKey(body);
  const limit = readLimit(body);
  const { before = Infinity } = readBefore(body);
  const versions = (await store.history(scope, key)).filter(({ revision }) => revision < before);
  let bytes = 0;
  const page = versions.slice(0, limit).filter(({ value = "" }, i) => {
    const fits = i === 0 || bytes < HISTORY_PAGE_BYTES_MAX;
    bytes += value.length;
    return fits;
  });
  return success({
    scope,
    key,
    versions: page.map(versionMembers),
    count: page.length,
    ...(page.length < versions.length ? { more: true } : {}),
  });
}

/**
 * What `key` was when the store had `revision`.
 *
 * @throws {PlantdError} `scope_not_found`, `key_not_found` where it never was, `compacted` where that is
 * no longer known, `invalid_request` where that has not been yet.
 */
export async function versionAt(
  store: StateReader,
  scope: string,
  key: string,
  revision: number,
): Promise<Version> {
  const present = store.status().revision;
  if (revision > present) {
    throw new PlantdError(
      "invalid_request",
      `field "revision": one that has been is needed, found ${revision}, the store has ${present}`,
    );
  }
  const versions = await store.history(scope, key);
  const version = versions.find((of) => of.revision <= revision);
  if (version) return version;
  const oldest = versions.at(-1);
  if (!oldest) throw keyNotFound(scope, key);
  throw new PlantdError(
    "compacted",
    `what key ${
      JSON.stringify(key)
    } of scope "${scope}" was at revision ${revision} is not known; ` +
      `the oldest that is kept is revision ${oldest.revision}`,
    { data: { revision: oldest.revision } },
  );
}

/** Makes a key what it was, as a new change. */
export async function revert({ store }: OperationContext, body: JsonObject, source: string) {
  const scope = readScope(body);
  const key = readKey(body);
  const to = await versionAt(store, scope, key, readRequiredRevision(body));
  const stamp = { note: `revert to revision ${to.revision}`, ...readStamp(body) };
  const condition = readIfRevision(body);
  const mutation: Mutation = to.value === undefined
    ? { kind: "delete", scope, key, ...condition }
    : {
      kind: "set",
      scope,
      key,
      value: new JsonText(to.value),
      missingScope: "fail",
      ...condition,
    };
  const { revision, timeMs } = await store.commit({ mutations: [mutation], source, ...stamp });
  const members = to.value === undefined
    ? { key, status: "deleted", revision, time: isoTime(timeMs) }
    : entryMembers(key, { value: to.value, revision, timeMs });
  return success({ scope, ...members, reverted_to: to.revision });
}

/** The failure for a key that does not exist. */
export function keyNotFound(scope: string, key: string): PlantdError {
  return new PlantdError("key_not_found", `scope "${scope}" has no key ${JSON.stringify(key)}`, {
    data: { scope, key },
  });
}
