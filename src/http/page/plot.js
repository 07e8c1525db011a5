/** A step plot: a value holds until the next one comes. */

import { h, svg } from "./dom.js";
import { clock, moment } from "./words.js";

const WIDTH = 640;
const HEIGHT = 190;
const LEFT = 56;
const RIGHT = 14;
const TOP = 12;
const BOTTOM = 24;

/** Round numbers from about `low` to about `high`, at most six. */
export function ticks(low, high) {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) return [low];
  const raw = span / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((times) => times * power).find((one) => one >= raw);
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
 * @param points Oldest first, `{ x, y }` in pixels; a gap (a key that was deleted) has no `y`.
 * @param endX Until where the last value holds.
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
 * The plot of versions.
 *
 * @param versions Oldest first, `{ timeMs, number }`; `number` is undefined where the key was deleted.
 * @param label What a screen reader is told before the numbers.
 */
export function plot(versions, label, nowMs = Date.now()) {
  const numbers = versions.map(({ number }) => number).filter((number) => Number.isFinite(number));
  const low = Math.min(...numbers);
  const high = Math.max(...numbers);
  const pad = high > low ? (high - low) * 0.08 : Math.abs(high) * 0.05 || 1;
  const startMs = versions[0].timeMs;
  const endMs = Math.max(nowMs, versions.at(-1).timeMs, startMs + 1);
  const xOf = (ms) => LEFT + (ms - startMs) / (endMs - startMs) * (WIDTH - LEFT - RIGHT);
  const yOf = (number) =>
    TOP + (high + pad - number) / (high - low + 2 * pad) * (HEIGHT - TOP - BOTTOM);
  const points = versions.map(({ timeMs, number }) => ({
    x: xOf(timeMs),
    y: Number.isFinite(number) ? yOf(number) : undefined,
  }));
  const sentence = `${label}: ${versions.length} versions, lowest ${low}, highest ${high}, last ${
    numbers.at(-1)
  }`;
  const picture = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    role: "img",
    "aria-label": sentence,
  });
  for (const tick of ticks(low - pad, high + pad)) {
    const y = yOf(tick);
    picture.append(
      svg("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y, y2: y, class: "grid" }),
      svg("text", { x: LEFT - 8, y: y + 4, class: "tick end" }, String(tick)),
    );
  }
  const base = HEIGHT - 6;
  picture.append(
    svg("text", { x: LEFT, y: base, class: "tick" }, spanLabel(startMs, endMs)),
    svg("text", { x: WIDTH - RIGHT, y: base, class: "tick end" }, clock(endMs)),
    svg("path", { d: stepPath(points, xOf(endMs)), class: "steps" }),
  );
  const last = points.findLast(({ y }) => y !== undefined);
  if (points.length < 60) {
    for (const { x, y } of points) {
      if (y !== undefined) picture.append(svg("circle", { cx: x, cy: y, r: 2.2, class: "dot" }));
    }
  } else if (last) picture.append(svg("circle", { cx: last.x, cy: last.y, r: 3, class: "dot" }));
  return h("figure", { className: "plot" }, picture, pointer(picture, versions, points));
}

function spanLabel(startMs, endMs) {
  return endMs - startMs > 24 * 3_600_000 ? moment(startMs).slice(0, 16) : clock(startMs);
}

/** What the value was where the pointer is. */
function pointer(picture, versions, points) {
  const line = svg("line", { y1: TOP, y2: HEIGHT - BOTTOM, class: "cursor", visibility: "hidden" });
  picture.append(line);
  const caption = h("figcaption", { className: "muted" }, "\u00a0");
  picture.addEventListener("pointermove", (event) => {
    const box = picture.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * WIDTH;
    const at = Math.max(0, points.findLastIndex((point) => point.x <= x));
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    line.setAttribute("visibility", "visible");
    const { timeMs, number } = versions[at];
    caption.textContent = `${number ?? "deleted"} since ${moment(timeMs)}`;
  });
  picture.addEventListener("pointerleave", () => {
    line.setAttribute("visibility", "hidden");
    caption.textContent = "\u00a0";
  });
  return caption;
}
