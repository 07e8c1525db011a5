/**
 * Whether a Deno KV database can be written.
 *
 * @module
 */

import * as layout from "./deno_kv_layout.ts";
import { encodeRecord } from "./record.ts";

/** Names what is written, the same each time: so what is left after a crash is one record at most. */
const ID = "probe";
/** Bytes: as many as one record holds, so that no page that happens to be free is enough. */
const BYTES = 60_000;

/**
 * Writes a record and deletes it, in a commit each. It is a piece of a value that no entry refers to, and
 * noted as such: after a crash the next start purges it.
 *
 * @throws What Deno KV says, when one of the two was not written.
 */
export async function probeDenoKv(kv: Deno.Kv): Promise<void> {
  const garbage: layout.Garbage = { scopeIds: [], refs: [{ id: ID, pieces: 1 }] };
  const note = layout.garbageKey(ID);
  const [piece] = layout.pieceKeys(garbage.refs[0]!);
  // Random, so that no file system that compresses makes less of it.
  const bytes = crypto.getRandomValues(new Uint8Array(BYTES));
  await kv.atomic()
    .set(note, encodeRecord(garbage))
    .set(piece!, encodeRecord(null, bytes, piece))
    .commit();
  await kv.atomic().delete(piece!).delete(note).commit();
}
