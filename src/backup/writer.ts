/**
 * Writes a backup so that its name always stands for a whole one: under a temporary name beside it,
 * synced, read back and proved, and only then renamed.
 *
 * @module
 */

import nodeCrypto from "node:crypto";
import { messageOf, PlantdError } from "../errors.ts";
import { absolute, nameOf, parentOf, within } from "../paths.ts";
import { syncDirectory } from "../sync_directory.ts";
import {
  type BackupHeader,
  type BackupRecord,
  encodeEnd,
  encodeHeader,
  encodeRecordLine,
  FORMAT,
} from "./format.ts";
import { type BackupSummary, verifyBackup } from "./reader.ts";
import { Sequence } from "./sequence.ts";

/** Characters gathered before they are written. */
const BUFFER_CHARS = 256 * 1024;

const encoder = new TextEncoder();

/**
 * A backup that is being written; disposed of before {@link BackupWriter.finish}, it leaves nothing.
 *
 * @example
 * ```ts
 * await using writer = await BackupWriter.create("state.backup", header);
 * for (const record of records) await writer.write(record);
 * await writer.finish();
 * ```
 */
export class BackupWriter implements AsyncDisposable {
  readonly #path: string;
  readonly #temporary: string;
  readonly #file: Deno.FsFile;
  readonly #hash = nodeCrypto.createHash("sha256");
  readonly #sequence = new Sequence();
  #buffer = "";
  #isOpen = true;
  #isFinished = false;

  private constructor(path: string, temporary: string, file: Deno.FsFile) {
    this.#path = path;
    this.#temporary = temporary;
    this.#file = file;
  }

  /**
   * Begins a backup, readable by its owner alone.
   *
   * @throws {PlantdError} `file_unusable`; a file that is there and no backup is not replaced.
   */
  static async create(path: string, header: BackupHeader): Promise<BackupWriter> {
    const target = absolute(path);
    await refuseOther(target);
    const name = `.${nameOf(target)}.${crypto.randomUUID().slice(0, 8)}.tmp`;
    const temporary = within(parentOf(target), name);
    const file = await unlessFailed(
      target,
      () => Deno.open(temporary, { write: true, createNew: true, mode: 0o600 }),
    );
    const writer = new BackupWriter(target, temporary, file);
    writer.#buffer = `${encodeHeader(header)}\n`;
    return writer;
  }

  /** Records written so far. */
  get counts() {
    return this.#sequence.counts;
  }

  /** Adds a record, which must come behind the last one in order. */
  async write(record: BackupRecord): Promise<void> {
    this.#sequence.take(record);
    this.#buffer += `${encodeRecordLine(record)}\n`;
    if (this.#buffer.length >= BUFFER_CHARS) await this.#flush();
  }

  /**
   * Ends the backup, proves it and gives it its name.
   *
   * @throws {PlantdError} `file_unusable`, `backup_invalid` when what was read back is not what was written.
   */
  async finish(): Promise<BackupSummary> {
    await this.#flush();
    const end = { ...this.#sequence.counts, sha256: this.#hash.copy().digest("hex") };
    this.#buffer = `${encodeEnd(end)}\n`;
    await this.#flush();
    await unlessFailed(this.#path, () => this.#file.sync());
    this.#close();
    const summary = await verifyBackup(this.#temporary);
    await unlessFailed(this.#path, () => Deno.rename(this.#temporary, this.#path));
    this.#isFinished = true;
    await syncDirectory(parentOf(this.#path));
    return summary;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    if (!this.#isFinished) await Deno.remove(this.#temporary).catch(() => {});
  }

  #close(): void {
    if (this.#isOpen) this.#file.close();
    this.#isOpen = false;
  }

  async #flush(): Promise<void> {
    let bytes = encoder.encode(this.#buffer);
    this.#buffer = "";
    this.#hash.update(bytes);
    await unlessFailed(this.#path, async () => {
      while (bytes.length > 0) bytes = bytes.subarray(await this.#file.write(bytes));
    });
  }
}

/** Refuses to replace what is no backup, such as a database whose name was given by mistake. */
async function refuseOther(path: string): Promise<void> {
  const found = await Deno.stat(path).catch(() => undefined);
  if (found === undefined || (found.isFile && found.size === 0)) return;
  if (found.isFile) {
    using file = await unlessFailed(path, () => Deno.open(path));
    const begins = encoder.encode(`{"format":"${FORMAT}"`);
    const bytes = new Uint8Array(begins.length);
    const read = await file.read(bytes);
    if (read === begins.length && bytes.every((byte, i) => byte === begins[i])) return;
  }
  throw new PlantdError("file_unusable", `${path} is there and is no backup: it is not replaced`, {
    hint: "name another file",
    data: { path },
  });
}

async function unlessFailed<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof PlantdError) throw error;
    throw new PlantdError("file_unusable", `cannot write ${path}: ${messageOf(error)}`, {
      data: { path },
      cause: error,
    });
  }
}
