/** Backups that are made while everybody writes: each is proved, and is of one moment. */

import assert from "node:assert/strict";
import { backupsIn } from "../../src/backup/directory.ts";
import { fetchBackup } from "../../src/backup/fetch.ts";
import { openBackup, verifyBackup } from "../../src/backup/reader.ts";
import { parseObject } from "../../src/state/json.ts";
import { bytes } from "../helpers/async.ts";
import type { Actor } from "./actor.ts";
import { memoryDir } from "./memory_dir.ts";
import type { Found } from "./model.ts";
import { SERVICE, type Site } from "./site.ts";

/** Time a page may take, in milliseconds: the service may be killed. */
const PAGE_MS = 2000;

/**
 * Fetches a backup, and holds it against what `actors` have had meanwhile.
 *
 * @returns Its contents; undefined when the service was killed before it was whole.
 */
export async function backUp(
  site: Site,
  actors: readonly Actor[],
  signal: AbortSignal,
): Promise<Found | undefined> {
  await using dir = await memoryDir();
  const path = `${dir.path}/fetched.backup`;
  const recordings = actors.map((actor) => actor.record());
  let states;
  try {
    await fetchBackup(path, async (operation, body) => {
      const frames = [bytes(operation), bytes(JSON.stringify(body))];
      const [reply] = await site.client.request(SERVICE, frames, { timeoutMs: PAGE_MS, signal });
      const object = parseObject(reply!);
      // A snapshot is gone with the service that had made it.
      if (object.members.success === false) throw new Interrupted();
      return object;
    }, () => {});
  } catch (thrown) {
    const isLost = thrown instanceof Interrupted || signal.aborted ||
      (thrown as { code?: string }).code === "no_reply";
    if (!isLost) throw thrown;
    return undefined;
  } finally {
    states = recordings.map((end) => end());
  }
  const found = await contentsOf(path);
  for (const [i, { name, scopes }] of actors.entries()) {
    const differences = states[i]!.map((model) => model.differs(found, scopes, Date.now()));
    assert.ok(differences.includes(undefined), `backup of ${name}: none of ${differences}`);
  }
  return found;
}

class Interrupted extends Error {}

async function contentsOf(path: string): Promise<Found> {
  const found = new Map<string, Map<string, string>>();
  using backup = await openBackup(path);
  for await (const record of backup.records) {
    if (record.kind === "scope" && record.revision !== undefined) {
      found.set(record.scope, new Map());
    }
    if (record.kind === "entry") found.get(record.scope)!.set(record.key, record.entry.value);
  }
  return found;
}

/** Proves all backups that the service has made of its own accord. */
export async function verifyAll(directory: string): Promise<number> {
  const all = await backupsIn(directory);
  for (const { path } of all) await verifyBackup(path);
  return all.length;
}
