/**
 * What must hold from record to record of a backup: sorted, nothing twice, every entry behind its scope,
 * as many as the end says. Pure.
 *
 * @module
 */

import { type BackupEnd, type BackupRecord, type Counts, invalidBackup } from "./format.ts";
import { compareNames } from "./order.ts";

/** Looks at records as they come by. */
export class Sequence {
  #scope: string | undefined;
  #key: string | undefined;
  #scopes = 0;
  #entries = 0;

  /** How many came by. */
  get counts(): Counts {
    return { scopes: this.#scopes, entries: this.#entries };
  }

  /** @throws {PlantdError} `backup_invalid`. */
  take(record: BackupRecord): void {
    if (record.kind === "scope") {
      if (this.#scope !== undefined && compareNames(this.#scope, record.scope) >= 0) {
        throw invalidBackup(`scope "${record.scope}" comes too late, or twice`);
      }
      this.#scope = record.scope;
      this.#key = undefined;
      this.#scopes += 1;
      return;
    }
    if (record.scope !== this.#scope) {
      throw invalidBackup(`an entry of scope "${record.scope}" stands outside of it`);
    }
    if (this.#key !== undefined && compareNames(this.#key, record.key) >= 0) {
      throw invalidBackup(`key ${JSON.stringify(record.key)} comes too late, or twice`);
    }
    this.#key = record.key;
    this.#entries += 1;
  }

  /** Compares what came by with what the end says; throws `backup_invalid`. */
  end({ scopes, entries, sha256 }: BackupEnd, sum: string): void {
    if (sha256 !== sum) throw invalidBackup("the SHA-256 is not that of the lines before it");
    if (scopes !== this.#scopes || entries !== this.#entries) {
      throw invalidBackup(
        `the end counts ${scopes} scopes and ${entries} entries, ` +
          `found ${this.#scopes} and ${this.#entries}`,
      );
    }
  }
}
