/**
 * Runs `plantd-state state watch`: prints a scope and each change to it, until it is stopped.
 *
 * @module
 */

import type { StateConfig } from "../config/schema.ts";
import { JsonText, stringify } from "../state/json.ts";
import type { FollowEvent } from "../watch/follower.ts";
import { Watcher } from "../watch/watcher.ts";
import type { Client } from "../mdp/client.ts";
import type { Poller } from "../zmq/poller.ts";
import { EXIT } from "./exit_codes.ts";
import { print, warn } from "./output.ts";

/** What to watch, and how to say it. */
export interface WatchValues {
  readonly service: string;
  readonly key?: string | undefined;
  readonly prefix?: string | undefined;
  readonly json: boolean;
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Runs until a signal comes, or nobody reads the output any more. */
export async function watch(
  parts: { readonly poller: Poller; readonly client: Client; readonly config: StateConfig },
  values: WatchValues,
): Promise<number> {
  const { poller, client, config } = parts;
  const stop = Promise.withResolvers<void>();
  await using watcher = Watcher.start({
    poller,
    client,
    service: config.service.id,
    broker: config.broker.endpoint.address,
    scope: values.service,
    onEvent: (event) => {
      if (isMeant(event, values) && !print(lineOf(event, values.json))) stop.resolve();
    },
    onStale: (why) => warn(why === undefined ? "up to date" : `may be out of date: ${why}`),
  });
  for (const signal of SIGNALS) Deno.addSignalListener(signal, stop.resolve);
  try {
    await Promise.race([stop.promise, watcher.ended]);
    return EXIT.done;
  } finally {
    for (const signal of SIGNALS) Deno.removeSignalListener(signal, stop.resolve);
  }
}

function isMeant(event: FollowEvent, { key, prefix = "" }: WatchValues): boolean {
  if (!("key" in event)) return true;
  return event.key.startsWith(prefix) && (key === undefined || event.key === key);
}

/** `set KEY JSON`, `delete KEY`, `reset`, `synced REVISION`; names as JSON where they have blanks. */
function lineOf(event: FollowEvent, json: boolean): string {
  if (json) {
    const { kind, ...rest } = event;
    const value = "value" in event ? { value: new JsonText(event.value) } : {};
    return stringify({ event: kind, ...rest, ...value });
  }
  switch (event.kind) {
    case "reset":
      return "reset";
    case "synced":
      return `synced ${event.revision}`;
    case "set":
      return `set ${plain(event.key)} ${event.value}`;
    case "delete":
      return `delete ${plain(event.key)}`;
  }
}

function plain(key: string): string {
  return /^[^\s\p{C}"]+$/u.test(key) ? key : JSON.stringify(key);
}
