/**
 * Times as people write them: `500ms`, `5s`, `15m`, `1h`, `7d`.
 *
 * @module
 */

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * A time in milliseconds; a bare number is seconds. Undefined if it is none.
 *
 * @example
 * ```ts
 * parseDuration("1.5h"); // 5_400_000
 * ```
 */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d)?$/.exec(text);
  if (!match) return undefined;
  return Number(match[1]) * UNIT_MS[(match[2] ?? "s") as keyof typeof UNIT_MS];
}
