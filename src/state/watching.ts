/**
 * Operations for those who follow the changes: `watch` and `changes`.
 *
 * @module
 */

import { changeMembers } from "./change_messages.ts";
import type { OperationContext } from "./context.ts";
import type { JsonObject } from "./json.ts";
import { success } from "./replies.ts";
import { readEpoch, readLimit, readOptionalScope, readSince } from "./requests.ts";

/** Where the feed is, and where it stands. */
export function watch({ store, feed }: OperationContext) {
  const { epoch, revision } = store.status();
  // Null where there is none: absent would read as an older version's reply.
  return success({ endpoint: feed ?? null, epoch, revision });
}

/** The changes after a revision, of one scope or of all. */
export function changes({ store, changes: log }: OperationContext, body: JsonObject) {
  const page = log.page({
    since: readSince(body),
    limit: readLimit(body),
    ...readOptionalScope(body),
    ...readEpoch(body),
  });
  return success({
    epoch: store.epoch,
    revision: page.revision,
    changes: page.changes.map(changeMembers),
    count: page.changes.length,
    ...(page.more ? { more: true } : {}),
  });
}
