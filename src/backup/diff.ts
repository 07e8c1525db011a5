/**
 * What differs between two backups: scopes, keys and values; not the past, options, revisions, times and sources, which
 * differ between any two stores. Walks both in step, so that memory does not grow with them.
 *
 * @module
 */

import type { BackupRecord, EntryRecord, ScopeRecord } from "./format.ts";
import { compareNames } from "./order.ts";

/** Something that only one side has (the other is undefined), or both with other values. */
export type Difference =
  | { readonly kind: "scope"; readonly scope: string; readonly side: "left" | "right" }
  | {
    readonly kind: "entry";
    readonly scope: string;
    readonly key: string;
    /** JSON text. */
    readonly left: string | undefined;
    readonly right: string | undefined;
  };

/** A record of what is there now. */
type Present = ScopeRecord | EntryRecord;

/**
 * The differences, in order.
 *
 * @param tolerance By how much numbers may differ. Without one, values are compared to the letter.
 *
 * @example
 * ```ts
 * for await (const { scope } of differences(before.records, after.records, 0.01)) console.log(scope);
 * ```
 */
export async function* differences(
  left: AsyncIterable<BackupRecord>,
  right: AsyncIterable<BackupRecord>,
  tolerance: number | undefined,
): AsyncGenerator<Difference> {
  const [one, other] = [left[Symbol.asyncIterator](), right[Symbol.asyncIterator]()];
  const next = async (side: AsyncIterator<BackupRecord>): Promise<Present | undefined> => {
    for (;;) {
      const { value, done } = await side.next();
      if (done) return undefined;
      if (value.kind === "entry" || (value.kind === "scope" && value.revision !== undefined)) {
        return value;
      }
    }
  };
  let [a, b] = [await next(one), await next(other)];
  while (a !== undefined || b !== undefined) {
    const order = a === undefined ? 1 : b === undefined ? -1 : compare(a, b);
    const difference = order < 0
      ? missing(a!, "left")
      : order > 0
      ? missing(b!, "right")
      : changed(a!, b!, tolerance);
    if (difference) yield difference;
    if (order <= 0) a = await next(one);
    if (order >= 0) b = await next(other);
  }
}

/**
 * Whether two JSON texts are the same value, numbers within `tolerance`.
 *
 * @example
 * ```ts
 * isSameValue('{"t":20.01}', '{"t":20}', 0.1); // true
 * ```
 */
export function isSameValue(a: string, b: string, tolerance: number | undefined): boolean {
  if (a === b) return true;
  return tolerance !== undefined && isClose(JSON.parse(a), JSON.parse(b), tolerance);
}

function isClose(a: unknown, b: unknown, tolerance: number): boolean {
  if (typeof a === "number" && typeof b === "number") {
    return a === b || Math.abs(a - b) <= tolerance + roundingOf(a, b, tolerance);
  }
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [ofA, ofB] = [new Map(Object.entries(a)), new Map(Object.entries(b))];
  return ofA.size === ofB.size &&
    [...ofA].every(([name, member]) => ofB.has(name) && isClose(member, ofB.get(name), tolerance));
}

/** 20.6 and 20.5 are a little more than 0.1 apart, as they are in memory: by what they were rounded. */
function roundingOf(a: number, b: number, tolerance: number): number {
  return tolerance === 0 ? 0 : (Math.abs(a) + Math.abs(b) + tolerance) * Number.EPSILON;
}

/** A scope's record comes before those of its keys. */
function compare(a: Present, b: Present): number {
  const byScope = compareNames(a.scope, b.scope);
  if (byScope !== 0 || a.kind !== "entry" || b.kind !== "entry") {
    return byScope || Number(a.kind === "entry") - Number(b.kind === "entry");
  }
  return compareNames(a.key, b.key);
}

function missing(record: Present, side: "left" | "right"): Difference {
  if (record.kind === "scope") return { kind: "scope", scope: record.scope, side };
  const { scope, key, entry: { value } } = record;
  const values = side === "left"
    ? { left: value, right: undefined }
    : { left: undefined, right: value };
  return { kind: "entry", scope, key, ...values };
}

function changed(
  a: Present,
  b: Present,
  tolerance: number | undefined,
): Difference | undefined {
  if (a.kind !== "entry") return undefined;
  const [left, right] = [a.entry.value, (b as EntryRecord).entry.value];
  if (isSameValue(left, right, tolerance)) return undefined;
  return { kind: "entry", scope: a.scope, key: a.key, left, right };
}
