/**
 * Operations on many keys at once: `batch`, `load` and `store`.
 *
 * @module
 */

import { PlantdError } from "../errors.ts";
import { CHANGE_KEYS_MAX } from "../limits.ts";
import type { OperationContext } from "./context.ts";
import { type JsonObject, JsonText, kindOf } from "./json.ts";
import { invalid } from "./names.ts";
import { isoTime, success } from "./replies.ts";
import {
  readEntries,
  readIfRevision,
  readKey,
  readListQuery,
  readRevision,
  readScope,
  readStamp,
  readValue,
} from "./requests.ts";
import { readTtl } from "./scope_options.ts";
import type { Committed, Mutation } from "./store.ts";

/** Many operations, in any scopes, as one change: all of them or none. */
export async function batch(context: OperationContext, body: JsonObject, source: string) {
  const mutations = readOperations(body, context.valueBytesMax);
  const committed = await context.store.commit({
    mutations,
    source,
    ...readStamp(body),
  });
  return success({ ...committedMembers(committed), count: mutations.length });
}

/** A scope, or the keys of a prefix, as they are at one moment. */
export function load({ store, snapshots }: OperationContext, body: JsonObject) {
  const scope = readScope(body);
  const query = { ...readListQuery(body), ...readRevision(body) };
  const { revision, entries, more } = snapshots.page(scope, query);
  const values = entries.map(([key, { value }]) => `${JSON.stringify(key)}:${value}`);
  return success({
    scope,
    revision,
    epoch: store.epoch,
    // Not as an object's members: JavaScript would put keys that are numbers in front.
    entries: new JsonText(`{${values.join(",")}}`),
    count: entries.length,
    ...(more ? { more } : {}),
  });
}

/** Many keys of one scope as one change; with `mode` replace, the scope has no others afterwards. */
export async function storeEntries(context: OperationContext, body: JsonObject, source: string) {
  const { store, valueBytesMax } = context;
  const scope = readScope(body);
  const mode = readMode(body);
  const entries = readEntries(body, valueBytesMax);
  if (entries.size === 0 && mode === "merge") {
    throw invalid("entries", "at least one key is needed, found none");
  }
  const ttl = readTtl(body);
  const { ifRevision } = readIfRevision(body);
  const expected: Mutation[] = ifRevision === undefined
    ? []
    : [{ kind: "expect-scope", scope, revision: ifRevision }];
  const others: Mutation[] = mode === "merge"
    ? []
    : [{ kind: "keep-only", scope, keys: new Set(entries.keys()) }];
  const sets = [...entries].map(([key, value]): Mutation => ({
    kind: "set",
    scope,
    key,
    value,
    missingScope: "create",
    ...ttl,
  }));
  const committed = await store.commit({
    mutations: [...expected, ...others, ...sets],
    source,
    ...readStamp(body),
  });
  return success({ scope, ...committedMembers(committed), count: sets.length });
}

function committedMembers({ revision, timeMs }: Committed) {
  return { revision, time: isoTime(timeMs) };
}

function readMode(body: JsonObject): "merge" | "replace" {
  const mode = body.members.mode ?? "merge";
  if (mode === "merge" || mode === "replace") return mode;
  throw invalid("mode", `merge or replace is needed, found ${JSON.stringify(mode).slice(0, 40)}`);
}

/** Field `operations` of a batch. */
function readOperations(body: JsonObject, valueBytesMax: number): Mutation[] {
  const { operations } = body.members;
  if (!Array.isArray(operations)) {
    throw invalid("operations", `an array is needed, found ${kindOf(operations)}`);
  }
  if (operations.length === 0 || operations.length > CHANGE_KEYS_MAX) {
    const found = operations.length;
    throw invalid("operations", `1 to ${CHANGE_KEYS_MAX} operations are needed, found ${found}`);
  }
  const bodies = body.objectsOf("operations");
  if (!bodies) throw invalid("operations", "each operation is an object");
  return bodies.map((one, i) => {
    try {
      return readOperation(one, valueBytesMax);
    } catch (thrown) {
      if (!(thrown instanceof PlantdError)) throw thrown;
      const { code, message, data } = thrown;
      throw new PlantdError(code, `operations[${i}]: ${message}`, { data, cause: thrown });
    }
  });
}

function readOperation(body: JsonObject, valueBytesMax: number): Mutation {
  const { operation } = body.members;
  const scope = readScope(body);
  switch (operation) {
    case "create-scope":
    case "delete-scope":
      return { kind: operation, scope };
    case "delete":
      return { kind: "delete", scope, key: readKey(body), ...readIfRevision(body) };
    case "set":
      return {
        kind: "set",
        scope,
        key: readKey(body),
        value: readValue(body, valueBytesMax),
        missingScope: "create",
        ...readIfRevision(body),
        ...readTtl(body),
      };
    default:
      throw invalid("operation", "set, delete, create-scope or delete-scope is needed");
  }
}
