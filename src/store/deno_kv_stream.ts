/**
 * A database read record by record in the order of a backup, without holding it in memory.
 *
 * @module
 */

import type { BackupRecord } from "../backup/format.ts";
import { PlantdError } from "../errors.ts";
import * as layout from "./deno_kv_layout.ts";
import { decodeRecord } from "./record.ts";
import { openOffline } from "./deno_kv_offline.ts";

/** Records fetched by one call of list; the most Deno KV takes. */
const LIST_BATCH = 1000;
/** Pieces fetched by one getMany; the most Deno KV takes. */
const PIECES_PER_GET = 10;

const decoder = new TextDecoder("utf-8", { fatal: true });

/** A database that is being read. */
export interface DatabaseStream extends Disposable {
  readonly epoch: string;
  readonly revision: number;
  readonly records: AsyncIterable<BackupRecord>;
}

/**
 * Opens the database at `path` for reading, locked against others.
 *
 * @throws {PlantdError} `database_locked`, `database_unusable`, `database_damaged`; the last also while
 * records are read, because what is left out of a backup without a word would be lost.
 */
export async function streamDenoKv(path: string): Promise<DatabaseStream> {
  const { kv, ...opened } = await openOffline(path);
  try {
    const { value } = await kv.get(layout.META_KEY);
    const meta = value === null
      ? { epoch: "", revision: 0 }
      : intact(path, layout.META_KEY, () => decodeRecord<layout.Meta>(value).header);
    return {
      epoch: meta.epoch,
      revision: meta.revision,
      records: recordsOf(kv, path),
      [Symbol.dispose]: () => opened[Symbol.dispose](),
    };
  } catch (thrown) {
    opened[Symbol.dispose]();
    throw thrown;
  }
}

async function* recordsOf(kv: Deno.Kv, path: string): AsyncGenerator<BackupRecord> {
  const options = { batchSize: LIST_BATCH };
  for await (const { key, value } of kv.list({ prefix: layout.SCOPES }, options)) {
    const scope = key[1] as string;
    const header = intact(path, key, () => decodeRecord<layout.ScopeHeader>(value).header);
    yield { kind: "scope", scope, revision: await lastRevision(kv, path, header) };
    for await (const { key, value } of kv.list({ prefix: layout.entriesOf(header.id) }, options)) {
      const { body, ref, ...entry } = intact(path, key, () => layout.decodeEntry(value));
      const bytes = ref ? await piecesOf(kv, path, layout.pieceKeys(ref)) : body;
      const record = { ...entry, value: decoder.decode(bytes) };
      yield { kind: "entry", scope, key: key[2] as string, entry: record };
    }
  }
}

/** Revision of the last change of a scope, which an entry may tell. */
async function lastRevision(
  kv: Deno.Kv,
  path: string,
  { id, revision = 0 }: layout.ScopeHeader,
): Promise<number> {
  let last = revision;
  const list = kv.list({ prefix: layout.entriesOf(id) }, { batchSize: LIST_BATCH });
  for await (const { key, value } of list) {
    last = Math.max(last, intact(path, key, () => layout.decodeEntry(value)).revision);
  }
  return last;
}

async function piecesOf(kv: Deno.Kv, path: string, keys: readonly layout.Key[]) {
  const bodies: Uint8Array<ArrayBuffer>[] = [];
  for (let i = 0; i < keys.length; i += PIECES_PER_GET) {
    for (const { key, value } of await kv.getMany(keys.slice(i, i + PIECES_PER_GET))) {
      const { body } = intact(path, key, () => decodeRecord<null>(value));
      bodies.push(body as Uint8Array<ArrayBuffer>);
    }
  }
  return new Uint8Array(await new Blob(bodies).arrayBuffer());
}

function intact<T>(path: string, key: readonly unknown[], read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new PlantdError(
      "database_damaged",
      `the database ${path} has a damaged record ${JSON.stringify(key)}`,
      { hint: `plantd-state check --db=${path} tells more`, data: { path }, cause: error },
    );
  }
}
