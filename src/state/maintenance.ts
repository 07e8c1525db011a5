/**
 * Operations for those who look after the service: `backup` and `acknowledge`.
 *
 * @module
 */

import type { BackupPlace, OperationContext } from "./context.ts";
import type { JsonObject } from "./json.ts";
import { invalid } from "./names.ts";
import { isoTime, success } from "./replies.ts";

/** A page of the text of a backup; all pages of a snapshot are the store as of one revision. */
export async function backup({ maintenance }: OperationContext, body: JsonObject) {
  const { snapshot, header, records, text, next } = await maintenance.backup(readPlace(body));
  const { epoch, revision, timeMs, program } = header;
  return success({
    snapshot,
    epoch,
    revision,
    time: isoTime(timeMs),
    version: program,
    records,
    text,
    ...(next ? { next } : {}),
  });
}

/** Somebody knows what was lost: health is no longer a warning. */
export async function acknowledge({ maintenance }: OperationContext) {
  const acknowledged = await maintenance.acknowledge();
  return success({ acknowledged, count: acknowledged.length });
}

/** Fields `snapshot`, `record` and `offset`: as an earlier page said, or none. */
function readPlace({ members }: JsonObject): BackupPlace | undefined {
  const { snapshot, record = 0, offset = 0 } = members;
  if (snapshot === undefined || snapshot === null) return undefined;
  if (typeof snapshot !== "string") throw invalid("snapshot", "the name of a snapshot is needed");
  return { snapshot, record: whole("record", record), offset: whole("offset", offset) };
}

function whole(field: string, value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw invalid(field, "a whole number is needed, as the page before said");
}
