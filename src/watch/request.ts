/**
 * One request to the state service, and what it says: the side of the client, for the command line and
 * for watchers.
 *
 * @module
 */

import { PlantdError, WIRE_CODES, type WireCode } from "../errors.ts";
import type { Client, RequestOptions } from "../mdp/client.ts";
import { type JsonObject, parseObject, stringify } from "../state/json.ts";

const encoder = new TextEncoder();

/**
 * Asks `service` for an operation, and resolves with its one reply.
 *
 * @throws {PlantdError} What the service said, or `no_reply`.
 *
 * @example
 * ```ts
 * await request(client, "org.plantd.State", "get", { service: "org.plantd.Test", key: "foo" });
 * ```
 */
export async function request(
  client: Client,
  service: string,
  operation: string,
  body: Readonly<Record<string, unknown>>,
  options: RequestOptions = {},
): Promise<JsonObject> {
  const [reply] = await requestAll(client, service, operation, [body], options);
  const { success, code, error } = reply!.members;
  if (success !== false) return reply!;
  throw new PlantdError(wireCode(code), `${String(code)}: ${String(error)}`);
}

/**
 * Asks `service` for the same operation with each of `bodies` in one request, and resolves with as many
 * replies, those that are failures included.
 *
 * @param bodies At most {@link REQUEST_FRAMES_MAX}.
 * @throws {PlantdError} `no_reply`.
 */
export async function requestAll(
  client: Client,
  service: string,
  operation: string,
  bodies: readonly Readonly<Record<string, unknown>>[],
  options: RequestOptions = {},
): Promise<JsonObject[]> {
  const frames = [operation, ...bodies.map((body) => stringify(body))];
  const replies = await client.request(service, frames.map((of) => encoder.encode(of)), options);
  return bodies.map((_, index) => parseObject(replies[index] ?? new Uint8Array()));
}

/** The code if it is of the contract; a service of another version may have others. */
function wireCode(code: unknown): WireCode {
  return WIRE_CODES.find((known) => known === code) ?? "internal";
}
