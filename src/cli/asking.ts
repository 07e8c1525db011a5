/**
 * A way to ask the service through its broker, for every command that does.
 *
 * @module
 */

import { loadStateConfig } from "../config/load.ts";
import type { StateConfig } from "../config/schema.ts";
import { Client } from "../mdp/client.ts";
import type { JsonObject } from "../state/json.ts";
import { request, requestAll } from "../watch/request.ts";
import { Poller } from "../zmq/poller.ts";
import { flag } from "./settings.ts";

/** Attempts of an operation; a write has a request_id, so that the service does it once. */
const ATTEMPTS = 3;

/** Where the service is: what the connection options parse to. */
export interface ServiceValues {
  readonly config?: string | undefined;
  readonly endpoint?: string | undefined;
  /** In milliseconds. */
  readonly timeout: number;
}

/** Asks the service for an operation. */
export type Ask = (
  operation: string,
  body: Readonly<Record<string, unknown>>,
) => Promise<JsonObject>;

/** What asks, and what it is made of. */
export interface Asking extends AsyncDisposable {
  readonly config: StateConfig;
  readonly poller: Poller;
  readonly client: Client;
  /** @throws {PlantdError} What the service said, or `no_reply`. */
  readonly ask: Ask;
  /** Many of one kind at once; failures are among the replies. */
  readonly askAll: (
    operation: string,
    bodies: readonly Readonly<Record<string, unknown>>[],
  ) => Promise<JsonObject[]>;
}

/** The configuration of the service, for where the broker is; `--endpoint` goes before it. */
export function configOf({ config, endpoint }: Omit<ServiceValues, "timeout">): StateConfig {
  return loadStateConfig({
    configPath: config,
    flags: { "broker.endpoint": flag("--endpoint", endpoint) },
  }).config;
}

/** Connects; the broker need not be there yet. */
export function asking(values: ServiceValues, config = configOf(values)): Asking {
  const { broker, service: { id } } = config;
  const parts = new AsyncDisposableStack();
  const poller = parts.use(new Poller());
  const client = parts.use(
    new Client({
      poller,
      endpoint: broker.endpoint.address,
      dialect: broker.dialect,
      timeoutMs: Math.ceil(values.timeout / ATTEMPTS),
      retries: ATTEMPTS - 1,
    }),
  );
  return {
    config,
    poller,
    client,
    ask: (operation, body) => request(client, id, operation, body),
    askAll: (operation, bodies) => requestAll(client, id, operation, bodies),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
