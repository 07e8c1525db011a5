/**
 * The operations: what each does with a store, and the handler that runs them for a request. Every
 * front door (Majordomo today, HTTP tomorrow) goes through this table.
 *
 * @module
 */

import { systemClock } from "../clock.ts";
import { PlantdError, wireCodeOf } from "../errors.ts";
import { REPLY_BYTES_MAX, REQUEST_ID_BYTES_MAX } from "../limits.ts";
import { batch, load, storeEntries } from "./bulk.ts";
import type { ObservedRequest, Operation, OperationContext } from "./context.ts";
import type { JsonObject } from "./json.ts";
import { history, keyNotFound, revert, versionAt } from "./past.ts";
import { entryDetails, entryMembers, failure, flat, success } from "./replies.ts";
import {
  readBody,
  readFlag,
  readIfRevision,
  readKey,
  readListQuery,
  readRequest,
  readRevision,
  readScope,
  readStamp,
  readValue,
  unknownOperation,
} from "./requests.ts";
import { acknowledge, backup } from "./maintenance.ts";
import { readTtl } from "./scope_options.ts";
import { configureScope, describeScope } from "./scopes.ts";
import type { Mutation, StateReader } from "./store.ts";
import { changes, watch } from "./watching.ts";

const OPERATIONS: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ["create-scope", createScope],
  ["delete-scope", deleteScope],
  ["list-scopes", listScopes],
  ["set", async (...of) => flat((await set(...of)).members)],
  ["get", (context, body) => mapped(get(context, body), ({ members }) => flat(members))],
  ["state-set", async (...of) => success(withScope(await set(...of)))],
  ["state-get", (context, body) => mapped(get(context, body), (of) => success(withScope(of)))],
  ["delete", deleteKey],
  ["list-keys", listKeys],
  ["history", history],
  ["revert", revert],
  ["describe-scope", describeScope],
  ["configure-scope", configureScope],
  ["batch", batch],
  ["load", load],
  ["store", storeEntries],
  ["watch", watch],
  ["changes", changes],
  ["health", health],
  ["backup", backup],
  ["acknowledge", acknowledge],
]);

/** Names of all operations, as they go over the wire. */
export const OPERATION_NAMES: readonly string[] = [...OPERATIONS.keys()];

/**
 * Runs a request and gives its reply: one frame for each JSON frame, in order; at once when the store
 * need not be waited for. It never fails; what goes wrong is said in the frame it concerns.
 *
 * @param frames Body frames: operation, then JSON (PROTOCOL section 2).
 * @param source Who asks, for the entries that are written.
 *
 * @example
 * ```ts
 * await handleRequest(context, [utf8("list-scopes")], "mdp:0012ab34cd");
 * // [utf8('{"success":true,"data":{"scopes":[],"count":0}}')]
 * ```
 */
export function handleRequest(
  context: OperationContext,
  frames: readonly Uint8Array[],
  source: string,
): Uint8Array[] | Promise<Uint8Array[]> {
  try {
    const { operation, bodies } = readRequest(frames);
    const run = OPERATIONS.get(operation);
    if (!run) {
      const unknown = failure(unknownOperation(operation, OPERATION_NAMES));
      return bodies.map(() => {
        context.onAnswer?.("unknown", "unknown_operation", 0);
        return unknown;
      });
    }
    const replies = answerAll(context, operation, run, bodies, source);
    return replies.every((reply) => reply instanceof Uint8Array) ? replies : Promise.all(replies);
  } catch (thrown) {
    return [failed(context, "unknown", thrown, systemClock.monotonic())];
  }
}

/**
 * Begins all bodies before the first is awaited: a store takes them in this order, in one commit. Those
 * whose replies would make the message too large are refused before they are begun.
 */
function answerAll(
  context: OperationContext,
  name: string,
  run: Operation,
  bodies: readonly Uint8Array[],
  source: string,
): (Uint8Array | Promise<Uint8Array>)[] {
  let replyBytes = 0;
  return bodies.map((frame) => {
    if (replyBytes > REPLY_BYTES_MAX) {
      return failed(context, name, tooMuchAtOnce(), systemClock.monotonic());
    }
    const reply = answer(context, name, run, frame, source);
    // A reply that is still to come repeats at most what was sent.
    replyBytes += reply instanceof Uint8Array ? reply.length : frame.length;
    return reply;
  });
}

function answer(
  context: OperationContext,
  name: string,
  run: Operation,
  frame: Uint8Array,
  source: string,
): Uint8Array | Promise<Uint8Array> {
  const sinceMs = systemClock.monotonic();
  let body: JsonObject | undefined;
  let observed: ObservedRequest | undefined;
  const done = (bytes: Uint8Array) => {
    const tookMs = systemClock.monotonic() - sinceMs;
    context.onAnswer?.(name, "ok", tookMs);
    observed?.end("ok", tookMs);
    return bytes;
  };
  const refuse = (thrown: unknown) => {
    observed ??= body ? undefined : context.observe?.(name, undefined, source);
    return failed(context, name, thrown, sinceMs, observed ?? named(body));
  };
  try {
    const read = body = readBody(frame);
    observed = context.observe?.(name, body, source);
    const reply = observed
      ? observed.within(() => run(context, read, source))
      : run(context, read, source);
    if (reply instanceof Uint8Array) return done(reply);
    return reply.then(done, refuse);
  } catch (thrown) {
    return refuse(thrown);
  }
}

