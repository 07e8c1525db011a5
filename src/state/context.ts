/**
 * What the operations work with.
 *
 * @module
 */

import type { WireCode } from "../errors.ts";
import type { ChangeLog } from "./change_log.ts";
import type { JsonObject } from "./json.ts";
import type { Snapshots } from "./snapshots.ts";
import type { Store } from "./store.ts";

/** Where a page of a backup begins. */
export interface BackupPlace {
  readonly snapshot: string;
  readonly record: number;
  readonly offset: number;
}

/** A page of a backup. */
export interface BackupText {
  readonly snapshot: string;
  readonly header: {
    readonly epoch: string;
    readonly revision: number;
    readonly timeMs: number;
    readonly program: string;
  };
  readonly records: number;
  readonly text: string;
  readonly next: Omit<BackupPlace, "snapshot"> | undefined;
}

/** What the operations need of whoever makes backups and knows what was lost. */
export interface Maintenance {
  /** The first page of a new snapshot, or the one at `place`; throws `revision_conflict`. */
  backup(place: BackupPlace | undefined): Promise<BackupText>;
  /** Forgets what was lost at earlier starts, and tells it once more; throws `storage_unavailable`. */
  acknowledge(): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/** How a scope has been changing. */
export interface Activity {
  /** When it last changed, milliseconds since 1970; undefined where that is not known. */
  readonly changedMs: number | undefined;
  /** Changes since the service started; they begin anew when the scope is deleted. */
  readonly changes: number;
}

/** One body of a request, watched from when it was read until it is answered. */
export interface ObservedRequest {
  /** The request's own name, or one that was made for it. */
  readonly id: string;
  /** Runs a part of the request's work. */
  within<T>(run: () => T): T;
  end(result: "ok" | WireCode, tookMs: number): void;
}

/** Given to each operation. */
export interface OperationContext {
  readonly store: Store;
  /** What `load` pages through. */
  readonly snapshots: Snapshots;
  readonly changes: ChangeLog;
  readonly maintenance: Maintenance;
  readonly activity: (scope: string) => Activity;
  /** Where changes are told as they happen; undefined where they are not. */
  readonly feed: string | undefined;
  /** Largest value in bytes of JSON text. */
  readonly valueBytesMax: number;
  /** The data of a `health` reply; the service knows more than the store does. */
  readonly health: () => Readonly<Record<string, unknown>>;
  /** Told of failures that are no peer's fault. */
  readonly onFault: (operation: string, thrown: unknown, requestId?: string) => void;
  /** Begins to watch a request; undefined while nobody wants to. Without a body it could not be read. */
  readonly observe?: (
    operation: string,
    body: JsonObject | undefined,
    source: string,
  ) => ObservedRequest | undefined;
  /** Told of every body that was answered: how, and after how many milliseconds. */
  readonly onAnswer?: (operation: string, result: "ok" | WireCode, tookMs: number) => void;
}

/** Makes the reply to one body of a request that came from `source`. */
export type Operation = (
  context: OperationContext,
  body: JsonObject,
  source: string,
) => Uint8Array | Promise<Uint8Array>;
