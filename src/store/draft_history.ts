/**
 * The past of keys, within a commit in the making: which versions are written, which no longer kept.
 *
 * @module
 */

import { utf8Bytes } from "../state/utf8.ts";
import type { Undo } from "./draft_types.ts";
import { entryBytes, type Last, type ValueRef } from "./mirror.ts";

/** Bytes of a value up to which it always lies in its record, however full the commit. */
export const INLINE_BYTES_MIN = 256;

/** What the record of a version takes beside its key and value; rounded up. */
const PAST_OVERHEAD_BYTES = 200;

/** What one number takes in a list of them; the lists grow in an entry's record, too. */
const NUMBER_BYTES = 12;

/** Numbers in one note of garbage: with the longest there are it stays below the 64 KiB of a record. */
export const NOTE_NUMBERS_MAX = 3000;

/** A version that becomes part of the past. */
export interface VersionWrite {
  /** Names it on disk. */
  readonly number: number;
  readonly scopeId: number;
  readonly key: string;
  readonly content: Last;
  /** It takes the place of one that is no longer kept: not before the commit that no longer keeps it. */
  readonly isReused: boolean;
}

/** What comes after something. */
export interface Succession {
  /** Numbers of the versions before it, the oldest first; undefined where there are none. */
  readonly past?: readonly number[] | undefined;
  /** Number of the version that it is at once; undefined where its entry is to be written. */
  readonly at?: number | undefined;
}

const NOTHING_BEFORE: Succession = {};

/**
 * The versions of one draft.
 *
 * @example
 * ```ts
 * const history = new DraftHistory({ revision: 41, nextVersion: 7 });
 * history.succeed({ scopeId: 1, key: "k", last, revision: 42, kept: 8, isSmall: true, undo });
 * // { past: [4, 10, 14], at: 16 }
 * ```
 */
export class DraftHistory {
  readonly #writes = new Map<number, VersionWrite>();
  readonly #drops: number[] = [];
  readonly #orphans: ValueRef[] = [];
  /** Of the last commit. */
  readonly #revision: number;
  /** Numbers that may be on disk though they are to be written. */
  readonly #reused = new Set<number>();
  #next: number;
  #bytes = 0;
  #isAlone = true;

  /** @param start Where the disk stands. */
  constructor({ revision, nextVersion }: { revision: number; nextVersion: number }) {
    this.#revision = revision;
    this.#next = nextVersion;
  }

  /** The next free number, halved, once the draft is committed. */
  get nextVersion(): number {
    return this.#next;
  }

  /** Versions to be written. */
  get writes(): Iterable<VersionWrite> {
    return this.#writes.values();
  }

  /** Records of {@link writes}, and of notes of {@link drops}. */
  get recordsTouched(): number {
    return this.#writes.size + Math.ceil(this.#drops.length / NOTE_NUMBERS_MAX);
  }

  /** Bytes of those. */
  get bytes(): number {
    return this.#bytes + this.noteBytes;
  }

  /** Bytes of the notes alone. */
  get noteBytes(): number {
    return this.#drops.length * NUMBER_BYTES;
  }

  /** Numbers of versions on disk that are no longer kept. */
  get drops(): readonly number[] {
    return this.#drops;
  }

  /** Values in pieces that nothing refers to afterwards. */
  get orphans(): readonly ValueRef[] {
    return this.#orphans;
  }