/** Of a request that nobody watches, its own name. */
function named(body: JsonObject | undefined): { readonly id?: string } {
  const { request_id: id } = body?.members ?? {};
  return typeof id === "string" ? { id: id.slice(0, REQUEST_ID_BYTES_MAX) } : {};
}

function tooMuchAtOnce(): PlantdError {
  return new PlantdError(
    "invalid_request",
    `the replies to this request come to more than ${REPLY_BYTES_MAX} bytes; ask for less at once`,
  );
}

function failed(
  context: OperationContext,
  name: string,
  thrown: unknown,
  sinceMs: number,
  observed: Partial<ObservedRequest> = {},
): Uint8Array {
  const code = wireCodeOf(thrown);
  if (code === "internal") context.onFault(name, thrown, observed.id);
  const tookMs = systemClock.monotonic() - sinceMs;
  context.onAnswer?.(name, code, tookMs);
  observed.end?.(code, tookMs);
  return failure(thrown);
}

async function createScope({ store }: OperationContext, body: JsonObject, source: string) {
  const scope = readScope(body);
  const mutation: Mutation = { kind: "create-scope", scope };
  await store.commit({ mutations: [mutation], source, ...readStamp(body) });
  return success({ scope, status: "created" });
}

async function deleteScope({ store }: OperationContext, body: JsonObject, source: string) {
  const scope = readScope(body);
  const mutation: Mutation = { kind: "delete-scope", scope };
  await store.commit({ mutations: [mutation], source, ...readStamp(body) });
  return success({ scope, status: "deleted" });
}

function listScopes({ store }: OperationContext, body: JsonObject) {
  const { names, more } = store.listScopes(readListQuery(body));
  return success({ scopes: names, count: names.length, ...rest(more) });
}

/** The members of a reply about one key, and the scope that only `state-*` replies repeat. */
interface KeyReply {
  readonly scope: string;
  readonly members: Readonly<Record<string, unknown>>;
}

function withScope({ scope, members }: KeyReply): Readonly<Record<string, unknown>> {
  return { scope, ...members };
}

async function set(
  { store, valueBytesMax }: OperationContext,
  body: JsonObject,
  source: string,
): Promise<KeyReply> {
  const scope = readScope(body);
  const key = readKey(body);
  const value = readValue(body, valueBytesMax);
  const mutation: Extract<Mutation, { kind: "set" }> = {
    kind: "set",
    scope,
    key,
    value,
    missingScope: "create",
    ...readIfRevision(body),
    ...readTtl(body),
  };
  const { revision, timeMs } = await store.commit({
    mutations: [mutation],
    source,
    ...readStamp(body),
  });
  const { ttlMs = store.scopeOptions(scope).ttlMs } = mutation;
  const expires = ttlMs === 0 ? {} : { expiresMs: timeMs + ttlMs };
  return { scope, members: entryMembers(key, { value: value.text, revision, timeMs, ...expires }) };
}

function get({ store }: OperationContext, body: JsonObject): KeyReply | Promise<KeyReply> {
  const scope = readScope(body);
  const key = readKey(body);
  const { revision } = readRevision(body);
  if (revision !== undefined) return getAt(store, scope, key, revision);
  const entry = store.get(scope, key);
  if (entry === undefined) throw keyNotFound(scope, key);
  const details = readFlag(body, "details") ? entryDetails(entry) : {};
  return { scope, members: { ...entryMembers(key, entry), ...details } };
}

/** What a key was: read from disk, and so later than what it is. */
async function getAt(
  store: StateReader,
  scope: string,
  key: string,
  revision: number,
): Promise<KeyReply> {
  const { value, ...version } = await versionAt(store, scope, key, revision);
  if (value === undefined) throw keyNotFound(scope, key);
  const { source, note } = version;
  return { scope, members: { ...entryMembers(key, { value, ...version }), source, note } };
}

function mapped<T>(
  of: T | Promise<T>,
  make: (of: T) => Uint8Array,
): Uint8Array | Promise<Uint8Array> {
  return of instanceof Promise ? of.then(make) : make(of);
}

async function deleteKey({ store }: OperationContext, body: JsonObject, source: string) {
  const scope = readScope(body);
  const key = readKey(body);
  const mutation: Mutation = { kind: "delete", scope, key, ...readIfRevision(body) };
  await store.commit({
    mutations: [mutation],
    source,
    ...readStamp(body),
  });
  return success({ scope, key, status: "deleted" });
}

function listKeys({ store }: OperationContext, body: JsonObject) {
  const scope = readScope(body);
  const { names, more } = store.listKeys(scope, readListQuery(body));
  return success({ scope, keys: names, count: names.length, ...rest(more) });
}

/** A list that is whole is told exactly as the contract has it. */
function rest(more: boolean): { readonly more?: true } {
  return more ? { more } : {};
}

/** As the original: a `service` is told about if one is named. */
function health({ store, health }: OperationContext, body: JsonObject) {
  const { service: scope } = body.members;
  const asked = typeof scope === "string" ? { scope, scope_exists: store.hasScope(scope) } : {};
  return success({ ...health(), ...asked });
}
