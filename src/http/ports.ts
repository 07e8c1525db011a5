/**
 * What HTTP gets of the service. The composition root fills it in; nothing here knows the store.
 *
 * @module
 */

import type { HealthSource } from "./health.ts";
import type { Readings } from "./readings.ts";

/** The service, from its first moment on. */
export interface HttpSource extends HealthSource {
  /** What there is to ask; undefined until the service has started. */
  state(): StateAccess | undefined;
  /** Numbers for metrics; undefined until the service has started. */
  readings(): Promise<Readings | undefined>;
  /** Told that metrics are asked for: begins what is measured for those who watch, and returns at once. */
  watched(): void;
}

/** The state, through the same door as everybody's requests. */
export interface StateAccess {
  /**
   * Runs one operation and resolves with its reply, a JSON object; never rejects.
   *
   * @param body One JSON object.
   * @param source Who asks, for the entries that are written.
   */
  run(operation: string, body: Uint8Array, source: string): Promise<Uint8Array>;
  readonly changes: ChangeStream;
  /** What each of the first `countMax` scopes holds, for people who look. */
  overview(countMax: number): readonly ScopeOverview[];
  /** Those of `keys` that `scope` has, for people who look. */
  rows(scope: string, keys: readonly string[]): readonly Row[];
}

/** One scope for people who look. */
export interface ScopeOverview {
  readonly scope: string;
  readonly keys: number;
  /** Revision of its last change. */
  readonly revision: number;
  /** Time of its last change, milliseconds since 1970; absent where it is not known. */
  readonly changedMs?: number;
}

/** One key for people who look. */
export interface Row {
  readonly key: string;
  /** The value's JSON text, or its beginning. */
  readonly text: string;
  /** Whether {@link text} is only the beginning. */
  readonly cut: boolean;
  readonly revision: number;
  readonly timeMs: number;
}

/** A change that can be sent as it is. */
export interface StreamedChange {
  readonly revision: number;
  /** The change as JSON, as on the feed, its epoch included. */
  readonly json: () => string;
}

/** The changes of the recent past, and word of new ones. */
export interface ChangeStream {
  /** Identity of the history that revisions are of. */
  readonly epoch: string;
  /** Revision of the last change. */
  revision(): number;
  /**
   * Changes after `since`, about `limit` of them; a revision is never cut.
   *
   * @throws {PlantdError} `compacted` when not all of them are remembered.
   */
  page(query: {
    readonly since: number;
    readonly scope?: string;
    readonly epoch?: string;
    readonly limit: number;
  }): {
    readonly changes: readonly StreamedChange[];
    /** Everything up to this revision is told. */
    readonly revision: number;
    readonly more: boolean;
  };
  /** Calls `listener` after each commit; the returned function ends it. */
  onChange(listener: () => void): () => void;
}
