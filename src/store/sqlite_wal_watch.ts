/**
 * Notices that the write-ahead log of an open database was deleted, replaced or cut short: SQLite goes on
 * writing into it, and says nothing.
 *
 * @module
 */

/** The log of one open database. */
export class WalWatch {
  readonly #path: string;
  #seen: { readonly ino: number | null; readonly dev: number; readonly size: number } | undefined;
  #fault: string | undefined;

  /** @param path Of the database, which SQLite has open. */
  constructor(path: string) {
    this.#path = `${path}-wal`;
  }

  /** Why what is written is not kept; undefined while it is. Once said it stays so. */
  broken(): string | undefined {
    return this.#fault ??= this.#look();
  }

  #look(): string | undefined {
    let found: Deno.FileInfo;
    try {
      found = Deno.statSync(this.#path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) return undefined;
      return this.#seen && `the write-ahead log ${this.#path} was deleted`;
    }
    const { ino, dev, size } = found;
    const seen = this.#seen ?? found;
    this.#seen = { ino, dev, size };
    if (ino !== seen.ino || dev !== seen.dev) {
      return `the write-ahead log ${this.#path} was replaced`;
    }
    // SQLite begins it anew from its start, and never makes it shorter.
    return size < seen.size ? `the write-ahead log ${this.#path} was cut short` : undefined;
  }
}
