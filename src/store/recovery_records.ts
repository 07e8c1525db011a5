/**
 * What a database shall hold after damage: everything in it that is still whole, and from a backup what is
 * not. Pure.
 *
 * @module
 */

import type {
  BackupHeader,
  BackupRecord,
  EntryRecord,
  ScopeRecord,
  VersionRecord,
} from "../backup/format.ts";
import { numbersIn } from "./deno_kv_decoded.ts";
import { byKey, encodeKey, metaRecord, VersionNumbers } from "./deno_kv_encode.ts";
import type { RawRecord } from "./deno_kv_fill.ts";
import * as layout from "./deno_kv_layout.ts";
import { Presents } from "./recovery_presents.ts";
import { noteParts } from "./deno_kv_purge.ts";
import { decodeRecord, encodeRecord } from "./record.ts";
import { nameOf, type Salvage, type Salvaged } from "./salvage.ts";

/**
 * What became of something that was not whole:
 * - `lost`: there is no value of it any more;
 * - `old`: its value is that of the backup, a later one may be lost;
 * - `doubtful`: it is in the backup, and may have been deleted since;
 * - `renamed`: a scope whose name is lost;
 * - `past`: it is part of the past of a key, nobody knows which.
 */
export interface Loss {
  readonly kind: "lost" | "old" | "doubtful" | "renamed" | "past";
  readonly scope: string;
  /** Absent for a scope. */
  readonly key?: string;
}

/** A backup that fills the gaps. */
export interface Snapshot {
  readonly header: BackupHeader;
  readonly records: AsyncIterable<BackupRecord>;
}

/**
 * The records of the new database.
 *
 * @param onLoss Told of everything that is not as it was.
 */
export async function* recoveredRecords(
  salvage: Salvage,
  snapshot: Snapshot | undefined,
  epoch: string,
  onLoss: (loss: Loss) => void,
): AsyncGenerator<RawRecord> {
  const recovery = new Recovery(salvage, onLoss);
  yield* recovery.scopes();
  yield* recovery.others();
  if (snapshot) yield* recovery.fromBackup(snapshot);
  recovery.tellLost();
  yield recovery.meta(epoch, snapshot?.header.revision ?? 0);
}

/** The meta record of a damaged database, if it is whole. */
export function metaOf({ records }: Salvage): layout.Meta | undefined {
  const found = records.get(nameOf(layout.META_KEY));
  return found && decodeRecord<layout.Meta>(found.record, found.key).header;
}

/** What tells a revision: entries, deletions and versions. */
const REVISED: readonly string[] = ["e", "d", "h"];

class Recovery {
  readonly #salvage: Salvage;
  readonly #onLoss: (loss: Loss) => void;
  readonly #idByName = new Map<string, number>();
  readonly #nameById = new Map<number, string>();
  /** Scopes that only the backup knows the name of. */
  readonly #fromBackup = new Set<number>();
  /** Keys of entries that are gone, or whose pieces are; those that the backup has are taken out. */
  readonly #gone = new Map<string, layout.Key>();
  readonly #meta: layout.Meta | undefined;
  readonly #presents: Presents;
  readonly #numbers: VersionNumbers;
  #nextScopeId: number;
  #revision: number;

