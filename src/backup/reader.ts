/**
 * Reads a backup, record by record, and proves it while reading: whoever came to the end without an
 * error has read what was written.
 *
 * @module
 */

import nodeCrypto from "node:crypto";
import { messageOf, PlantdError } from "../errors.ts";
import { MESSAGE_BYTES_MAX } from "../limits.ts";
import {
  type BackupHeader,
  type BackupRecord,
  type Counts,
  decodeEnd,
  decodeHeader,
  decodeRecordLine,
  isEnd,
} from "./format.ts";
import { invalidBackup } from "./fields.ts";
import { Sequence } from "./sequence.ts";

/** Longest line, in bytes: the largest value with the longest key, escaped as badly as may be. */
const LINE_BYTES_MAX = MESSAGE_BYTES_MAX + 64 * 1024;
/** Bytes read at once. */
const CHUNK_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A backup that is being read. */
export interface OpenBackup extends Disposable {
  readonly header: BackupHeader;
  /** The records in order; ends without an error only if the backup is whole. Once. */
  readonly records: AsyncIterable<BackupRecord>;
  /** Bytes read so far, and in all. */
  readonly progress: { readonly bytes: number; readonly bytesTotal: number };
}

/** What a backup holds. */
export interface BackupSummary extends BackupHeader, Counts {}

/**
 * Opens a backup and reads its first line.
 *
 * @throws {PlantdError} `file_unusable`, `backup_invalid`; the records throw the latter, too.
 *
 * @example
 * ```ts
 * using backup = await openBackup("state.backup");
 * for await (const record of backup.records) console.log(record.scope);
 * ```
 */
export async function openBackup(path: string): Promise<OpenBackup> {
  const file = await openFile(path);
  try {
    const hash = nodeCrypto.createHash("sha256");
    const progress = { bytes: 0, bytesTotal: (await file.stat()).size };
    const lines = linesOf(file, progress);
    const header = await firstLine(path, lines);
    hash.update(header.bytes).update("\n");
    return {
      header: named(path, () => decodeHeader(decode(header.bytes)), 1),
      records: recordsOf(path, lines, hash),
      progress,
      [Symbol.dispose]: () => file.close(),
    };
  } catch (thrown) {
    file.close();
    throw thrown;
  }
}

/**
 * Reads a whole backup.
 *
 * @param onProgress Told now and then which part of it has been read, from 0 to 1.
 * @throws {PlantdError} `file_unusable`, `backup_invalid`.
 */
export async function verifyBackup(
  path: string,
  onProgress: (part: number) => void = () => {},
): Promise<BackupSummary> {
  using backup = await openBackup(path);
  const sequence = new Sequence();
  for await (const record of backup.records) {
    sequence.take(record);
    onProgress(backup.progress.bytes / backup.progress.bytesTotal);
  }
  return { ...backup.header, ...sequence.counts };
}

async function openFile(path: string): Promise<Deno.FsFile> {
  try {
    const file = await Deno.open(path);
    if ((await file.stat()).isFile) return file;
    file.close();
    throw new Error("it is not a file");
  } catch (error) {
    throw new PlantdError("file_unusable", `cannot read ${path}: ${messageOf(error)}`, {
      data: { path },
      cause: error,
    });
  }
}

interface Line {
  readonly bytes: Uint8Array;
  /** Whether there is nothing behind it. */
  readonly isLast: boolean;
}

async function firstLine(path: string, lines: AsyncGenerator<Line>): Promise<Line> {
  try {
    const { value, done } = await lines.next();
    if (!done) return value;
  } catch (thrown) {
    throw ofFile(path, thrown);
  }
  throw ofFile(path, invalidBackup("the file is empty"));
}

async function* recordsOf(
  path: string,
  lines: AsyncIterable<Line>,
  hash: ReturnType<typeof nodeCrypto.createHash>,
): AsyncGenerator<BackupRecord> {
  const sequence = new Sequence();
  let number = 1;
  try {
    for await (const { bytes, isLast } of lines) {
      number += 1;
      const line = decode(bytes);
      if (isEnd(line)) {
        sequence.end(decodeEnd(line), hash.digest("hex"));
        if (!isLast) throw invalidBackup("there is more behind the end");
        return;
      }
      hash.update(bytes).update("\n");
      const record = decodeRecordLine(line);
      sequence.take(record);
      yield record;
    }
  } catch (thrown) {
    throw ofFile(path, thrown, number);
  }
  throw ofFile(path, invalidBackup("it has no end: it was cut short, or never finished"));
}

/** The lines of a file, each of which must have an end. */
async function* linesOf(file: Deno.FsFile, progress: { bytes: number }): AsyncGenerator<Line> {
  let rest: Uint8Array = new Uint8Array();
  let line: Uint8Array | undefined;
  for (;;) {
    const chunk = new Uint8Array(CHUNK_BYTES);
    const read = await file.read(chunk);
    if (read === null) break;
    progress.bytes += read;
    const bytes = rest.length === 0 ? chunk.subarray(0, read) : concat(rest, chunk, read);
    let start = 0;
    for (let end; (end = bytes.indexOf(NEWLINE, start)) >= 0; start = end + 1) {
      if (line) yield { bytes: line, isLast: false };
      line = bytes.subarray(start, end);
    }
    rest = bytes.subarray(start);
    if (rest.length > LINE_BYTES_MAX) throw invalidBackup("a line is too long to be a record");
  }
  if (rest.length > 0) {
    if (line) yield { bytes: line, isLast: false };
    throw invalidBackup("the last line has no end: it was cut short");
  }
  if (line) yield { bytes: line, isLast: true };
}

function concat(first: Uint8Array, chunk: Uint8Array, read: number): Uint8Array {
  const bytes = new Uint8Array(first.length + read);
  bytes.set(first);
  bytes.set(chunk.subarray(0, read), first.length);
  return bytes;
}

function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw invalidBackup("UTF-8 text is needed");
  }
}

function named<T>(path: string, read: () => T, line: number): T {
  try {
    return read();
  } catch (thrown) {
    throw ofFile(path, thrown, line);
  }
}

/** A fault with the file's name and, where known, the line in front. */
function ofFile(path: string, thrown: unknown, line?: number): unknown {
  if (!(thrown instanceof PlantdError) || thrown.code !== "backup_invalid") return thrown;
  const place = line === undefined ? path : `${path}:${line}`;
  return new PlantdError("backup_invalid", `${place}: ${thrown.message}`, {
    data: { path },
    cause: thrown,
  });
}
