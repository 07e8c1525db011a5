/**
 * What metrics are read from when they are asked for: numbers that the parts of the service keep anyway.
 *
 * @module
 */

import type { Check } from "./health.ts";

/** What became of updates from the bus; received = stored + coalesced + pending + rejected. */
export interface UpdateReadings {
  readonly received: number;
  readonly stored: number;
  /** Overtaken by a later one of the same key while they waited for the disk. */
  readonly coalesced: number;
  readonly pending: number;
  /** By reason. */
  readonly rejected: Readonly<Record<string, number>>;
}

/** Everything that is read at once; see `metrics.ts` for what each becomes. */
export interface Readings {
  readonly checks: readonly Check[];
  readonly store: {
    readonly available: boolean;
    readonly revision: number;
    readonly scopes: number;
    readonly keys: number;
    /** Transactions that wait for a commit or are in one. */
    readonly pending: number;
    /** How long the present commit has been under way, in milliseconds. */
    readonly commitMs?: number;
    readonly damaged: number;
  };
  /** Some scopes, and what they hold. */
  readonly scopes: readonly ScopeReadings[];
  readonly bus: {
    readonly connected: boolean;
    readonly subscriptions: number;
    readonly totals: UpdateReadings;
    /** Of some scopes; those counted first stay among them. */
    readonly byScope: Readonly<Record<string, UpdateReadings>>;
  };
  readonly worker: {
    readonly lanes: number;
    readonly connected: number;
    readonly busy: number;
    readonly lastHeardMs: number | undefined;
    readonly reconnects: number;
    readonly malformed: number;
    readonly droppedRequests: number;
    readonly droppedReplies: number;
  };
  /** Of the audit log; absent where there is none. */
  readonly audit?: { readonly lost: number; readonly failure: string | undefined };
  /** Sizes of the database's files in bytes; absent where there is none. */
  readonly database: { readonly bytes?: number; readonly walBytes?: number };
  /** Event streams that are open. */
  readonly eventStreams: number;
  /** Connections to the change feed; absent where there is none. */
  readonly feedSubscribers?: number;
}

/** What one scope holds. */
export interface ScopeReadings {
  readonly scope: string;
  readonly keys: number;
  /** Bytes of keys and values, where they are counted. */
  readonly bytes?: number;
}
