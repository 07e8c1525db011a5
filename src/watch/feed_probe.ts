/**
 * Listens whether the change feed is to be heard.
 *
 * @module
 */

import { connectable } from "../zmq/address.ts";
import type { Poller } from "../zmq/poller.ts";
import { Socket } from "../zmq/socket.ts";
import { hostOf } from "./watcher.ts";

/**
 * Resolves with true at the first heartbeat of the feed, with false when none came within `withinMs`.
 *
 * @param endpoint As the operation `watch` tells it.
 * @param broker Address of the broker: a feed that listens on every interface is sought on its host.
 *
 * @example
 * ```ts
 * await isFeedHeard(poller, "tcp://127.0.0.1:11002", { broker: "tcp://127.0.0.1:9797", withinMs: 3000 });
 * ```
 */
export async function isFeedHeard(
  poller: Poller,
  endpoint: string,
  { broker, withinMs }: { readonly broker: string; readonly withinMs: number },
): Promise<boolean> {
  const heard = Promise.withResolvers<boolean>();
  const socket = Socket.open(poller, "sub", { onMessage: () => heard.resolve(true) });
  const timer = setTimeout(() => heard.resolve(false), withinMs);
  try {
    socket.subscribe("/");
    socket.connect(connectable(endpoint, hostOf(broker)));
    return await heard.promise;
  } finally {
    clearTimeout(timer);
    await socket.close();
  }
}
