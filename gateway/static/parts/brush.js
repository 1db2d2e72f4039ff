/** The whole recording as a strip on which the range of time that the charts show is chosen. */

import { span } from "../lib/curves.js";
import { h } from "../lib/dom.js";
import { clock } from "../lib/format.js";
import { t } from "../texts.js";

const POINTS = 1200;
/** Share of the strip that a drag has to cover, or it is a click. */
const LEAST_DRAG = 0.005;
const SVG = "http://www.w3.org/2000/svg";

/**
 * A strip with the curves of the joint, the chosen range with a handle at either end, and buttons that zoom. Dragging
 * beside the range chooses another one, dragging in it moves it; arrow keys move a handle.
 * @param {import("../lib/axes.js").TimeAxis} axis
 * @param {import("../lib/playhead.js").Playhead} playhead
 * @param {AbortSignal} signal
 */
export function brush(axis, playhead, signal) {
  const [from, to] = [handle(axis, "start"), handle(axis, "end")];
  const line = h("div", { class: "strip-line" });
  const chosen = h("div", { class: "chosen-range" }, from, to);
  const drawing = document.createElementNS(SVG, "svg");
  const strip = h("div", { class: "strip" }, drawing, chosen, line);
  const share = (/** @type {number} */ time) => (time - playhead.start) / (playhead.end - playhead.start || 1);
  const all = h("button", { type: "button", onclick: () => axis.showAll() }, t("zoom_all"));
  const show = () => {
    chosen.style.left = `${100 * share(axis.start)}%`;
    chosen.style.width = `${100 * (share(axis.end) - share(axis.start))}%`;
    chosen.classList.toggle("whole", axis.isWhole);
    all.toggleAttribute("disabled", axis.isWhole);
    for (const [each, time] of /** @type {[HTMLElement, number][]} */ ([
      [from, axis.start],
      [to, axis.end],
    ])) {
      each.setAttribute("aria-valuenow", time.toFixed(2));
      each.setAttribute("aria-valuetext", clock(time));
    }
  };
  const move = () => (line.style.left = `${100 * share(playhead.time)}%`);
  axis.addEventListener("range", show, { signal });
  playhead.addEventListener("change", move, { signal });
  drag(strip, axis, playhead);
  show();
  move();
  const zoom = (/** @type {number} */ factor) => () => axis.zoom(factor, axis.isWhole ? playhead.time : undefined);
  const element = h(
    "div",
    { class: "brush", role: "group", "aria-label": t("zoom") },
    strip,
    h(
      "button",
      { type: "button", class: "round", "aria-label": t("zoom_in"), title: t("zoom_in"), onclick: zoom(0.5) },
      "+",
    ),
    h(
      "button",
      { type: "button", class: "round", "aria-label": t("zoom_out"), title: t("zoom_out"), onclick: zoom(2) },
      "−",
    ),
    all,
  );
  /** @param {import("../lib/curves.js").Curve[]} curves */
  const draw = (curves) => sketch(drawing, curves, share);
  return { element, draw };
}

/** @param {import("../lib/axes.js").TimeAxis} axis @param {"start" | "end"} end */
function handle(axis, end) {
  const { start: least, end: most } = axis.playhead;
  const keydown = (/** @type {KeyboardEvent} */ event) => {
    const steps = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!steps) return;
    event.preventDefault();
    event.stopPropagation(); // the playhead listens to the same keys
    const moved = axis[end] + steps * Math.max((axis.end - axis.start) / 20, 0.02);
    if (end === "start") axis.show(Math.min(moved, axis.end), axis.end);
    else axis.show(axis.start, Math.max(moved, axis.start));
  };
  return h("div", {
    class: `handle ${end}`,
    role: "slider",
    tabindex: 0,
    "aria-label": t(`zoom_${end}`),
    "aria-valuemin": least,
    "aria-valuemax": most,
    onkeydown: keydown,
  });
}

/** @param {HTMLElement} strip @param {import("../lib/axes.js").TimeAxis} axis @param {import("../lib/playhead.js").Playhead} playhead */
function drag(strip, axis, playhead) {
  const timeAt = (/** @type {PointerEvent} */ event) => {
    const { left, width } = strip.getBoundingClientRect();
    const share = Math.min(Math.max((event.clientX - left) / width, 0), 1);
    return playhead.start + share * (playhead.end - playhead.start);
  };
  /** What a movement to this time does. @type {((time: number) => void) | null} */
  let moved = null;
  strip.addEventListener("pointerdown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const [first, start, end] = [timeAt(event), axis.start, axis.end];
    strip.setPointerCapture(event.pointerId);
    if (target.matches(".handle.start")) moved = (time) => time < end && axis.show(time, end);
    else if (target.matches(".handle.end")) moved = (time) => time > start && axis.show(start, time);
    else if (target.matches(".chosen-range") && !axis.isWhole)
      moved = (time) => axis.show(start + time - first, end + time - first);
    else {
      const least = LEAST_DRAG * (playhead.end - playhead.start);
      moved = (time) => Math.abs(time - first) > least && axis.show(Math.min(first, time), Math.max(first, time));
    }
  });
  strip.addEventListener("pointermove", (event) => moved?.(timeAt(event)));
  for (const name of ["pointerup", "pointercancel"]) strip.addEventListener(name, () => (moved = null));
}

/** A thin line for each curve: enough to find one's way. @param {SVGSVGElement} drawing @param {import("../lib/curves.js").Curve[]} curves @param {(time: number) => number} share */
function sketch(drawing, curves, share) {
  const [low, high] = span(curves.map(({ spread: _, ...curve }) => curve));
  drawing.setAttribute("viewBox", "0 0 1 1");
  drawing.setAttribute("preserveAspectRatio", "none");
  drawing.setAttribute("aria-hidden", "true");
  const paths = curves.map(({ times, values, colour }) => {
    const step = Math.max(1, Math.floor(times.length / POINTS));
    let path = "";
    let pen = "M";
    for (let index = 0; index < times.length; index += step) {
      const known = !Number.isNaN(values[index]);
      if (known)
        path += `${pen}${share(times[index]).toFixed(4)} ${((high - values[index]) / (high - low)).toFixed(3)}`;
      pen = known ? "L" : "M";
    }
    const line = document.createElementNS(SVG, "path");
    line.setAttribute("d", path);
    line.setAttribute("stroke", colour());
    return line;
  });
  drawing.replaceChildren(...paths);
}
