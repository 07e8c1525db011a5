/**
 * What the broker answers itself: RFC 8's `mmi.*` and the original's `org.plantd.Broker`.
 *
 * @module
 */

import type { Frames } from "./frames.ts";
import { decodeServiceName, encodeText } from "./names.ts";

/** Services under this belong to the broker (RFC 8, "Namespace"). */
export const MMI_PREFIX = "mmi.";

/** The broker as a service, as the original has it; a real worker of that name takes precedence. */
export const BROKER_SERVICE = "org.plantd.Broker";

/** Largest JSON argument of {@link BROKER_SERVICE}; a service name fits six times over. */
const ARGUMENT_BYTES_MAX = 2048;

/** Numbers of one service. */
export interface ServiceView {
  /** Workers registered, busy or not. */
  readonly workers: number;
  /** Requests that wait for a worker. */
  readonly queued: number;
  /** Clients that wait for a worker. */
  readonly clients: number;
}

/** What the answers are made of. */
export interface BrokerView {
  /** Names of the services that have workers. */
  serviceNames(): string[];
  /** The service of that name, when it has workers. */
  service(name: string): ServiceView | undefined;
}

/**
 * The answer of an `mmi.*` service: for `mmi.service` 200 or 404 (RFC 8, "Default services"), for all
 * others 501.
 *
 * @example
 * ```ts
 * answerMmi("mmi.service", [encodeText("echo")], view); // ["200"]
 * ```
 */
export function answerMmi(service: string, body: Frames, view: BrokerView): Frames {
  if (service !== "mmi.service") return [encodeText("501")];
  // The last frame, as the guide's broker has it; the RFC does not say which.
  const name = decodeServiceName(body[body.length - 1]!);
  const found = name !== undefined && (name === BROKER_SERVICE || view.service(name) !== undefined);
  return [encodeText(found ? "200" : "404")];
}

/** The answer of {@link BROKER_SERVICE}: one frame of JSON, `{"error":"..."}` when it cannot serve. */
export function answerBroker(body: Frames, view: BrokerView): Frames {
  return [encodeText(JSON.stringify(brokerAnswer(body, view)))];
}

function brokerAnswer(body: Frames, view: BrokerView): Record<string, unknown> {
  const operation = decodeServiceName(body[0]!);
  if (operation === "services") return { services: view.serviceNames() };
  if (operation !== "service") return { error: "the operation must be services or service" };
  const name = serviceArgument(body[1]);
  if (name === undefined) {
    return { error: `service needs a frame of JSON like {"service":"org.plantd.State"}` };
  }
  const service = view.service(name);
  if (!service) return { error: `no worker has registered the service ${name}` };
  return { [name]: service };
}

function serviceArgument(frame: Uint8Array | undefined): string | undefined {
  if (!frame || frame.length > ARGUMENT_BYTES_MAX) return undefined;
  try {
    const argument: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(frame));
    const name = (argument as { service?: unknown } | null)?.service;
    return typeof name === "string" ? name : undefined;
  } catch {
    return undefined;
  }
}
