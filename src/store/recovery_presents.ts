/**
 * What keys are in a damaged database: their entries, or versions that are newer. Pure.
 *
 * @module
 */

import { entryOf } from "./deno_kv_decoded.ts";
import * as layout from "./deno_kv_layout.ts";
import {
  decodeList,
  latestOf,
  type Listed,
  putLatest,
  type ReadVersion,
  versionIn,
} from "./deno_kv_newer.ts";
import { decodeRecord } from "./record.ts";
import { nameOf, type Salvage, type Salvaged } from "./salvage.ts";

const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Whether a key may have been something later that nothing tells of any more: that takes a version and the
 * list that named it.
 */
export function mayBeOlder({ lost, isComplete }: Salvage): boolean {
  const kinds = new Set([...lost.values()].map(([kind]) => kind));
  return !isComplete || (kinds.has("h") && kinds.has("u"));
}

/**
 * Tells what is newer than entries. Of a key that is still there the latest version is what it is: all that
 * are its past are older than its entry, or than what is newer.
 *
 * @example
 * ```ts
 * const presents = new Presents(salvage, 42);
 * if (!presents.isLost(found)) presents.settled(found); // the record of an entry that is up to date
 * ```
 */
export class Presents {
  readonly #salvage: Salvage;
  readonly #latest = new Map<number, Map<string, ReadVersion>>();
  readonly #listed: ReadonlyMap<number, ReadonlyMap<string, Listed>>;

  /** @param revision Of the last commit, where that is known: what is later belongs to one that never came. */
  constructor(salvage: Salvage, revision = Infinity) {
    this.#salvage = salvage;
    const all = [...salvage.records.values()];
    const ahead = new Set(
      all.filter(({ key: [kind] }) => kind === "g").flatMap(({ key, record }) =>
        decodeRecord<layout.Garbage>(record, key).header.ahead ?? []
      ),
    );
    for (const { key: [kind, number], record } of all) {
      if (kind !== "h" || ahead.has(number as number)) continue;
      const past = layout.decodePast(record);
      if (past.header.r <= revision) putLatest(this.#latest, versionIn(number as number, past));
    }
    const lists = all.filter(({ key: [kind] }) => kind === "u");
    this.#listed = latestOf(lists.map(({ key, record }) => decodeList(key, record)));
  }

  /** What the key of an entry is. */
  of(found: Salvaged): layout.DecodedEntry {
    return this.#newer(found)?.past ?? entryIn(found);
  }

  /** Its revision. */
  revisionOf(found: Salvaged): number {
    return this.of(found).header.r;
  }

  /** Whether it is known to be something later, which is gone. */
  isLost(found: Salvaged): boolean {
    const { key: [, scopeId, key] } = found;
    // An entry is there that was written after the deletion, or before and is an old one.
    if (this.#newer(found)?.past.header.d) return true;
    const listed = this.#listed.get(scopeId as number)?.get(key as string);
    return listed !== undefined && listed.revision > this.revisionOf(found);
  }

  /** The record of an entry that says what its key is, and names the version that says the same if that is whole. */
  settled(found: Salvaged): Uint8Array {
    const newer = this.#newer(found);
    const entry = entryIn(found);
    if (!newer && this.#isThere(entry.header.a, found)) return found.record;
    const { header: { a: _a, ...header }, body, ref } = newer?.past ?? entry;
    const last = entryOf({ header, ref }, decoder.decode(body), body.length, newer?.number);
    return layout.encodeEntry(found.key, last, ref);
  }

  /** Whether the version of that number, if there is one, is what `found` says. */
  #isThere(number: number | undefined, found: Salvaged): boolean {
    if (number === undefined) return true;
    const record = this.#salvage.records.get(nameOf(layout.versionKey(number)))?.record;
    if (!record) return false;
    const { scope, key, r } = layout.decodePast(record).header;
    return scope === found.key[1] && key === found.key[2] && r === entryIn(found).header.r;
  }

  #newer(found: Salvaged): ReadVersion | undefined {
    const { key: [, scopeId, key] } = found;
    const latest = this.#latest.get(scopeId as number)?.get(key as string);
    return latest && latest.revision > entryIn(found).header.r ? latest : undefined;
  }
}

function entryIn({ key, record }: Salvaged): layout.DecodedEntry {
  return layout.decodeEntry(key, record);
}
