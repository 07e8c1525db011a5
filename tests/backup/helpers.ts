/** Backups for tests: arbitrary ones, and files of them. */

import fc from "fast-check";
import type { BackupHeader, BackupRecord } from "../../src/backup/format.ts";
import type { Entry } from "../../src/state/store.ts";
import { compareNames } from "../../src/backup/order.ts";
import { BackupWriter } from "../../src/backup/writer.ts";

export const HEADER: BackupHeader = {
  epoch: "5f0c6a1e-0000-4000-8000-000000000000",
  revision: 42,
  timeMs: Date.UTC(2026, 10, 24, 9),
  program: "0.1.0",
};

/** An entry's record with only what matters. */
export function entry(scope: string, key: string, value: unknown, revision = 7): BackupRecord {
  const timeMs = HEADER.timeMs;
  return {
    kind: "entry",
    scope,
    key,
    entry: { value: JSON.stringify(value), revision, created: revision, timeMs, source: "bus" },
  };
}

/** A scope's record. */
export function scope(name: string, revision = 7): BackupRecord {
  return { kind: "scope", scope: name, revision };
}

/** The record of what a key was. */
export function version(scope: string, key: string, value: unknown, revision = 6): BackupRecord {
  const timeMs = HEADER.timeMs;
  const version = { value: JSON.stringify(value), revision, timeMs, source: "bus" };
  return { kind: "version", scope, key, version };
}

/** Writes a backup. */
export async function write(
  path: string,
  records: readonly BackupRecord[],
  header: BackupHeader = HEADER,
): Promise<void> {
  await using writer = await BackupWriter.create(path, header);
  for (const record of records) await writer.write(record);
  await writer.finish();
}

const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 6 }).filter((text) =>
  text.isWellFormed()
);
const scopeNames = name.filter((text) => !/[\p{Cc}\s,'"`{/]/u.test(text));
const keys = name.filter((text) => !text.includes("\0"));
const times = fc.date({ min: new Date(0), max: new Date(8.64e15), noInvalidDate: true })
  .map(Number);
const revisions = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const entries = fc.record({
  value: fc.json(),
  revision: revisions,
  created: revisions,
  timeMs: times,
  source: fc.string({ unit: "grapheme" }),
  sourceTimeMs: times,
  note: fc.string({ unit: "grapheme" }),
  expiresMs: times,
}, { requiredKeys: ["value", "revision", "created", "timeMs", "source"], noNullPrototype: true });
const settings = fc.record({
  history: fc.nat({ max: 64 }),
  historyMs: fc.nat(),
  ttlMs: fc.nat(),
  keysMax: fc.nat(),
  bytesMax: fc.nat(),
  busCreate: fc.boolean(),
}, { requiredKeys: ["ttlMs"], noNullPrototype: true });

/** A key with what it is, or was until it was deleted, and what it was before. */
const pasts = fc.tuple(keys, entries, fc.boolean(), fc.array(entries, { maxLength: 3 }));

/** Any records that a backup can hold, in its order. */
export const arbitraryRecords: fc.Arbitrary<BackupRecord[]> = fc.uniqueArray(
  fc.tuple(
    scopeNames,
    fc.option(revisions, { nil: undefined }),
    fc.option(settings, { nil: undefined }),
    fc.uniqueArray(pasts, { selector: ([key]) => key, maxLength: 5 }),
  ),
  { selector: ([scope]) => scope, maxLength: 4 },
).map((scopes) =>
  scopes.sort(([a], [b]) => compareNames(a, b)).flatMap(([scope, revision, settings, ofScope]) => [
    { kind: "scope", scope, revision, ...(settings ? { settings } : {}) } as const,
    ...(revision === undefined ? [] : ofScope)
      .sort(([a], [b]) => compareNames(a, b))
      .flatMap(([key, last, isThere, past]) => keyRecords(scope, key, last, isThere, past)),
  ])
);

function keyRecords(
  scope: string,
  key: string,
  last: Entry,
  isThere: boolean,
  past: readonly Entry[],
): BackupRecord[] {
  const version = ({ revision, timeMs, source, value }: Entry) => (
    { kind: "version", scope, key, version: { revision, timeMs, source, value } } as const
  );
  const { value: _, ...deletion } = version(last).version;
  const first: BackupRecord = isThere
    ? { kind: "entry", scope, key, entry: last }
    : { kind: "version", scope, key, version: deletion };
  return [
    first,
    ...past.map((entry, i) => version({ ...entry, revision: last.revision - i - 1 }))
      .filter(({ version: { revision } }) => revision >= 0),
  ];
}
