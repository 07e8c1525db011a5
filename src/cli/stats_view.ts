/**
 * The numbers of a service as people read them, for `stats` and `top`. Pure.
 *
 * @module
 */

import { bytesText, rejectedOf } from "./health_data.ts";
import {
  ageText,
  durationText,
  ratesOf,
  rateText,
  rowsOf,
  type Sample,
  type ScopeRow,
} from "./stats_data.ts";
import { columns, harmlessText } from "./table.ts";

const HEADER = ["SCOPE", "KEYS", "BYTES", "CHANGES/S", "RECEIVED/S", "REJECTED", "CHANGED"];
const NUMBERS = [1, 2, 3, 4, 5, 6];

/** The service as a whole: names and what they are. */
export function summaryOf(before: Sample, after: Sample): Record<string, string> {
  const { health } = after;
  const { worker, bus, disk = {} } = health;
  const rates = ratesOf(before, after);
  const version = health.version ?? "of unknown version";
  const texts = {
    service: `${health.status}, ${version}, up ${durationText(health.uptime_s ?? 0)}`,
    store: `revision ${health.revision}, ${health.keys} keys in ${health.scopes} scopes, ` +
      `${rateText(rates.changes)} changes/s, ${health.commits_pending ?? 0} waiting`,
    ...(bus === undefined ? {} : {
      bus: `${bus.connected ? "connected" : "NOT connected"}, ` +
        `${rateText(rates.received)} received/s, ${rateText(rates.stored)} stored/s, ` +
        `${bus.pending} waiting, ${rejectedOf(bus)} rejected (${rateText(rates.rejected)}/s)`,
    }),
    ...(worker === undefined ? {} : {
      lanes: `${worker.connected} of ${worker.lanes} with a broker (${worker.dialect}), ` +
        `${worker.busy} busy, ${worker.reconnects} reconnects`,
    }),
    feed: health.feed ?? "switched off",
    disk: `${bytesText(disk.database_bytes)} and ${bytesText(disk.wal_bytes)} of log, ` +
      `${bytesText(disk.free_bytes)} free`,
  };
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, harmlessText(text)]),
  );
}

/** The scopes as a table. */
export function scopeTable(rows: readonly ScopeRow[], now: string | undefined, isTerminal = true) {
  const cells = rows.map((row) => [
    row.scope,
    String(row.keys),
    isTerminal ? bytesText(row.bytes) : String(row.bytes),
    rateText(row.changesPerS),
    rateText(row.receivedPerS),
    String(row.rejected),
    isTerminal ? ageText(row.changed, now) : row.changed ?? "unknown",
  ]);
  return columns(HEADER, cells, { isTerminal, right: NUMBERS });
}

/**
 * A screen of `top`.
 *
 * @param notice What is wrong at the moment; undefined while nothing is.
 */
export function screenOf(
  before: Sample,
  after: Sample,
  size: { readonly columns: number; readonly rows: number },
  notice?: string,
): string[] {
  const summary = Object.entries(summaryOf(before, after))
    .map(([name, text]) => `${name.padEnd(9)}${text}`);
  const head = [
    ...summary,
    notice === undefined ? "q or Ctrl-C ends it" : harmlessText(notice),
    "",
  ];
  const room = Math.max(1, size.rows - head.length - 1);
  const table = scopeTable(rowsOf(before, after).slice(0, room), after.health.time).split("\n");
  return [...head, ...table].slice(0, size.rows)
    .map((line) => [...line].slice(0, size.columns).join(""));
}

/** All numbers as members of a JSON object. */
export function numbersOf(before: Sample, after: Sample): Readonly<Record<string, unknown>> {
  const { changes, received, stored, rejected } = ratesOf(before, after);
  const { bus, scopes, keys, ...health } = after.health;
  const { scopes: _byScope, ...totals } = bus ?? { scopes: {} };
  return {
    ...health,
    keys,
    bus: totals,
    rates: {
      seconds: (after.atMs - before.atMs) / 1000,
      changes_per_s: changes,
      received_per_s: received,
      stored_per_s: stored,
      rejected_per_s: rejected,
    },
    scope_count: scopes,
    scopes: rowsOf(before, after).map((row) => ({
      scope: row.scope,
      keys: row.keys,
      bytes: row.bytes,
      revision: row.revision,
      changed: row.changed,
      changes_per_s: row.changesPerS,
      received_per_s: row.receivedPerS,
      rejected: row.rejected,
    })),
  };
}
