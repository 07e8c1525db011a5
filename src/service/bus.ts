/**
 * The service's ear on the bus: updates come in, on the topics of the scopes there are and of those that
 * an update may make.
 *
 * @module
 */

import { openEnvelope } from "../bus/envelope.ts";
import { Intake } from "../bus/intake.ts";
import { Subscriber } from "../bus/subscriber.ts";
import type { StateConfig } from "../config/schema.ts";
import { SCOPE_BYTES_MAX } from "../limits.ts";
import type { Log } from "../log.ts";
import { Ingest } from "../state/ingest.ts";
import type { Change, Store } from "../state/store.ts";
import type { Poller } from "../zmq/poller.ts";

/** What is needed to listen. */
export interface BusOptions {
  readonly poller: Poller;
  readonly store: Store;
  readonly config: Pick<StateConfig, "bus" | "limits">;
  /** Told of each rejection. */
  readonly log: Log;
  /** Owns what is opened. */
  readonly parts: AsyncDisposableStack;
}

/**
 * Begins to listen; the bus may come later.
 *
 * @throws {PlantdError} `endpoint_in_use`, `endpoint_invalid`.
 */
export async function listenToBus(
  { poller, store, config, log, parts }: BusOptions,
): Promise<{ readonly ingest: Ingest; readonly subscriber: Subscriber }> {
  const { bus, limits } = config;
  const ingest = new Ingest({
    store,
    valueBytesMax: limits.valueBytes,
    queueMax: bus.queue,
    defaultScope: bus.defaultScope,
    coalesce: bus.coalesce,
    onRejected: (scope, reason, sentence) =>
      log.debug("update rejected", { scope: scope.slice(0, SCOPE_BYTES_MAX), reason, sentence }),
  });
  const onMessage = (frames: readonly Uint8Array[]) => takeUpdate(ingest, frames);
  const subscriber = parts.use(
    await Subscriber.start({
      poller,
      endpoint: bus.endpoint,
      scopes: scopesToHear(store),
      everything: bus.createScopes,
      onMessage,
    }),
  );
  parts.defer(store.watch((changes) => followScopes(store, subscriber, changes)));
  if (bus.pull !== undefined) {
    const { address } = parts.use(
      await Intake.bind({
        poller,
        address: bus.pull.address,
        isFull: () => ingest.isBusy,
        onMessage,
      }),
    );
    log.info("updates are pulled", { address });
  }
  return { ingest, subscriber };
}

function takeUpdate(ingest: Ingest, frames: readonly Uint8Array[]): void {
  const envelope = openEnvelope(frames);
  if (typeof envelope === "string") return ingest.refuse(envelope);
  for (const body of envelope.bodies) ingest.take(envelope.scope, body);
}

/** The scopes to begin with: those there are, and those that an update may make. */
function scopesToHear(store: Store): string[] {
  const awaited = store.configuredScopes().filter((scope) => store.scopeOptions(scope).busCreate);
  return [...store.scopes(), ...awaited];
}

/** Scopes that come, or may come, are listened for at once, others no longer. */
function followScopes(store: Store, subscriber: Subscriber, changes: readonly Change[]): void {
  for (const { operation, scope } of changes) {
    if (operation === "set" || operation === "delete") continue;
    const isWanted = store.hasScope(scope) || store.scopeOptions(scope).busCreate;
    if (isWanted) subscriber.add(scope);
    else subscriber.remove(scope);
  }
}
