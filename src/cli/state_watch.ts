/**
 * Runs `plantd-state state watch`: prints a scope and each change to it, or runs a command for each
 * change, until it is stopped.
 *
 * @module
 */

import type { FollowEvent } from "../watch/follower.ts";
import { Watcher } from "../watch/watcher.ts";
import type { Asking } from "./asking.ts";
import { EXIT } from "./exit_codes.ts";
import { type Format, formatOf, type OutputValues, printOne } from "./format.ts";
import { warn } from "./output.ts";
import { harmless } from "./state_output.ts";
import { Changes, eventJson } from "./watch_changes.ts";
import { Runner } from "./watch_run.ts";

/** What to watch, and how to say it. */
export interface WatchValues extends OutputValues {
  readonly service: string;
  readonly key?: string | undefined;
  readonly prefix?: string | undefined;
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/**
 * Runs until a signal comes, or nobody reads the output any more.
 *
 * @param command The command and its arguments; empty to print.
 */
export async function watch(
  { poller, client, config }: Asking,
  values: WatchValues,
  command: readonly string[],
): Promise<number> {
  const stop = Promise.withResolvers<void>();
  await using runner = new Runner(command, values.service);
  const take = command.length > 0
    ? running(runner)
    : printing(formatOf(values), () => stop.resolve());
  await using watcher = Watcher.start({
    poller,
    client,
    service: config.service.id,
    broker: config.broker.endpoint.address,
    scope: values.service,
    onEvent: (event) => void (isMeant(event, values) && take(event)),
    onStale: (why) => warn(why === undefined ? "up to date" : `may be out of date: ${why}`),
  });
  for (const signal of SIGNALS) Deno.addSignalListener(signal, stop.resolve);
  try {
    await Promise.race([stop.promise, watcher.ended, runner.failed]);
    return EXIT.done;
  } finally {
    // From here on a second signal ends the process at once.
    for (const signal of SIGNALS) Deno.removeSignalListener(signal, stop.resolve);
  }
}

function running(runner: Runner): (event: FollowEvent) => void {
  const changes = new Changes();
  return (event) => changes.take(event).forEach((change) => runner.take(change));
}

function printing(format: Format, onNoReader: () => void): (event: FollowEvent) => void {
  return (event) => {
    if (!printOne(format, eventJson(event), () => lineOf(event))) onNoReader();
  };
}

function isMeant(event: FollowEvent, { key, prefix = "" }: WatchValues): boolean {
  if (!("key" in event)) return true;
  return event.key.startsWith(prefix) && (key === undefined || event.key === key);
}

/** `set KEY JSON`, `delete KEY`, `reset`, `synced REVISION`; names as JSON where they have blanks. */
function lineOf(event: FollowEvent): string {
  switch (event.kind) {
    case "reset":
      return "reset";
    case "synced":
      return `synced ${event.revision}`;
    case "set":
      return harmless(`set ${plain(event.key)} ${event.value}`);
    case "delete":
      return `delete ${plain(event.key)}`;
  }
}

function plain(key: string): string {
  return /^[^\s\p{C}"]+$/u.test(key) ? key : JSON.stringify(key);
}
