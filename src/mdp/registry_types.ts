/**
 * What goes into the broker's registry and what comes out of it.
 *
 * @module
 */

import {
  BROKER_BYTES_MAX,
  BROKER_QUEUED_MAX,
  BROKER_SERVICE_QUEUED_BYTES_MAX,
  BROKER_SERVICE_QUEUED_MAX,
  BROKER_UNSERVED_MAX,
  BROKER_WORKERS_MAX,
} from "../limits.ts";

/** Bounds of a broker; at each the newest is refused and counted. */
export interface BrokerLimits {
  /** Services known only because someone asked for them. */
  readonly unservedMax: number;
  /** Workers, all services together. */
  readonly workersMax: number;
  /** Requests waiting for one service; one client may have half of them. */
  readonly serviceQueuedMax: number;
  readonly serviceQueuedBytesMax: number;
  /** Requests waiting overall; those for services without workers may be half of them. */
  readonly queuedMax: number;
  /** Bytes of all requests in memory. */
  readonly bytesMax: number;
}

/** The bounds unless configured otherwise. */
export const DEFAULT_BROKER_LIMITS: BrokerLimits = {
  unservedMax: BROKER_UNSERVED_MAX,
  workersMax: BROKER_WORKERS_MAX,
  serviceQueuedMax: BROKER_SERVICE_QUEUED_MAX,
  serviceQueuedBytesMax: BROKER_SERVICE_QUEUED_BYTES_MAX,
  queuedMax: BROKER_QUEUED_MAX,
  bytesMax: BROKER_BYTES_MAX,
};

/** A request on its way to a worker. */
export interface GivenRequest {
  readonly service: string;
  /** The client's address as workers have it. */
  readonly alias: Uint8Array;
  readonly body: readonly Uint8Array[];
  /** How long it has been with the broker. */
  readonly waitedMs: number;
}

/** What does not change during the life of a registry. */
export interface RegistryConfig {
  readonly heartbeatMs: number;
  readonly liveness: number;
  readonly requestExpiryMs: number;
  readonly limits: BrokerLimits;
  /** Told of each request that a worker is given; for traces. */
  readonly onGiven?: ((given: GivenRequest) => void) | undefined;
}

/** A message to be sent; `frames` begin with the routing id. */
export interface SendAction {
  readonly do: "send";
  /** The peer, for {@link Registry.undeliverable}. */
  readonly key: string;
  readonly about: "request" | "reply" | "heartbeat" | "disconnect";
  readonly frames: readonly Uint8Array[];
}

/** What the broker has to do. A `note` is for the log. */
export type RegistryAction = SendAction | {
  readonly do: "note";
  readonly level: "debug" | "warn";
  readonly message: string;
  readonly data: Readonly<Record<string, string>>;
};

/** What happened since the start. */
export interface RegistryCounters {
  /** Requests of clients, those refused and those for the broker itself included. */
  requests: number;
  /** Replies of workers passed on. */
  replies: number;
  /** Messages that are no command. */
  invalid: number;
  /** DISCONNECTs sent to peers that said something at the wrong time. */
  disconnected: number;
  /** Workers forgotten because they were silent. */
  silent: number;
  /** Requests that waited too long. */
  expired: number;
  /** Requests given to a second worker after the first had died. */
  retried: number;
  /** Requests given up: the second worker died too, or the client had a part of the reply. */
  lost: number;
  /** Requests, workers and partial replies over a bound. */
  refused: number;
  /** Waiting requests of clients that are gone. */
  forgotten: number;
  /** Messages to peers that are gone. */
  unroutable: number;
  /** Messages to peers that do not read. */
  full: number;
}

/** Counters and sizes. */
export interface RegistryStatus extends Readonly<RegistryCounters> {
  readonly services: number;
  readonly workers: number;
  /** Requests that wait for a worker. */
  readonly queued: number;
  readonly bytes: number;
}

/** Counters that stand at zero. */
export function newCounters(): RegistryCounters {
  return {
    requests: 0,
    replies: 0,
    invalid: 0,
    disconnected: 0,
    silent: 0,
    expired: 0,
    retried: 0,
    lost: 0,
    refused: 0,
    forgotten: 0,
    unroutable: 0,
    full: 0,
  };
}
