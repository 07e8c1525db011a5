/**
 * Backups over the wire: the text of one, page by page, while others write.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { PlantdError } from "../errors.ts";
import { type BackupHeader, encodeRecordLine } from "./format.ts";
import type { BackupSource, StoreSnapshot } from "./source.ts";

/** Characters of text in one page; as JSON in a reply they are at most twice the bytes of a message's. */
const PAGE_CHARS = 2 * 1024 * 1024;
/** For how long a snapshot is kept that nobody asks for, in milliseconds. */
const SNAPSHOT_MS = 60_000;
/** Snapshots kept at a time: each holds on to what was deleted since. */
const SNAPSHOTS_MAX = 4;

/** Where a page begins: the number of a scope or key, and the character in its lines. */
export interface PagePlace {
  readonly record: number;
  readonly offset: number;
}

/** One page. */
export interface BackupPage {
  /** Names the snapshot. */
  readonly snapshot: string;
  readonly header: BackupHeader;
  /** Scopes and keys in the whole snapshot. */
  readonly records: number;
  /** Lines of records, each with its end; the first and the last may be parts of one. */
  readonly text: string;
  /** Where the next page begins; undefined when this is the last. */
  readonly next: PagePlace | undefined;
}

interface Kept {
  readonly snapshot: StoreSnapshot;
  forgetAtMs: number;
}

/**
 * Hands out pages. A page can be asked for again, as a client does that has heard nothing.
 *
 * @example
 * ```ts
 * const first = pages.first();
 * const second = pages.page(first.snapshot, first.next!);
 * ```
 */
export class BackupPages {
  readonly #source: BackupSource;
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();

  constructor(source: BackupSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /** The first page of a new snapshot. */
  first(): Promise<BackupPage> {
    this.#forgetOld();
    const name = crypto.randomUUID();
    const forgetAtMs = this.#clock.monotonic() + SNAPSHOT_MS;
    this.#kept.set(name, { snapshot: this.#source.take(), forgetAtMs });
    if (this.#kept.size > SNAPSHOTS_MAX) this.#kept.delete(this.#kept.keys().next().value!);
    return this.page(name, { record: 0, offset: 0 });
  }

  /** @throws {PlantdError} `revision_conflict` when the snapshot is no longer there. */
  async page(name: string, place: PagePlace): Promise<BackupPage> {
    this.#forgetOld();
    const kept = this.#kept.get(name);
    if (!kept) {
      throw new PlantdError("revision_conflict", "the snapshot is no longer there; begin anew", {
        data: { revision: this.#source.revision },
      });
    }
    kept.forgetAtMs = this.#clock.monotonic() + SNAPSHOT_MS;
    const { snapshot } = kept;
    const { text, next } = await textFrom(snapshot, place);
    return { snapshot: name, header: snapshot.header, records: snapshot.size, text, next };
  }

  #forgetOld(): void {
    const nowMs = this.#clock.monotonic();
    for (const [name, { forgetAtMs }] of this.#kept) {
      if (forgetAtMs <= nowMs) this.#kept.delete(name);
    }
  }
}

async function textFrom(
  snapshot: StoreSnapshot,
  { record, offset }: PagePlace,
): Promise<Pick<BackupPage, "text" | "next">> {
  const parts: string[] = [];
  let [at, start, room] = [record, offset, PAGE_CHARS];
  for await (const records of snapshot.from(record)) {
    const lines = records.map((one) => `${encodeRecordLine(one)}\n`).join("");
    // Cut in two is only what is too long for a page of its own.
    if (parts.length > 0 && lines.length > room) {
      return { text: parts.join(""), next: { record: at, offset: 0 } };
    }
    const end = endOf(lines, start + PAGE_CHARS);
    parts.push(lines.slice(start, end));
    if (end < lines.length) return { text: parts.join(""), next: { record: at, offset: end } };
    room -= end - start;
    start = 0;
    at += 1;
  }
  return { text: parts.join(""), next: undefined };
}

/** `end`, or the one before where that would cut a character in two. */
function endOf(text: string, end: number): number {
  if (end >= text.length) return text.length;
  const code = text.charCodeAt(end);
  return code >= 0xdc00 && code <= 0xdfff ? end - 1 : end;
}
