/**
 * The options of a scope: what is kept of the past, how long values live, how large it may become.
 *
 * @module
 */

import { HISTORY_MAX, SCOPE_MS_MAX } from "../limits.ts";
import { type JsonObject, kindOf } from "./json.ts";
import { invalid } from "./names.ts";

/** What is in force for a scope. */
export interface ScopeOptions {
  /** Earlier values kept of each key. */
  readonly history: number;
  /** How old an earlier value becomes, in milliseconds; 0 for any age. */
  readonly historyMs: number;
  /** How long a value lives whose writer does not say, in milliseconds; 0 for ever. */
  readonly ttlMs: number;
  /** Most keys; 0 for no bound. */
  readonly keysMax: number;
  /** Most UTF-8 bytes of keys and values; 0 for no bound. */
  readonly bytesMax: number;
  /** Whether an update from the bus creates the scope when there is none. */
  readonly busCreate: boolean;
}

/** Options set for one scope; the others are the service's. */
export type ScopeSettings = Partial<ScopeOptions>;

/** What is to be set; null takes a setting back. */
export type SettingsChange = { readonly [K in keyof ScopeOptions]?: ScopeOptions[K] | null };

/** What the options are called on the wire; of numbers the largest. */
const FIELDS: readonly (readonly [keyof ScopeOptions, field: string, max: number | undefined])[] = [
  ["history", "history", HISTORY_MAX],
  ["historyMs", "history_ms", SCOPE_MS_MAX],
  ["ttlMs", "ttl_ms", SCOPE_MS_MAX],
  ["keysMax", "keys_max", Number.MAX_SAFE_INTEGER],
  ["bytesMax", "bytes_max", Number.MAX_SAFE_INTEGER],
  ["busCreate", "bus_create", undefined],
];

/**
 * The options in a request.
 *
 * @throws {PlantdError} `invalid_request` that names the field, also when there is none.
 *
 * @example
 * ```ts
 * readSettings(parseObject(utf8('{"history":4,"ttl_ms":null}'))); // { history: 4, ttlMs: null }
 * ```
 */
export function readSettings(body: JsonObject): SettingsChange {
  const settings: Record<string, number | boolean | null> = {};
  for (const [name, field, max] of FIELDS) {
    const value = body.members[field];
    if (value === undefined) continue;
    settings[name] = value === null ? null : readSetting(field, value, max);
  }
  if (Object.keys(settings).length > 0) return settings;
  const fields = FIELDS.map(([, field]) => field).join(", ");
  throw invalid("history", `at least one of ${fields} is needed, found none`);
}

function readSetting(field: string, value: unknown, max: number | undefined): number | boolean {
  if (max !== undefined) return readWhole(field, value, max);
  if (typeof value === "boolean") return value;
  throw invalid(field, `true, false or null is needed, found ${kindOf(value)}`);
}

function readWhole(field: string, value: unknown, max: number): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max) {
    return value as number;
  }
  const found = typeof value === "number" ? String(value) : kindOf(value);
  throw invalid(field, `a whole number from 0 to ${max} is needed, found ${found}`);
}

/** Field `ttl_ms`: how long a value lives, 0 for ever. */
export function readTtl(body: JsonObject): { readonly ttlMs?: number } {
  const { ttl_ms: ttlMs } = body.members;
  if (ttlMs === undefined || ttlMs === null) return {};
  return { ttlMs: readWhole("ttl_ms", ttlMs, SCOPE_MS_MAX) };
}

/** Options as members of a reply. */
export function optionMembers(options: ScopeSettings): Readonly<Record<string, number | boolean>> {
  const members: Record<string, number | boolean> = {};
  for (const [name, field] of FIELDS) {
    const value = options[name];
    if (value !== undefined) members[field] = value;
  }
  return members;
}

/** What is in force where `settings` were set over `defaults`; no new object where none were. */
export function optionsWith(
  defaults: ScopeOptions,
  settings: ScopeSettings | undefined,
): ScopeOptions {
  return settings ? { ...defaults, ...settings } : defaults;
}

/** `settings` with `change` applied. */
export function changedSettings(settings: ScopeSettings, change: SettingsChange): ScopeSettings {
  const all = Object.entries({ ...settings, ...change }).filter(([, value]) => value !== null);
  return Object.fromEntries(all);
}
