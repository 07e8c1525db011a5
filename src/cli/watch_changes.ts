/**
 * What `state watch -- COMMAND` calls a change: what happens to a key after the first look, and, when the
 * watcher had to load anew, what differs from before. Pure.
 *
 * @module
 */

import { VALUE_ENVIRONMENT_BYTES_MAX } from "../limits.ts";
import { JsonText, stringify } from "../state/json.ts";
import type { FollowEvent } from "../watch/follower.ts";

/** A change of one key. */
export type KeyChange = Extract<FollowEvent, { kind: "set" | "delete" }>;

/**
 * Turns what a watcher tells into changes.
 *
 * @example
 * ```ts
 * const changes = new Changes();
 * watcherEvents.flatMap((event) => changes.take(event)); // nothing up to the first `synced`
 * ```
 */
export class Changes {
  /** Keys and JSON texts as they were last told. */
  #known: Map<string, string> | undefined;
  /** What is being loaded; undefined while changes come one by one. */
  #loading: Map<string, KeyChange> | undefined;

  /** What changed by `event`. */
  take(event: FollowEvent): readonly KeyChange[] {
    switch (event.kind) {
      case "reset":
        this.#loading = new Map();
        return [];
      case "synced":
        return this.#synced(event.revision);
      case "set":
        if (this.#loading) this.#loading.set(event.key, event);
        else this.#known?.set(event.key, event.value);
        return this.#loading ? [] : [event];
      case "delete":
        this.#known?.delete(event.key);
        return [event];
    }
  }

  /** A change that was missed is the difference between two copies. */
  #synced(revision: number): KeyChange[] {
    const [before, loaded] = [this.#known, this.#loading ?? new Map<string, KeyChange>()];
    this.#known = new Map();
    this.#loading = undefined;
    const changes: KeyChange[] = [];
    for (const [key, change] of loaded) {
      const { value } = change as Extract<KeyChange, { kind: "set" }>;
      this.#known.set(key, value);
      if (before && before.get(key) !== value) changes.push(change);
    }
    for (const key of before?.keys() ?? []) {
      if (!loaded.has(key)) changes.push({ kind: "delete", key, revision });
    }
    return changes;
  }
}

/** What a command is told of a change in its environment; see the README for what each means. */
export function environmentOf(scope: string, change: KeyChange): Record<string, string> {
  const json = change.kind === "set" ? change.value : "";
  const text = json.startsWith('"') ? JSON.parse(json) as string : json;
  return {
    PLANTD_OPERATION: change.kind,
    PLANTD_SCOPE: scope,
    PLANTD_KEY: change.key,
    PLANTD_REVISION: String(change.revision),
    PLANTD_VALUE: fits(text) ? text : "",
    PLANTD_VALUE_JSON: fits(json) ? json : "",
  };
}

/** A watcher's event as a line of JSON, its value to the letter. */
export function eventJson(event: FollowEvent): string {
  const { kind, ...rest } = event;
  const value = "value" in event ? { value: new JsonText(event.value) } : {};
  return stringify({ event: kind, ...rest, ...value });
}

/** Whether the environment of a process can hold it. */
function fits(text: string): boolean {
  return !text.includes("\0") &&
    new TextEncoder().encode(text).length <= VALUE_ENVIRONMENT_BYTES_MAX;
}
