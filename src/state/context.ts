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

/** Given to each operation. */
export interface OperationContext {
  readonly store: Store;
  /** What `load` pages through. */
  readonly snapshots: Snapshots;
  readonly changes: ChangeLog;
  /** Where changes are told as they happen; undefined where they are not. */
  readonly feed: string | undefined;
  /** Largest value in bytes of JSON text. */
  readonly valueBytesMax: number;
  /** The data of a `health` reply; the service knows more than the store does. */
  readonly health: () => Readonly<Record<string, unknown>>;
  /** Told of failures that are no peer's fault. */
  readonly onFault: (operation: string, thrown: unknown) => void;
  /** Told of every body that was answered: how, and after how many milliseconds. */
  readonly onAnswer?: (operation: string, result: "ok" | WireCode, tookMs: number) => void;
}

/** Makes the reply to one body of a request that came from `source`. */
export type Operation = (
  context: OperationContext,
  body: JsonObject,
  source: string,
) => Uint8Array | Promise<Uint8Array>;