  constructor(salvage: Salvage, onLoss: (loss: Loss) => void) {
    this.#salvage = salvage;
    this.#onLoss = onLoss;
    this.#meta = metaOf(salvage);
    this.#presents = new Presents(salvage, this.#meta?.revision);
    this.#nextScopeId = this.#meta?.nextScopeId ?? 1;
    this.#revision = this.#meta?.revision ?? 0;
    const next = Math.max(this.#meta?.nextVersion ?? 1, versionAfter(salvage));
    this.#numbers = new VersionNumbers(next);
    for (const [name, key] of salvage.lost) if (key[0] === "e") this.#gone.set(name, key);
  }

  /** The scopes; ids that no scope has get names of their own, so that what hangs on them is there. */
  *scopes(): Generator<RawRecord> {
    const purged = new Set<number>();
    const orphans = new Set<number>();
    for (const { key, record } of this.#salvage.records.values()) {
      if (key[0] === "s") {
        this.#know(key[1] as string, headerOf<layout.ScopeHeader>({ key, record }));
      }
      if (key[0] === "g") {
        headerOf<layout.Garbage>({ key, record }).scopeIds.forEach((id) => purged.add(id));
      }
    }
    for (const { key: [kind, id] } of this.#salvage.records.values()) {
      const isOrphan = kind === "e" && !this.#nameById.has(id as number) &&
        !purged.has(id as number);
      if (isOrphan) orphans.add(id as number);
    }
    for (const [id, name] of this.#named(orphans)) {
      this.#know(name, { id });
      yield layout.scopeRecord(name, { id, revision: 0 });
    }
  }

  /**
   * Everything that is whole, but the meta record, and entries without all of their pieces; with entries
   * settled, so that no lists are needed. Versions that nothing names any more are noted as garbage: they
   * would be newer than what their key has from a backup.
   */
  *others(): Generator<RawRecord> {
    const named = new Set<number>();
    const versions: number[] = [];
    for (const [name, { key, record }] of this.#salvage.records) {
      const [kind, number] = key;
      if (kind === "m" || kind === "u") continue;
      if (kind === "e" && !this.#isWhole({ key, record })) {
        this.#gone.set(name, key);
        continue;
      }
      if (kind === "e" || kind === "d") {
        const last = kind === "e" ? this.#presents.settled({ key, record }) : record;
        const whole = this.#namingOnlyWhole(key, last);
        numbersIn(layout.decodeEntry(key, whole)).forEach((one) => named.add(one));
        yield [key, whole];
        continue;
      }
      if (kind === "h") versions.push(number as number);
      yield [key, record];
    }
    yield* garbageOf(versions.filter((number) => !named.has(number)));
  }

  /** What the backup has of what is gone. */
  async *fromBackup({ header, records }: Snapshot): AsyncGenerator<RawRecord> {
    // A backup of the last revision has the last values.
    const isLast = this.#meta !== undefined && header.revision >= this.#meta.revision;
    for await (const [first, ...past] of byKey(records)) {
      if (first!.kind === "scope") {
        yield* this.#scopeFromBackup(first!);
        continue;
      }
      const { scope, key } = first!;
      const id = this.#idByName.get(scope);
      if (id === undefined) continue;
      const kind = this.#lossOf(id, first!);
      if (kind === undefined) continue;
      const of = { scopeId: id, last: first!, past: past as VersionRecord[] };
      yield* encodeKey(of, this.#numbers);
      this.#see(first!.kind === "entry" ? first!.entry.revision : first!.version.revision);
      if (!isLast && first!.kind === "entry") this.#onLoss({ kind, scope, key });
    }
  }

  *#scopeFromBackup({ scope, revision, settings }: ScopeRecord): Generator<RawRecord> {
    const options = layout.optionsKey(scope);
    const hasOptions = this.#salvage.records.has(nameOf(options));
    if (settings && !hasOptions && this.#mayBeGone(options)) {
      yield layout.optionsRecord(scope, settings);
    }
    if (revision === undefined || this.#idByName.has(scope)) return;
    if (!this.#mayBeGone(layout.scopeKey(scope))) return;
    const header = { id: this.#nextScopeId, revision };
    this.#know(scope, header);
    // A scope of which nothing was found did exist: only its values may be old.
    this.#fromBackup.add(header.id);
    yield layout.scopeRecord(scope, header);
  }

  /** What it means to take a key from the backup; undefined where it is not to be taken. */
  #lossOf(id: number, record: EntryRecord | VersionRecord): Loss["kind"] | undefined {
    if (this.#fromBackup.has(id)) return "old";
    if (record.kind !== "entry") return undefined;
    const key = layout.entryKey(id, record.key);
    const name = nameOf(key);
    if (this.#gone.delete(name)) return "old";
    const found = this.#salvage.records.get(name);
    if (!found) return this.#mayBeGone(key) ? "doubtful" : undefined;
    // Where old pages may be among those read, the backup may have the later value.
    return this.#presents.revisionOf(found) < record.entry.revision ? "old" : undefined;
  }

  /** Tells what is nowhere any more. */
  tellLost(): void {
    for (const [, id, key] of this.#gone.values()) {
      const scope = this.#nameById.get(id as number);
      // Entries of a scope that was deleted were waiting to be purged.
      if (scope !== undefined) this.#onLoss({ kind: "lost", scope, key: key as string });
    }
    for (const [kind, name] of this.#salvage.lost.values()) {
      if (kind === "s" && !this.#idByName.has(name as string)) {
        this.#onLoss({ kind: "lost", scope: name as string });
      }
      if (kind === "h" || kind === "d") this.#onLoss({ kind: "past", scope: "?" });
    }
  }

  /** The meta record, behind everything that was seen: the new history begins with a revision of its own. */
  meta(epoch: string, revision: number): RawRecord {
    for (const { key, record } of this.#salvage.records.values()) {
      if (REVISED.includes(key[0] as string)) this.#see(layout.decodeEntry(key, record).header.r);
    }
    this.#see(revision);
    const next = { nextScopeId: this.#nextScopeId, nextVersion: this.#numbers.next };
    return metaRecord({ epoch, revision: this.#revision + 1, ...next });
  }

  /** Names for ids of scopes whose records are gone: the one that is missing, else new ones. */
  *#named(orphans: ReadonlySet<number>): Generator<[id: number, name: string]> {
    const missing = [...this.#salvage.lost.values()].filter(([kind]) => kind === "s");
    if (orphans.size === 1 && missing.length === 1) {
      yield [[...orphans][0]!, missing[0]![1] as string];
      return;
    }
    for (const id of orphans) {
      const name = `recovered-${id}`;
      this.#onLoss({ kind: "renamed", scope: name });
      yield [id, name];
    }
  }

  #know(name: string, { id, revision = 0 }: layout.ScopeHeader): void {
    this.#idByName.set(name, id);
    this.#nameById.set(id, name);
    this.#nextScopeId = Math.max(this.#nextScopeId, id + 1);
    this.#see(revision);
  }

  #see(revision: number): void {
    this.#revision = Math.max(this.#revision, revision);
  }

  /** Whether a record that was not found may have been there. */
  #mayBeGone(key: layout.Key): boolean {
    return !this.#salvage.isComplete || this.#salvage.lost.has(nameOf(key));
  }

  /** `record` of a key, or of what is left of one, without the numbers of versions that are lost. */
  #namingOnlyWhole(key: layout.Key, record: Uint8Array): Uint8Array {
    const { header, body } = layout.decodeEntry(key, record);
    const isThere = (n: number) => this.#salvage.records.has(nameOf(layout.versionKey(n)));
    if (header.p?.every(isThere) ?? true) return record;
    const whole = { ...header, p: header.p!.filter(isThere) };
    return encodeRecord(whole, body, key[0] === "e" ? key : undefined);
  }

  #isWhole(found: Salvaged): boolean {
    if (this.#presents.isLost(found)) return false;
    const { ref } = this.#presents.of(found);
    if (!ref) return true;
    return layout.pieceKeys(ref).every((key) => this.#salvage.records.has(nameOf(key)));
  }
}

/** Notes that have the versions of those numbers purged. */
function* garbageOf(numbers: readonly number[]): Generator<RawRecord> {
  for (const versions of noteParts(numbers)) {
    const garbage: layout.Garbage = { scopeIds: [], refs: [], versions };
    yield [layout.garbageKey(crypto.randomUUID()), encodeRecord(garbage)];
  }
}

/** The first number, halved, that no version has, none that is to be purged, and that nothing names. */
function versionAfter({ records }: Salvage): number {
  let last = 0;
  for (const { key, record } of records.values()) {
    const [kind, number] = key;
    if (kind === "d" || kind === "h") last = Math.max(last, number as number);
    if (REVISED.includes(kind as string)) {
      last = Math.max(last, ...numbersIn(layout.decodeEntry(key, record)));
    }
    if (kind !== "g") continue;
    for (const noted of layout.numbersOf(headerOf({ key, record }))) last = Math.max(last, noted);
  }
  return Math.floor(last / 2) + 1;
}

function headerOf<Header>({ key, record }: Salvaged): Header {
  return decodeRecord<Header>(record, key).header;
}