  /**
   * Something comes after `last`, which becomes the past if the scope keeps one.
   *
   * @param of `kept`: how many versions the scope keeps; `isSmall`: whether what comes is an entry whose
   * value lies in its record for sure; `undo`: gets what takes this back.
   */
  succeed(
    { scopeId, key, last, revision, kept, isSmall, undo }: {
      readonly scopeId: number;
      readonly key: string;
      readonly last: Last | undefined;
      readonly revision: number;
      readonly kept: number;
      readonly isSmall: boolean;
      readonly undo: Undo;
    },
  ): Succession {
    if (!last) return NOTHING_BEFORE;
    // A change has no moments within it that anybody could ask for.
    if (last.revision === revision) return { past: last.past };
    if (kept === 0) {
      const ref = refOf(last);
      if (ref) push(this.#orphans, ref, undo);
      this.forget(last, undo);
      return NOTHING_BEFORE;
    }
    const past = last.past ? [...last.past] : [];
    const dropped = past.splice(0, past.length + 1 - kept);
    const isPlaced = isSmall && this.#canBeVersion(last);
    const number = atOf(last) ?? this.#numberFrom(dropped, this.#mayBeLarge(last), undo);
    if (atOf(last) === undefined || !this.#isOnDisk(last)) {
      const isReused = this.#reused.has(number);
      this.#write({ number, isReused, scopeId, key, content: last }, undo);
    }
    past.push(number);
    const at = isPlaced ? this.#numberFrom(dropped, false, undo) : undefined;
    for (const one of dropped) this.#drop(one, undo);
    this.#count(at === undefined ? 0 : PAST_OVERHEAD_BYTES + 2 * utf8Bytes(key), past, undo);
    return { past, at };
  }

  /**
   * A transaction begins.
   *
   * @param mutations How many it has.
   */
  begin(mutations: number): void {
    this.#isAlone = mutations === 1;
  }

  /** Forgets the versions before `last`, and the one that it is. */
  forget(last: Last, undo: Undo): void {
    for (const number of last.past ?? []) this.#drop(number, undo);
    const at = atOf(last);
    if (at !== undefined) this.#drop(at, undo);
  }

  /** Writes nothing into the past of a scope that goes away. */
  dropScope(scopeId: number, undo: Undo): void {
    for (const write of [...this.writes]) if (write.scopeId === scopeId) this.#unwrite(write, undo);
  }

  /**
   * A number that nothing on disk has: odd where the value may lie in pieces. Not taken back: a draft that
   * fails leaves some unused.
   */
  newNumber(isLarge: boolean): number {
    this.#next += 1;
    return (this.#next - 1) * 2 + Number(isLarge);
  }

  /** Where the value of what is not on disk yet will lie is known when the commit is written. */
  #mayBeLarge(last: Last): boolean {
    if ("deleted" in last) return false;
    if (this.#isOnDisk(last)) return last.ref !== undefined;
    return last.valueBytes > INLINE_BYTES_MIN;
  }

  #isOnDisk({ revision }: Last): boolean {
    return revision <= this.#revision;
  }

  /**
   * Whether what comes after `last` may be written as a version alone: its key must have an entry on disk,
   * whose value may be an earlier one, but not in pieces that go with that. A change of many keys may be too
   * large.
   */
  #canBeVersion(last: Last): boolean {
    if (!this.#isAlone || "deleted" in last || last.ref) return false;
    return last.at !== undefined || this.#isOnDisk(last);
  }

  /**
   * The number of the last of `dropped`, which it takes out, or a new one. Where something takes the place of
   * what is dropped one record is written, else one is written and one deleted. Both must lie in their
   * records, and it must be sure that the commit has room for it, because it cannot be written ahead.
   */
  #numberFrom(dropped: number[], mayBeLarge: boolean, undo: Undo): number {
    const last = dropped.at(-1);
    if (!this.#isAlone || mayBeLarge || last === undefined || isLarge(last)) {
      return this.newNumber(mayBeLarge);
    }
    dropped.pop();
    this.#reuse(last, undo);
    return last;
  }

  #reuse(number: number, undo: Undo): void {
    const unwritten = this.#writes.get(number);
    if (unwritten) this.#unwrite(unwritten, undo);
    if (this.#reused.has(number)) return;
    this.#reused.add(number);
    undo.push(() => this.#reused.delete(number));
  }

  /** What an entry takes that is a version at once, or has one more before it. */
  #count(bytes: number, past: readonly number[], undo: Undo): void {
    const all = bytes + NUMBER_BYTES * (past.length + 1);
    this.#bytes += all;
    undo.push(() => this.#bytes -= all);
  }

  #write(write: VersionWrite, undo: Undo): void {
    this.#writes.set(write.number, write);
    this.#bytes += bytesOf(write);
    undo.push(() => {
      this.#writes.delete(write.number);
      this.#bytes -= bytesOf(write);
    });
  }

  #unwrite(write: VersionWrite, undo: Undo): void {
    this.#writes.delete(write.number);
    this.#bytes -= bytesOf(write);
    undo.push(() => {
      this.#writes.set(write.number, write);
      this.#bytes += bytesOf(write);
    });
  }

  #drop(number: number, undo: Undo): void {
    const unwritten = this.#writes.get(number);
    if (!unwritten || this.#reused.has(number)) push(this.#drops, number, undo);
    if (!unwritten) return;
    this.#unwrite(unwritten, undo);
    const ref = refOf(unwritten.content);
    if (ref) push(this.#orphans, ref, undo);
  }
}

/** Whether the version of that number may have its value in pieces. */
export function isLarge(number: number): boolean {
  return number % 2 === 1;
}

/** Number of the version that `last` is. */
function atOf(last: Last): number | undefined {
  return "deleted" in last ? undefined : last.at;
}

function refOf(last: Last): ValueRef | undefined {
  return "deleted" in last ? undefined : last.ref;
}

function bytesOf({ key, content }: VersionWrite): number {
  const { length } = content.past ?? [];
  return PAST_OVERHEAD_BYTES + NUMBER_BYTES * (length + 1) +
    ("deleted" in content ? utf8Bytes(key) : entryBytes(key, content));
}

function push<T>(list: T[], item: T, undo: Undo): void {
  list.push(item);
  undo.push(() => list.pop());
}
