/**
 * Reads records, and counts those that cannot be read.
 *
 * @module
 */

import type { ScopeSettings } from "../state/scope_options.ts";
import { type Key, OPTIONS, REQUESTS } from "./deno_kv_layout.ts";
import { readPieces } from "./deno_kv_pieces.ts";
import type { DoneRequest, Mirror, ValueRef } from "./mirror.ts";
import { DamagedRecord, decodeRecord } from "./record.ts";

/** Records fetched by one call of list; the most Deno KV takes. */
const LIST_BATCH = 1000;

const decoder = new TextDecoder("utf-8", { fatal: true });

/** A database that is being read. */
export class Reader {
  readonly kv: Deno.Kv;
  /** Records that could not be read. */
  damaged = 0;

  constructor(kv: Deno.Kv) {
    this.kv = kv;
  }

  /** The records under `prefix`. */
  list(prefix: Key): AsyncIterable<Deno.KvEntry<unknown>> {
    return this.kv.list({ prefix }, { batchSize: LIST_BATCH });
  }

  /** What `read` returns, or undefined, counted, if the record is damaged. */
  intact<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      return this.#damagedBy(error);
    }
  }

  /** A large value, or undefined, counted, if it cannot be read. */
  async pieces(ref: ValueRef): Promise<{ text: string; bodyBytes: number } | undefined> {
    try {
      const bytes = await readPieces(this.kv, ref);
      return { text: decoder.decode(bytes), bodyBytes: bytes.length };
    } catch (error) {
      return this.#damagedBy(error);
    }
  }

  #damagedBy(error: unknown): undefined {
    if (!(error instanceof DamagedRecord)) throw error;
    this.damaged += 1;
    return undefined;
  }
}

/** Options of scopes, be there such scopes or not. */
export async function readOptions(reader: Reader, mirror: Mirror): Promise<void> {
  for await (const { key, value } of reader.list(OPTIONS)) {
    const settings = reader.intact(() => decodeRecord<ScopeSettings>(value, key as Key).header);
    if (settings) mirror.putSettings(key[1] as string, settings);
  }
}

/** Requests that were done, the oldest first. */
export async function readRequests(reader: Reader, mirror: Mirror): Promise<void> {
  const requests: [string, DoneRequest][] = [];
  for await (const { key, value } of reader.list(REQUESTS)) {
    const done = reader.intact(() => decodeRecord<DoneRequest>(value).header);
    if (done) requests.push([key[1] as string, done]);
  }
  requests.sort(([, a], [, b]) => a.revision - b.revision);
  for (const [id, done] of requests) mirror.putRequest(id, done);
}
