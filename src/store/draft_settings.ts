/**
 * Options of scopes, within a commit in the making.
 *
 * @module
 */

import {
  changedSettings,
  optionMembers,
  optionsWith,
  type ScopeOptions,
  type ScopeSettings,
  type SettingsChange,
} from "../state/scope_options.ts";
import type { Undo } from "./draft_types.ts";
import type { Mirror } from "./mirror.ts";
import { boundConfigured } from "./refusals.ts";

/** The options of one draft. */
export class DraftSettings {
  readonly #mirror: Mirror;
  readonly #defaults: ScopeOptions;
  readonly #writes = new Map<string, ScopeSettings>();
  /** Scopes among them that had none. */
  #added = 0;

  /** @param defaults What holds where nothing else was set. */
  constructor(mirror: Mirror, defaults: ScopeOptions) {
    this.#mirror = mirror;
    this.#defaults = defaults;
  }

  /** What is in force for `scope`. */
  optionsOf(scope: string): ScopeOptions {
    return optionsWith(this.#defaults, this.#settingsOf(scope));
  }

  /** Settings to be written; undefined where nothing is set any more. */
  get writes(): ReadonlyMap<string, ScopeSettings | undefined> {
    return new Map([...this.#writes].map(([name, of]) => [name, isEmpty(of) ? undefined : of]));
  }

  /** Number of {@link writes}. */
  get writeCount(): number {
    return this.#writes.size;
  }

  /**
   * Changes the settings of `scope`.
   *
   * @returns What is set now, as JSON; undefined when that is what it was.
   * @throws {PlantdError} `quota_exceeded` when too many scopes have settings.
   */
  change(scope: string, change: SettingsChange, undo: Undo): string | undefined {
    const before = this.#settingsOf(scope);
    const after = changedSettings(before ?? {}, change);
    const text = JSON.stringify(optionMembers(after));
    if (text === JSON.stringify(optionMembers(before ?? {}))) return undefined;
    const isNew = !this.#writes.has(scope) && !this.#mirror.settings(scope);
    if (isNew) boundConfigured(this.#mirror.configuredCount + this.#added);
    const written = this.#writes.get(scope);
    this.#writes.set(scope, after);
    this.#added += Number(isNew);
    undo.push(() => {
      this.#added -= Number(isNew);
      if (written) this.#writes.set(scope, written);
      else this.#writes.delete(scope);
    });
    return text;
  }

  /** Brings the mirror to where the disk is now. */
  merge(): void {
    for (const [name, settings] of this.writes) this.#mirror.putSettings(name, settings);
  }

  #settingsOf(scope: string): ScopeSettings | undefined {
    return this.#writes.get(scope) ?? this.#mirror.settings(scope);
  }
}

function isEmpty(settings: ScopeSettings): boolean {
  return Object.keys(settings).length === 0;
}
