/** A step plot of the versions of a number. */

import { h, svg } from "./dom.js";
import { FRAME, layOut, pointAt } from "./steps.js";
import { clock, moment } from "./words.js";

/** @import { Measured, Point } from "./types.ts" */

const { width: WIDTH, height: HEIGHT, left: LEFT, right: RIGHT, top: TOP, bottom: BOTTOM } = FRAME;

/** Versions beyond which only the last one has a dot. */
const DOTS_MAX = 60;

/**
 * The plot of versions.
 *
 * @param {readonly Measured[]} versions Oldest first.
 * @param {string} label What a screen reader is told before the numbers.
 */
export function plot(versions, label, nowMs = Date.now()) {
  const { low, high, last, startMs, endMs, points, path, ticks } = layOut(versions, nowMs);
  const sentence =
    `${label}: ${versions.length} versions, lowest ${low}, highest ${high}, last ${last}`;
  const picture = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    role: "img",
    "aria-label": sentence,
  });
  for (const { number, y } of ticks) {
    picture.append(
      svg("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y, y2: y, class: "grid" }),
      svg("text", { x: LEFT - 8, y: y + 4, class: "tick end" }, String(number)),
    );
  }
  const base = HEIGHT - 6;
  picture.append(
    svg("text", { x: LEFT, y: base, class: "tick" }, spanLabel(startMs, endMs)),
    svg("text", { x: WIDTH - RIGHT, y: base, class: "tick end" }, clock(endMs)),
    svg("path", { d: path, class: "steps" }),
  );
  const set = points.filter(({ y }) => y !== undefined);
  const [dots, radius] = points.length < DOTS_MAX ? [set, 2.2] : [set.slice(-1), 3];
  for (const { x, y } of dots) {
    picture.append(svg("circle", { cx: x, cy: y, r: radius, class: "dot" }));
  }
  return h("figure", { className: "plot" }, picture, pointer(picture, versions, points));
}

/**
 * @param {number} startMs
 * @param {number} endMs
 */
function spanLabel(startMs, endMs) {
  return endMs - startMs > 24 * 3_600_000 ? moment(startMs).slice(0, 16) : clock(startMs);
}

/**
 * What the value was where the pointer is.
 *
 * @param {SVGSVGElement} picture
 * @param {readonly Measured[]} versions
 * @param {readonly Point[]} points
 */
function pointer(picture, versions, points) {
  const line = svg("line", { y1: TOP, y2: HEIGHT - BOTTOM, class: "cursor", visibility: "hidden" });
  picture.append(line);
  const caption = h("figcaption", { className: "muted" }, "\u00a0");
  picture.addEventListener("pointermove", (event) => {
    const box = picture.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * WIDTH;
    line.setAttribute("x1", String(x));
    line.setAttribute("x2", String(x));
    line.setAttribute("visibility", "visible");
    const { timeMs, number } = versions[pointAt(points, x)];
    caption.textContent = `${number ?? "deleted"} since ${moment(timeMs)}`;
  });
  picture.addEventListener("pointerleave", () => {
    line.setAttribute("visibility", "hidden");
    caption.textContent = "\u00a0";
  });
  return caption;
}
