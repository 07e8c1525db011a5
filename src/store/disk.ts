/**
 * What the {@link DurableStore} needs of a disk. `deno_kv.ts` is the default one; tests put one in
 * between that fails when told to.
 *
 * @module
 */

import type { Draft } from "./draft.ts";
import type { Version } from "../state/store.ts";
import type { Written } from "./draft_types.ts";
import type { Mirror } from "./mirror.ts";

/** Where the store's history stands. */
export interface Position {
  /** Identity of this history. */
  readonly epoch: string;
  /** Revision of the last commit. */
  readonly revision: number;
  /** Id of the next scope to be created. */
  readonly nextScopeId: number;
  /** Number of the next version of the past, halved. */
  readonly nextVersion: number;
}

/** What versions are asked for. */
export interface VersionsOf {
  readonly scopeId: number;
  readonly key: string;
  /** Revision of what came after them. */
  readonly before: number;
}

/** A place that keeps drafts for good. */
export interface Disk {
  /** As of the last write that resolved. */
  readonly meta: Position;
  /** Why writes would not be kept, as far as a look at the disk tells; undefined while they are. */
  failure(): string | undefined;
  /**
   * Writes all that `draft` holds, at once or not at all, and resolves when it is on disk, with where
   * it put the values that were too large for one record. One call at a time.
   */
  write(draft: Draft): Promise<Written>;
  /**
   * Resolves when something was written, as durably as a draft, and is gone again; rejects as
   * {@link write} does. Not while one writes.
   */
  probe(): Promise<void>;
  /** Sets space aside for deletes, before something takes it. */
  keepRoom(): Promise<void>;
  /** Gives the space set aside to the next write, which deletes. */
  makeRoom(): Promise<void>;
  /**
   * Versions of the past of a key by their numbers, as far as they can be read, in the same order.
   */
  versions(numbers: readonly number[], of: VersionsOf): Promise<readonly Version[]>;
  /** Lets go of the disk. */
  close(): Promise<void>;
}

/** A disk just opened, and what was on it. */
export interface Loaded {
  readonly disk: Disk;
  readonly mirror: Mirror;
  /** Records that could not be read; they are left where they are. */
  readonly damaged: number;
}
