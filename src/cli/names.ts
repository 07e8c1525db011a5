/**
 * Completion of scopes and keys with those that the running service has. Quietly: a shell that waits at
 * the prompt gets what there is within half a second, and nothing when nobody answers.
 *
 * @module
 */

import { string, type ValueParser } from "@optique/core/valueparser";
import { asking } from "./asking.ts";
import { namesWanted } from "./names_wanted.ts";

/** Time for the service's answer, in milliseconds; for all three attempts. */
const TIMEOUT_MS = 450;
/** Names that are offered at most: more cannot be read. */
const NAMES_MAX = 500;

/**
 * What a shell takes for one word as it is. Others are not offered: a name comes from who knows where,
 * and on the command line it could be an order.
 */
const PLAIN = /^[\w@%+=:,./][\w@%+=:,./-]*$/;

/** What was fetched for this run of the program; there is one question a run. */
const fetched: { scope: readonly string[]; key: readonly string[] } = { scope: [], key: [] };

/** Parses any text, and offers what {@link fetchNames} got. */
export function nameParser(
  kind: "scope" | "key",
  metavar: "SCOPE" | "KEY" | "TEXT",
): ValueParser<"sync", string> {
  return {
    ...string({ metavar }),
    *suggest(prefix) {
      for (const text of fetched[kind]) {
        if (text.startsWith(prefix)) yield { kind: "literal", text };
      }
    },
  };
}

/**
 * Asks the service for the names that the last of `words` may become.
 *
 * @param words The command line so far, without the program's name.
 */
export async function fetchNames(words: readonly string[]): Promise<void> {
  const wanted = namesWanted(words);
  if (wanted === undefined) return;
  const { kind, prefix, service, endpoint, config } = wanted;
  try {
    await using asked = asking({ endpoint, config, timeout: TIMEOUT_MS });
    const query = { prefix, limit: NAMES_MAX };
    const { members } = kind === "scope"
      ? await asked.ask("list-scopes", query)
      : await asked.ask("list-keys", { ...query, service });
    const { scopes, keys } = members.data as { scopes?: string[]; keys?: string[] };
    fetched[kind] = (scopes ?? keys ?? []).filter((name) => PLAIN.test(name));
  } catch {
    // Whoever presses Tab wants to hear nothing of it.
  }
}
