/**
 * Which scopes the service listens for on the bus: those there are, and those that an update may make.
 *
 * @module
 */

import type { Change, Store } from "../state/store.ts";

/** The part of a subscriber that is told. */
interface Listener {
  add(scope: string): void;
  remove(scope: string): void;
}

/** The scopes to begin with. */
export function scopesToHear(store: Store): string[] {
  const awaited = store.configuredScopes().filter((scope) => store.scopeOptions(scope).busCreate);
  return [...store.scopes(), ...awaited];
}

/** Scopes that come, or may come, are listened for at once, others no longer. */
export function followScopes(store: Store, listener: Listener, changes: readonly Change[]): void {
  for (const { operation, scope } of changes) {
    if (operation === "set" || operation === "delete") continue;
    const isWanted = store.hasScope(scope) || store.scopeOptions(scope).busCreate;
    if (isWanted) listener.add(scope);
    else listener.remove(scope);
  }
}
