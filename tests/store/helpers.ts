/** Where drafts of the tests begin, and what the disk adds to them. */

import type { DraftStart, Written } from "../../src/store/draft_types.ts";
import { SCOPE_DEFAULTS } from "../../src/store/durable_store.ts";

/** An empty store without a memory for requests. */
export const DRAFT_START: DraftStart = {
  revision: 0,
  nextScopeId: 1,
  nextVersion: 1,
  timeMs: 1000,
  monotonicMs: 0,
  requestMs: 0,
  options: SCOPE_DEFAULTS,
};

/** A disk that did nothing of its own accord. */
export const NOTHING_MORE: Written = new Map();
