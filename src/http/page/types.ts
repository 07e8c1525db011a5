/**
 * What the page's modules hand one another. For their check only: nothing of this is served.
 *
 * @module
 */

import type { Check as ServiceCheck } from "../health.ts";
import type * as ports from "../ports.ts";
import type { Readings, UpdateReadings } from "../readings.ts";

/** A check of the service. */
export type Check = Pick<ServiceCheck, "name" | "status" | "output">;

/** What became of updates from the bus. */
export type Updates = UpdateReadings;

/** A scope in the list. */
export type Scope = Pick<ports.ScopeOverview, "scope" | "keys" | "changedMs">;

/** `/api/page/overview`: while the service starts, only its checks. */
export interface Overview {
  readonly checks: readonly Check[];
  readonly service?: string;
  readonly version?: string;
  readonly edit?: boolean;
  readonly now?: number;
  readonly epoch?: string;
  readonly revision?: number;
  readonly scopes?: readonly Scope[];
  readonly store?: Pick<Readings["store"], "keys" | "scopes" | "pending">;
  readonly worker?: Pick<Readings["worker"], "lanes" | "connected" | "busy" | "reconnects">;
  readonly database?: Readings["database"];
  readonly bus?: Pick<Readings["bus"], "connected" | "totals" | "byScope">;
}

/** Where the reader is. */
export interface Place {
  readonly view: "state" | "bus" | "health";
  readonly scope?: string | undefined;
  readonly key?: string | undefined;
}

/** A key in the list. */
export interface Row extends ports.Row {
  /** When the page heard of its last change. */
  readonly changedMs?: number;
}

/** A key with everything that is known of it; its value is one of `parseExact`. */
export interface Entry {
  readonly value: unknown;
  readonly revision: number;
  readonly time: string;
  readonly created: number;
  readonly source?: string | undefined;
  readonly source_time?: string | undefined;
  readonly expires?: string | undefined;
  readonly note?: string | undefined;
}

/** A change as the service tells it. */
export interface Told {
  readonly operation: string;
  readonly key?: string;
  readonly revision: number;
  readonly value?: unknown;
  readonly time: string;
  readonly source?: string | undefined;
  readonly note?: string | undefined;
  readonly expires?: string | undefined;
}

/** A change as the page hands it on. */
export interface Change extends Told {
  readonly text: string;
  readonly timeMs: number;
}

/** What a key was. */
export interface Version {
  readonly revision: number;
  readonly operation: string;
  readonly value?: unknown;
  readonly timeMs: number;
  readonly source?: string | undefined;
  readonly note?: string | undefined;
}

/** A version in a plot; without a number where the key was deleted. */
export interface Measured {
  readonly timeMs: number;
  readonly number: number | undefined;
}

/** A place in a plot, in pixels; a gap has no `y`. */
export interface Point {
  readonly x: number;
  readonly y: number | undefined;
}

/** A line of a comparison. */
export interface Line {
  readonly kind: "same" | "gone" | "new";
  readonly text: string;
}

/** Rows from `first` until before `last`. */
export interface Span {
  readonly first: number;
  readonly last: number;
}

/** Whether what is shown is true. */
export interface Link {
  readonly isLive: boolean;
  /** Last sign of life; 0 before the first. */
  readonly sinceMs: number;
  readonly why: string;
}

/** JSON's functions for numbers to the letter, which not every browser has. */
export interface ExactJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source: string }) => unknown,
  ): unknown;
  readonly rawJSON?: (text: string) => unknown;
  readonly isRawJSON?: (value: unknown) => boolean;
}
