/**
 * The past of keys, within a commit in the making: which versions go where, which are no longer kept.
 *
 * @module
 */

import type { Undo } from "./draft_types.ts";
import { utf8Bytes } from "../state/names.ts";
import { entryBytes, type Last, type Lineage, type ValueRef } from "./mirror.ts";

/** A version that becomes part of the past. */
export interface VersionWrite {
  readonly scopeId: number;
  readonly key: string;
  readonly content: Last;
  readonly keyId: number;
}

/** A version that is no longer kept. */
export interface VersionDrop {
  readonly keyId: number;
  readonly version: number;
  /** Whether its value may lie in pieces. */
  readonly isLarge: boolean;
}

/** What the record of a version takes beside its key and value; rounded up. */
const PAST_OVERHEAD_BYTES = 200;

/** A key without a past. */
const NO_PAST: Lineage = { keyId: 0, version: 0, first: 0 };

/**
 * The versions of one draft.
 *
 * @example
 * ```ts
 * const history = new DraftHistory(nextKeyId);
 * history.succeed({ scopeId: 1, key: "k", last, revision: 42, kept: 8, undo }); // { keyId, version }
 * ```
 */
export class DraftHistory {
  readonly #writes = new Map<string, VersionWrite>();
  readonly #drops: VersionDrop[] = [];
  readonly #gone: number[] = [];
  readonly #orphans: ValueRef[] = [];
  #nextKeyId: number;
  #bytes = 0;

  /** @param nextKeyId The next that no key has had. */
  constructor(nextKeyId: number) {
    this.#nextKeyId = nextKeyId;
  }

  /** The next free key id once the draft is committed. */
  get nextKeyId(): number {
    return this.#nextKeyId;
  }

  /** Versions to be written. */
  get writes(): readonly VersionWrite[] {
    return [...this.#writes.values()];
  }

  /** Number of {@link writes}. */
  get writeCount(): number {
    return this.#writes.size;
  }

  /** Bytes of their keys and values. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Versions on disk that are no longer kept. */
  get drops(): readonly VersionDrop[] {
    return this.#drops;
  }

  /** Keys whose whole past goes. */
  get gone(): readonly number[] {
    return this.#gone;
  }

  /** Values in pieces that nothing refers to afterwards. */
  get orphans(): readonly ValueRef[] {
    return this.#orphans;
  }

  /**
   * Something comes after `last`, which becomes the past if the scope keeps one.
   *
   * @param of `kept`: how many versions the scope keeps; `undo`: gets what takes this back.
   * @returns The lineage of what comes.
   */
  succeed(
    { scopeId, key, last, revision, kept, undo }: {
      readonly scopeId: number;
      readonly key: string;
      readonly last: Last | undefined;
      readonly revision: number;
      readonly kept: number;
      readonly undo: Undo;
    },
  ): Lineage {
    // A change has no moments within it that anybody could ask for.
    if (last?.revision === revision) return lineageOf(last);
    if (kept === 0) {
      if (last) this.#forget(last, undo);
      return NO_PAST;
    }
    if (!last) return { ...NO_PAST, keyId: this.#newKeyId() };
    const keyId = last.keyId || this.#newKeyId();
    this.#write({ scopeId, key, content: last, keyId }, undo);
    const version = last.version + 1;
    const large = refOf(last) ? last.version : last.large;
    const first = Math.max(last.first, version - kept);
    for (let i = last.first; i < first; i += 1) this.#drop(keyId, i, large, undo);
    return { keyId, version, first, ...(large === undefined ? {} : { large }) };
  }

  /** Forgets all that `last` hangs on. */
  forgetKey({ keyId }: Lineage, undo: Undo): void {
    push(this.#gone, keyId, undo);
  }

  /** Writes nothing into the past of a scope that goes away. */
  dropScope(scopeId: number, undo: Undo): void {
    for (const write of this.writes) if (write.scopeId === scopeId) this.#unwrite(write, undo);
  }

  #forget(last: Last, undo: Undo): void {
    const ref = refOf(last);
    if (ref) push(this.#orphans, ref, undo);
    if (last.keyId !== 0) this.forgetKey(last, undo);
  }

  #write(write: VersionWrite, undo: Undo): void {
    const name = nameOf(write);
    this.#writes.set(name, write);
    this.#bytes += bytesOf(write);
    undo.push(() => {
      this.#writes.delete(name);
      this.#bytes -= bytesOf(write);
    });
  }

  #unwrite(write: VersionWrite, undo: Undo): void {
    const name = nameOf(write);
    this.#writes.delete(name);
    this.#bytes -= bytesOf(write);
    undo.push(() => {
      this.#writes.set(name, write);
      this.#bytes += bytesOf(write);
    });
  }

  #drop(keyId: number, version: number, large: number | undefined, undo: Undo): void {
    const unwritten = this.#writes.get(nameOf({ keyId, content: { version } }));
    if (!unwritten) {
      const isLarge = large !== undefined && version <= large;
      return push(this.#drops, { keyId, version, isLarge }, undo);
    }
    this.#unwrite(unwritten, undo);
    const ref = refOf(unwritten.content);
    if (ref) push(this.#orphans, ref, undo);
  }

  /** Not taken back: ids are never used twice, some not even once. */
  #newKeyId(): number {
    const id = this.#nextKeyId;
    this.#nextKeyId += 1;
    return id;
  }
}

function lineageOf({ keyId, version, first, large }: Lineage): Lineage {
  return { keyId, version, first, ...(large === undefined ? {} : { large }) };
}

function refOf(last: Last): ValueRef | undefined {
  return "deleted" in last ? undefined : last.ref;
}

function nameOf(
  { keyId, content: { version } }: { keyId: number; content: Pick<Lineage, "version"> },
): string {
  return `${keyId}/${version}`;
}

function bytesOf({ key, content }: VersionWrite): number {
  return PAST_OVERHEAD_BYTES +
    ("deleted" in content ? utf8Bytes(key) : entryBytes(key, content));
}

function push<T>(list: T[], item: T, undo: Undo): void {
  list.push(item);
  undo.push(() => list.splice(list.indexOf(item), 1));
}
