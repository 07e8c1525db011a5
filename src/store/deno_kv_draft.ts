/**
 * The records of a draft that say what is there now, as one atomic operation of Deno KV sets them.
 *
 * @module
 */

import * as layout from "./deno_kv_layout.ts";
import type { Draft } from "./draft.ts";
import type { Written } from "./draft_types.ts";
import { living } from "./mirror.ts";
import { encodeRecord } from "./record.ts";

/** Has `atomic` write scopes, options, keys and requests of `draft`, with large values where `refs` says. */
export function setDraft(atomic: Deno.AtomicOperation, draft: Draft, refs: Written): void {
  setScopes(atomic, draft);
  for (const { scopeId, key, last } of draft.keyWrites()) {
    const entry = living(last);
    if (entry?.at !== undefined) {
      const record = layout.encodeVersion({ scopeId, key, content: entry }, undefined);
      atomic.set(layout.versionKey(entry.at), record);
      continue;
    }
    const at = layout.entryKey(scopeId, key);
    if (entry) atomic.set(at, layout.encodeEntry(at, entry, refs.get(entry)));
    else atomic.delete(at);
  }
  for (const id of draft.requests.deletes()) atomic.delete(layout.requestKey(id));
  for (const [id, done] of draft.requests.writes) {
    atomic.set(layout.requestKey(id), encodeRecord(done));
  }
}

function setScopes(atomic: Deno.AtomicOperation, draft: Draft): void {
  for (const scope of draft.droppedScopes()) atomic.delete(layout.scopeKey(scope.name));
  for (const { id, name, revision } of draft.scopeWrites()) {
    atomic.set(...layout.scopeRecord(name, { id, revision }));
  }
  for (const [name, settings] of draft.settings.writes) {
    if (settings) atomic.set(...layout.optionsRecord(name, settings));
    else atomic.delete(layout.optionsKey(name));
  }
}
