/**
 * What must hold from record to record of a backup: sorted, nothing twice, every entry behind its scope,
 * as many as the end says. Pure.
 *
 * @module
 */

import {
  type BackupEnd,
  type BackupRecord,
  type Counts,
  type EntryRecord,
  type ScopeRecord,
  type VersionRecord,
} from "./format.ts";
import { invalidBackup } from "./fields.ts";
import { compareNames } from "./order.ts";

/** Looks at records as they come by. */
export class Sequence {
  #scope: ScopeRecord | undefined;
  #key: string | undefined;
  /** Of the last record of the key. */
  #revision = 0;
  readonly #counts = { scopes: 0, entries: 0, versions: 0 };

  /** How many came by. */
  get counts(): Counts {
    return { ...this.#counts };
  }

  /** @throws {PlantdError} `backup_invalid`. */
  take(record: BackupRecord): void {
    if (record.kind === "scope") this.#takeScope(record);
    else this.#takeKey(record);
  }

  #takeScope(record: ScopeRecord): void {
    if (this.#scope !== undefined && compareNames(this.#scope.scope, record.scope) >= 0) {
      throw invalidBackup(`scope "${record.scope}" comes too late, or twice`);
    }
    this.#scope = record;
    this.#key = undefined;
    this.#counts.scopes += 1;
  }

  #takeKey(record: EntryRecord | VersionRecord): void {
    const { kind, scope, key } = record;
    if (scope !== this.#scope?.scope || this.#scope.revision === undefined) {
      throw invalidBackup(`a key of scope "${scope}" stands outside of it`);
    }
    const { revision } = kind === "entry" ? record.entry : record.version;
    const order = this.#key === undefined ? -1 : compareNames(this.#key, key);
    const isPast = order === 0 && kind === "version" && revision < this.#revision;
    if (order >= 0 && !isPast) {
      throw invalidBackup(`key ${JSON.stringify(key)} comes too late, or twice`);
    }
    this.#key = key;
    this.#revision = revision;
    this.#counts[kind === "entry" ? "entries" : "versions"] += 1;
  }

  /** Compares what came by with what the end says; throws `backup_invalid`. */
  end({ sha256, ...said }: BackupEnd, sum: string): void {
    if (sha256 !== sum) throw invalidBackup("the SHA-256 is not that of the lines before it");
    const [expected, found] = [inWords(said), inWords(this.#counts)];
    if (expected !== found) throw invalidBackup(`the end counts ${expected}, found ${found}`);
  }
}

function inWords({ scopes, entries, versions }: Counts): string {
  return `${scopes} scopes, ${entries} entries and ${versions} earlier versions`;
}
