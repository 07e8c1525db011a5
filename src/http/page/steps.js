/** Where the steps of a plot go: a value holds until the next one comes. */

/** @import { Measured, Point } from "./types.ts" */

/** The picture, in pixels, and what its edges leave for the steps. */
export const FRAME = { width: 640, height: 190, left: 56, right: 14, top: 12, bottom: 24 };

/**
 * Round numbers from about `low` to about `high`, at most six.
 *
 * @param {number} low
 * @param {number} high
 */
export function ticks(low, high) {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) return [low];
  const raw = span / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5].find((times) => times * power >= raw) ?? 10);
  const first = Math.ceil(low / step);
  const count = Math.min(6, Math.floor(high / step) - first + 1);
  return Array.from(
    { length: Math.max(count, 0) },
    (_, i) => Number(((first + i) * step).toPrecision(12)),
  );
}

/**
 * The path of the steps.
 *
 * @param {readonly Point[]} points Oldest first.
 * @param {number} endX Until where the last value holds.
 */
export function stepPath(points, endX) {
  let path = "";
  let isDown = false;
  for (const { x, y } of points) {
    const at = x.toFixed(1);
    if (isDown) path += `H${at}`;
    if (y === undefined) isDown = false;
    else {
      path += isDown ? `V${y.toFixed(1)}` : `M${at} ${y.toFixed(1)}`;
      isDown = true;
    }
  }
  return isDown ? `${path}H${endX.toFixed(1)}` : path;
}

/**
 * Where everything of a plot goes.
 *
 * @param {readonly Measured[]} versions Oldest first, at least one.
 * @param {number} nowMs Until when the last value holds.
 */
export function layOut(versions, nowMs) {
  const { width, height, left, right, top, bottom } = FRAME;
  const numbers = versions.map(({ number }) => number ?? NaN).filter(Number.isFinite);
  const low = Math.min(...numbers);
  const high = Math.max(...numbers);
  const pad = high > low ? (high - low) * 0.08 : Math.abs(high) * 0.05 || 1;
  const startMs = versions[0].timeMs;
  const endMs = Math.max(nowMs, ...versions.slice(-1).map(({ timeMs }) => timeMs), startMs + 1);
  /** @param {number} ms */
  const xOf = (ms) => left + (ms - startMs) / (endMs - startMs) * (width - left - right);
  /** @param {number} number */
  const yOf = (number) =>
    top + (high + pad - number) / (high - low + 2 * pad) * (height - top - bottom);
  const points = versions.map(({ timeMs, number }) => ({
    x: xOf(timeMs),
    y: number !== undefined && Number.isFinite(number) ? yOf(number) : undefined,
  }));
  return {
    low,
    high,
    last: numbers.at(-1),
    startMs,
    endMs,
    points,
    path: stepPath(points, xOf(endMs)),
    ticks: ticks(low - pad, high + pad).map((number) => ({ number, y: yOf(number) })),
  };
}

/**
 * Which of `points` holds at `x`.
 *
 * @param {readonly Point[]} points Oldest first.
 * @param {number} x
 */
export function pointAt(points, x) {
  return Math.max(0, points.findLastIndex((point) => point.x <= x));
}
