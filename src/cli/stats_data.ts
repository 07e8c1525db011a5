/**
 * The numbers of a service at two moments, and what they come to. Pure, but for {@link takeSample}.
 *
 * @module
 */

import type { Asking } from "./asking.ts";
import { type HealthData, rejectedOf, type UpdateCounts } from "./health_data.ts";

/** Scopes that are looked at one by one; what one request may ask for. */
const SCOPES_MAX = 1000;

/** Numbers of a scope, as `describe-scope` tells them. */
export interface ScopeNumbers {
  readonly scope: string;
  readonly keys: number;
  readonly bytes: number;
  readonly revision: number;
  /** Time of its last change, where it is known. */
  readonly changed?: string;
  /** Since the service started. */
  readonly changes?: number;
}

/** The service at one moment. */
export interface Sample {
  /** By the monotonic clock of this process. */
  readonly atMs: number;
  readonly health: HealthData;
  /** The first 1000. */
  readonly scopes: readonly ScopeNumbers[];
}

/** What happens in a second. */
export interface Rates {
  readonly changes: number;
  readonly received: number;
  readonly stored: number;
  readonly rejected: number;
}

/** A scope, and what happens there in a second. */
export interface ScopeRow extends ScopeNumbers {
  readonly changesPerS: number;
  readonly receivedPerS: number;
  /** Updates that were rejected since the service started. */
  readonly rejected: number;
}

/** Asks the service for its numbers. */
export async function takeSample({ ask, askAll }: Asking): Promise<Sample> {
  const health = (await ask("health", {})).members.data as HealthData;
  const atMs = performance.now();
  const { scopes } = (await ask("list-scopes", { limit: SCOPES_MAX })).members.data as {
    scopes: readonly string[];
  };
  const asked = scopes.map((service) => ({ service }));
  const replies = asked.length === 0 ? [] : await askAll("describe-scope", asked);
  const described = replies.map(({ members }) =>
    members.data as ScopeNumbers & { exists: boolean }
  );
  // One may be gone since it was listed.
  return { atMs, health, scopes: described.filter((of) => of?.exists) };
}

/**
 * What happened in a second between two samples. All 0 when the service was started anew meanwhile.
 *
 * @example
 * ```ts
 * ratesOf(before, after).changes; // 12.5
 * ```
 */
export function ratesOf(before: Sample, after: Sample): Rates {
  const perS = perSecond(before, after);
  const [was, is] = [before.health.bus ?? NONE, after.health.bus ?? NONE];
  return {
    changes: perS(before.health.revision, after.health.revision),
    received: perS(was.received, is.received),
    stored: perS(was.stored, is.stored),
    rejected: perS(rejectedOf(was), rejectedOf(is)),
  };
}

/** The scopes, those that change most first, then those that changed last. */
export function rowsOf(before: Sample, after: Sample): ScopeRow[] {
  const perS = perSecond(before, after);
  const was = new Map(before.scopes.map((of) => [of.scope, of]));
  const [busWas, busIs] = [before.health.bus?.scopes ?? {}, after.health.bus?.scopes ?? {}];
  return after.scopes.map((of) => ({
    ...of,
    changesPerS: perS(was.get(of.scope)?.changes ?? 0, of.changes),
    receivedPerS: perS(countsOf(busWas, of.scope).received, countsOf(busIs, of.scope).received),
    rejected: rejectedOf(countsOf(busIs, of.scope)),
  })).sort((a, b) =>
    b.changesPerS - a.changesPerS || (b.changed ?? "").localeCompare(a.changed ?? "") ||
    (a.scope < b.scope ? -1 : 1)
  );
}

const NONE: UpdateCounts = { received: 0, stored: 0, pending: 0, rejected: {} };

/** Names such as `__proto__` are names like any other. */
function countsOf(scopes: Readonly<Record<string, UpdateCounts>>, scope: string): UpdateCounts {
  return Object.hasOwn(scopes, scope) ? scopes[scope]! : NONE;
}

function perSecond(before: Sample, after: Sample) {
  const seconds = (after.atMs - before.atMs) / 1000;
  const isSame = before.health.epoch === after.health.epoch &&
    (before.health.uptime_s ?? 0) <= (after.health.uptime_s ?? 0);
  return (from = 0, to = 0) => isSame && seconds > 0 ? Math.max(0, to - from) / seconds : 0;
}

/** A rate for people: `0`, `0.5`, `12`. */
export function rateText(perS: number): string {
  return perS === 0 ? "0" : perS < 10 ? perS.toFixed(1) : String(Math.round(perS));
}

/**
 * How long ago something was, for people: `3 s`, `5 min`, `2 h`, `4 d`.
 *
 * @param now By the same clock as `time`: the service's.
 */
export function ageText(time: string | undefined, now: string | undefined): string {
  if (time === undefined || now === undefined) return "unknown";
  const seconds = Math.max(0, Math.round((Date.parse(now) - Date.parse(time)) / 1000));
  return durationText(seconds);
}

/** Seconds for people. */
export function durationText(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}
