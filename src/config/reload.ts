/**
 * A configuration that is loaded again while the program runs: what of it can be taken over at once, and
 * what only a restart brings into force.
 *
 * @module
 */

import util from "node:util";
import type { Loaded } from "./load.ts";
import type { BrokerPath, StatePath } from "./schema.ts";
import { assign, deepFreeze, valueAt } from "./tree.ts";

/** Settings that a service takes over while it runs. The others are of sockets, files and the wire. */
export const STATE_RELOADABLE: ReadonlySet<string> = new Set<StatePath>([
  "bus.default-scope",
  "bus.queue",
  "bus.coalesce",
  "backup.directory",
  "backup.every",
  "backup.keep",
  "scopes.history",
  "scopes.history-ms",
  "scopes.ttl-ms",
  "scopes.keys-max",
  "scopes.bytes-max",
  "audit.file",
  "audit.file-bytes",
  "audit.keep",
  "audit.bus",
  "audit.values",
  "log.level",
  "log.format",
]);

/** Settings that a broker takes over while it runs. */
export const BROKER_RELOADABLE: ReadonlySet<string> = new Set<BrokerPath>([
  "log.level",
  "log.format",
]);

/** What loading a configuration again came to. */
export interface Reload<Config> {
  /** What is in force from now on. */
  readonly loaded: Loaded<Config>;
  /** What has changed, such as `log.level: "info" -> "debug"`. */
  readonly changed: readonly string[];
  /** What would change with a restart. */
  readonly afterRestart: readonly string[];
}

/**
 * Takes over from `after` what is among `reloadable`, and keeps everything else as it is in `before`.
 *
 * @example
 * ```ts
 * const { loaded, changed } = reload(before, loadStateConfig(), STATE_RELOADABLE);
 * changed; // ['log.level: "info" -> "debug"']
 * ```
 */
export function reload<Config>(
  before: Loaded<Config>,
  after: Loaded<Config>,
  reloadable: ReadonlySet<string>,
): Reload<Config> {
  const paths = [...after.sources.keys()].filter((path) =>
    !util.isDeepStrictEqual(before.sources.get(path)?.value, after.sources.get(path)?.value)
  );
  const told = (path: string) => {
    const [was, is] = [before, after].map(({ sources }) => {
      const { value } = sources.get(path) ?? {};
      return value === undefined ? "not set" : JSON.stringify(value);
    });
    return `${path}: ${was} -> ${is}`;
  };
  const config = structuredClone(before.config) as Record<string, unknown>;
  const sources = new Map(before.sources);
  const taken = paths.filter((path) => reloadable.has(path));
  for (const path of taken) {
    assign(config, path, valueAt(after.config, path));
    sources.set(path, after.sources.get(path)!);
  }
  return {
    loaded: { ...before, config: deepFreeze(config) as Config, sources },
    changed: taken.map(told),
    afterRestart: paths.filter((path) => !reloadable.has(path)).map(told),
  };
}
