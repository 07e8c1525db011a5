/**
 * Fetches a backup from a running service, page by page, into a file.
 *
 * @module
 */

import { PlantdError } from "../errors.ts";
import type { JsonObject } from "../state/json.ts";
import { decodeRecordLine } from "./format.ts";
import type { BackupSummary } from "./reader.ts";
import { BackupWriter } from "./writer.ts";

/** Asks the service for an operation. */
export type Ask = (
  operation: string,
  body: Readonly<Record<string, unknown>>,
) => Promise<JsonObject>;

/** The data of a reply to `backup`. */
interface Page {
  readonly snapshot: string;
  readonly epoch: string;
  readonly revision: number;
  readonly time: string;
  readonly version: string;
  readonly records: number;
  readonly text: string;
  readonly next?: { readonly record: number; readonly offset: number };
}

/**
 * Writes a backup to `path`; every record is proved as it comes, and the file when it is whole.
 *
 * @param onProgress Told which part has come, from 0 to 1.
 * @throws {PlantdError} What the service said, `no_reply`, `file_unusable`, `backup_invalid`.
 */
export async function fetchBackup(
  path: string,
  ask: Ask,
  onProgress: (part: number) => void,
): Promise<BackupSummary> {
  let page = await fetchPage(ask, {});
  const { snapshot, epoch, revision, time, version: program, records } = page;
  const header = { epoch, revision, timeMs: Date.parse(time), program };
  await using writer = await BackupWriter.create(path, header);
  let rest = "";
  for (;;) {
    const lines = `${rest}${page.text}`.split("\n");
    rest = lines.pop()!;
    for (const line of lines) await writer.write(decodeRecordLine(line));
    if (!page.next) break;
    onProgress(page.next.record / records);
    page = await fetchPage(ask, { snapshot, ...page.next });
  }
  if (rest !== "") throw new PlantdError("backup_invalid", "the last page has no end");
  return await writer.finish();
}

async function fetchPage(ask: Ask, body: Readonly<Record<string, unknown>>): Promise<Page> {
  const { members } = await ask("backup", body);
  return members.data as Page;
}
