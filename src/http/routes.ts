/**
 * The API as a table: which path is which operation, and what goes into it. The same schemas check
 * requests and become the OpenAPI document.
 *
 * @module
 */

import * as z from "zod";
import {
  CHANGE_KEYS_MAX,
  HISTORY_MAX,
  LIST_KEYS_MAX,
  NOTE_BYTES_MAX,
  REQUEST_ID_BYTES_MAX,
  SCOPE_MS_MAX,
} from "../limits.ts";
import * as replies from "./reply_schemas.ts";

/** What a request brings along. */
export type RouteBody =
  | "none"
  /** Any JSON value; goes into the field `value` to the letter. */
  | "value"
  /** A JSON object; its members are fields of the operation. */
  | z.ZodObject;

/** One way to ask for an operation. */
export interface Route {
  readonly method: "get" | "put" | "post" | "patch" | "delete";
  /** Below `/api/v1`, with `{scope}` and `{key}`. */
  readonly path: string;
  readonly operation: string;
  readonly summary: string;
  readonly query: z.ZodObject;
  readonly body: RouteBody;
  /** Whether `If-Match` is a condition, and the reply's revision the `ETag`. */
  readonly tagged: boolean;
  /** What `data` of a good reply is. */
  readonly reply: z.ZodType;
}

const revision = () => z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const pageSize = () => z.coerce.number().int().min(1).max(LIST_KEYS_MAX);
const text = () => z.string();
const positiveMs = () => z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER);

const list = {
  prefix: text().optional().describe("Only names that begin with this."),
  after: text().optional().describe("Only names behind this one: the last of the page before."),
  limit: pageSize().optional().describe("At most so many; `more` tells that others follow."),
};
const stamp = {
  note: z.string().max(NOTE_BYTES_MAX).optional().describe("Why, for people who read it later."),
  request_id: z.string().min(1).max(REQUEST_ID_BYTES_MAX).optional()
    .describe("A name of the caller's own: asked again under it, the write happens once."),
};
const set = {
  ...stamp,
  ttl_ms: positiveMs().optional().describe("The key is deleted after so many milliseconds."),
};
const option = (max: number) => z.int().min(0).max(max).nullable().optional();
const options = {
  history: option(HISTORY_MAX).describe("Earlier values kept of each key; null takes it back."),
  history_ms: option(SCOPE_MS_MAX).describe("How old they become, in milliseconds; 0 for any age."),
  ttl_ms: option(SCOPE_MS_MAX).describe("How long values live whose writer does not say."),
  keys_max: option(Number.MAX_SAFE_INTEGER).describe("Most keys; 0 for no bound."),
  bytes_max: option(Number.MAX_SAFE_INTEGER).describe("Most bytes of keys and values."),
  bus_create: z.boolean().nullable().optional()
    .describe("Whether an update on the bus creates the scope."),
  note: stamp.note,
};

const nothing = z.strictObject({});
const one = (fields: z.ZodRawShape) => z.strictObject(fields);

const SCOPE = "/scopes/{scope}";
const KEY = "/scopes/{scope}/keys/{key}";

/** All routes that are one operation each. */
export const ROUTES: readonly Route[] = [
  get("/scopes", "list-scopes", "The names of the scopes.", list, replies.scopes),
  get(SCOPE, "describe-scope", "What a scope holds, and its options.", {}, replies.scope),
  write("put", SCOPE, "create-scope", "Creates a scope.", stamp, replies.done),
  write("patch", SCOPE, "configure-scope", "Sets options of a scope.", {}, replies.scope, options),
  write("delete", SCOPE, "delete-scope", "Deletes a scope and its keys.", stamp, replies.done),
  get(`${SCOPE}/keys`, "list-keys", "The keys of a scope.", list, replies.keys),
  get(
    `${SCOPE}/entries`,
    "load",
    "A scope's keys and values as of one moment; a further page needs the first one's revision.",
    { ...list, revision: revision().optional() },
    replies.entries,
  ),
  write(
    "post",
    `${SCOPE}/entries`,
    "store",
    "Writes many keys as one change.",
    {},
    replies.committed,
    {
      entries: z.record(z.string(), z.unknown()).describe(`At most ${CHANGE_KEYS_MAX} keys.`),
      mode: z.enum(["merge", "replace"]).optional(),
      if_revision: z.int().min(0).optional(),
      ...stamp,
    },
  ),
  {
    ...get(
      KEY,
      "state-get",
      "A key's value; with `details` who wrote it and why, with `revision` an earlier version.",
      {
        revision: revision().optional(),
        details: z.stringbool({ truthy: ["true"], falsy: ["false"] }).optional(),
      },
      replies.entry,
    ),
    tagged: true,
  },
  {
    ...write("put", KEY, "state-set", "Sets a key; the body is its value.", set, replies.entry),
    body: "value",
    tagged: true,
  },
  { ...write("delete", KEY, "delete", "Deletes a key.", stamp, replies.done), tagged: true },
  get(
    `${KEY}/history`,
    "history",
    "The versions of a key, newest first.",
    { limit: pageSize().optional(), before: revision().optional() },
    replies.history,
  ),
  write("post", `${KEY}/revert`, "revert", "Writes an earlier version anew.", {}, replies.entry, {
    revision: z.int().min(1),
    if_revision: z.int().min(0).optional(),
    ...stamp,
  }),
  write(
    "post",
    "/batch",
    "batch",
    "Changes many keys in any scopes, all of them or none.",
    {},
    replies.committed,
    { operations: z.array(z.looseObject({})).min(1).max(CHANGE_KEYS_MAX), ...stamp },
  ),
  get(
    "/changes",
    "changes",
    "Changes after a revision; as `text/event-stream` all that follow, too.",
    {
      since: revision(),
      epoch: text().optional(),
      limit: pageSize().optional(),
      service: text().optional().describe("Only those of this scope."),
    },
    replies.changes,
  ),
  get("/health", "health", "The service in numbers.", {}, replies.health),
];

function get(
  path: string,
  operation: string,
  summary: string,
  query: z.ZodRawShape,
  reply: z.ZodType,
): Route {
  const shape = { method: "get", body: "none", tagged: false } as const;
  return { ...shape, path, operation, summary, query: one(query), reply };
}

function write(
  method: Route["method"],
  path: string,
  operation: string,
  summary: string,
  query: z.ZodRawShape,
  reply: z.ZodType,
  body?: z.ZodRawShape,
): Route {
  return {
    method,
    path,
    operation,
    summary,
    query: Object.keys(query).length === 0 ? nothing : one(query),
    body: body === undefined ? "none" : one(body),
    tagged: false,
    reply,
  };
}
