/**
 * What a recovery says of itself: every loss in a file, and a paragraph.
 *
 * @module
 */

import { messageOf, PlantdError } from "../errors.ts";
import type { Loss } from "./recovery_records.ts";

/** What a recovery did. */
export interface Recovered {
  readonly path: string;
  /** Why. */
  readonly faults: readonly string[];
  /** Where the damaged database is now; undefined where there was none. */
  readonly aside: string | undefined;
  /** Records that were whole. */
  readonly whole: number;
  /** The backup that filled gaps. */
  readonly backup:
    | { readonly path: string; readonly revision: number; readonly timeMs: number }
    | undefined;
  /** Why nobody can tell whether there is one. */
  readonly backupsFault: string | undefined;
  /** Whether keys may be missing that nobody knows of. */
  readonly isComplete: boolean;
  /** Whether old values may be among those that were whole. */
  readonly mayBeStale: boolean;
}

/** What each kind of loss means. */
const MEANINGS: Readonly<Record<Loss["kind"], string>> = {
  lost: "lost: there is no value any more",
  old: "old: the value of the backup; a later one is lost if there was one",
  doubtful: "doubtful: in the backup, but perhaps deleted since",
  renamed: "renamed: a scope whose name is lost",
  past: "past: an earlier version of some key is lost",
};

/** Lines gathered before they are written. */
const BUFFER_CHARS = 64 * 1024;

const encoder = new TextEncoder();

/** The file with every loss, a line each. Disposed of before {@link LossReport.finish}, it is gone. */
export class LossReport implements Disposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  #isFinished = false;
  readonly counts: Record<Loss["kind"], number> = {
    lost: 0,
    old: 0,
    doubtful: 0,
    renamed: 0,
    past: 0,
  };
  #buffer = "";

  /**
   * @param path Made, readable by its owner alone; must not exist.
   * @throws {PlantdError} `file_unusable`.
   */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#file = Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
    } catch (error) {
      throw new PlantdError("file_unusable", `cannot write ${path}: ${messageOf(error)}`, {
        data: { path },
        cause: error,
      });
    }
    this.#buffer = Object.values(MEANINGS).map((meaning) => `# ${meaning}\n`).join("");
  }

  /** Adds a line: what became of it, its scope, its key as JSON. */
  add({ kind, scope, key }: Loss): void {
    this.counts[kind] += 1;
    this.#buffer += `${kind} ${scope}${key === undefined ? "" : ` ${JSON.stringify(key)}`}\n`;
    if (this.#buffer.length >= BUFFER_CHARS) this.#flush();
  }

  /** Adds the paragraph and brings all to disk. */
  finish(text: string): void {
    this.#buffer += `# ${text}\n`;
    this.#flush();
    this.#file.syncSync();
    this.#isFinished = true;
  }

  [Symbol.dispose](): void {
    this.#file.close();
    if (this.#isFinished) return;
    try {
      Deno.removeSync(this.#path);
    } catch {
      // Why there is no report is said already.
    }
  }

  #flush(): void {
    let bytes = encoder.encode(this.#buffer);
    while (bytes.length > 0) bytes = bytes.subarray(this.#file.writeSync(bytes));
    this.#buffer = "";
  }
}

/** The paragraph: what was wrong, what was done, what is lost. */
export function paragraph(recovered: Recovered, counts: LossReport["counts"]): string {
  const { path, faults, aside, whole, backup, backupsFault, isComplete, mayBeStale } = recovered;
  const nothing = Object.values(counts).every((count) => count === 0) && isComplete;
  const sentences = [
    `the database ${path} was damaged (${faults.join("; ")})`,
    aside === undefined ? undefined : `it was moved to ${aside}`,
    whole === 0
      ? "nothing in it could be read"
      : `a new one was made of its ${whole} records that are whole`,
    backupsFault !== undefined
      ? `backups were not looked at: ${backupsFault}`
      : backup === undefined
      ? "there was no good backup"
      : `what was missing was looked for in the backup ${backup.path} ` +
        `of ${new Date(backup.timeMs).toISOString()} (revision ${backup.revision})`,
    nothing ? "no key is lost" : undefined,
    counts.lost > 0 ? `${counts.lost} keys or scopes are lost` : undefined,
    counts.old > 0
      ? `${counts.old} keys have the value of the backup, which may be old`
      : undefined,
    counts.doubtful > 0
      ? `${counts.doubtful} keys are there again that may have been deleted`
      : undefined,
    counts.renamed > 0
      ? `${counts.renamed} scopes have lost their names and are called recovered-..`
      : undefined,
    counts.past > 0 ? `${counts.past} earlier versions of keys are lost` : undefined,
    isComplete ? undefined : "further keys may be missing, and nobody knows which",
    mayBeStale
      ? "values that were replaced, and keys that were deleted, may be there again"
      : undefined,
  ];
  return `${sentences.filter((sentence) => sentence !== undefined).join("; ")}.`;
}
