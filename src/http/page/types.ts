/**
 * What the page's modules hand one another. For their check only: nothing of this is served.
 *
 * @module
 */

/** A check of the service. */
export interface Check {
  readonly name: string;
  readonly status: "pass" | "warn" | "fail";
  readonly output?: string;
}

/** What became of updates from the bus. */
export interface Updates {
  readonly received: number;
  readonly stored: number;
  readonly coalesced: number;
  readonly pending: number;
  readonly rejected: Readonly<Record<string, number>>;
}

/** A scope in the list. */
export interface Scope {
  readonly scope: string;
  readonly keys: number;
  readonly changedMs?: number;
}

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
  readonly store?: {
    readonly keys: number;
    readonly scopes: number;
    readonly pending: number;
  };
  readonly worker?: {
    readonly lanes: number;
    readonly connected: number;
    readonly busy: number;
    readonly reconnects: number;
  };
  readonly database?: { readonly bytes?: number; readonly walBytes?: number };
  readonly bus?: {
    readonly connected: boolean;
    readonly totals: Updates;
    readonly byScope: Readonly<Record<string, Updates>>;
  };
}

/** Where the reader is. */
export interface Place {
  readonly view: "state" | "bus" | "health";
  readonly scope?: string | undefined;
  readonly key?: string | undefined;
}

/** A key in the list. */
export interface Row {
  readonly key: string;
  /** The value, or its beginning. */
  readonly text: string;
  readonly cut: boolean;
  readonly revision: number;
  readonly timeMs: number;
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
