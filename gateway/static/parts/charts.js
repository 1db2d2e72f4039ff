/** Curves over time, or over a cycle, with the shared cursor. */

import { TimeAxis } from "../lib/axes.js";
import { onScheme } from "../lib/colours.js";
import { reading, span, tableOf } from "../lib/curves.js";
import { h, svg } from "../lib/dom.js";
import { shade } from "./marks.js";

/** @typedef {import("../lib/curves.js").Curve} Curve */

const HEIGHT_PX = 190;

/** @type {Promise<any> | null} */
let library = null;

/** uPlot is a classic script: it is loaded with the first chart, and found on `window`. */
function uplot() {
  library ??= new Promise((resolve, reject) => {
    const script = h("script", { src: "/static/vendor/uPlot.iife.min.js" });
    script.addEventListener("load", () => resolve(/** @type {any} */ (window).uPlot));
    script.addEventListener("error", reject);
    document.head.append(script);
  });
  return library;
}

/**
 * A chart of curves that share one axis. Dragging in it moves the playhead, and the playhead its line; the values at
 * the line are shown above it, those under the pointer beside the pointer. Charts of the same `axis` are zoomed
 * together.
 * @param {{title: string, curves: Curve[], range?: [number, number], axis?: any, marks?: (() => import("./marks.js").Marks) | null}} what
 * @param {import("../lib/playhead.js").Playhead} playhead
 * @param {AbortSignal} signal
 * @returns {Promise<HTMLElement>}
 */
export async function chart(what, playhead, signal) {
  const { title, curves, marks, range = span(curves), axis = new TimeAxis(playhead) } = what;
  const UPlot = await uplot();
  const named = curves.filter(({ quiet }) => !quiet);
  const values = named.map(() => h("span", { class: "value" }));
  const legend = named.map((curve, index) =>
    h("li", {}, swatch(curve, signal), h("span", {}, curve.label), values[index]),
  );
  const body = h("div", { class: "plot" });
  const figure = h(
    "figure",
    { class: named.some(({ spread }) => spread) ? "chart banded" : "chart" },
    h("figcaption", {}, h("strong", {}, title), h("ul", { class: "legend" }, legend)),
    body,
  );
  const line = h("div", { class: "cursor-line" });
  const pointer = pointed(named, axis);
  /** @type {any} */
  let plot;
  const show = () => {
    figure.dataset.time = String(playhead.time);
    const at = axis.at;
    line.hidden = !(at >= axis.start && at <= axis.end);
    if (plot && !line.hidden) line.style.transform = `translateX(${plot.valToPos(at, "x")}px)`;
    named.forEach((curve, index) => (values[index].textContent = reading(curve, at)));
  };
  const build = () => {
    plot?.destroy();
    const hooks = { draw: [show], drawClear: marks ? [(/** @type {any} */ drawn) => shade(drawn, marks())] : [] };
    const wanted = { ...options(curves, range, axis, body.clientWidth || 320), hooks };
    plot = new UPlot(wanted, tableOf(curves, UPlot), body);
    plot.over.append(line, pointer.element);
    listen(plot, axis);
  };
  const observer = new ResizeObserver(() => {
    if (!plot) build();
    else plot.setSize({ width: body.clientWidth, height: HEIGHT_PX });
  });
  observer.observe(body);
  onScheme(build, signal);
  playhead.addEventListener("change", show, { signal });
  axis.addEventListener("range", () => plot?.setScale("x", { min: axis.start, max: axis.end }), { signal });
  axis.addEventListener("hover", () => plot && pointer.show(plot), { signal });
  signal.addEventListener("abort", () => {
    observer.disconnect();
    plot?.destroy();
  });
  show();
  return figure;
}

/** The line under the pointer, with the values there. @param {Curve[]} curves @param {any} axis */
function pointed(curves, axis) {
  const words = h("span", { class: "hover-values" });
  const element = h("div", { class: "hover-line", hidden: true, "aria-hidden": "true" }, words);
  const show = (/** @type {any} */ plot) => {
    const at = axis.hovered;
    element.hidden = !(at >= axis.start && at <= axis.end);
    if (element.hidden) return;
    const place = plot.valToPos(at, "x");
    element.style.transform = `translateX(${place}px)`;
    element.classList.toggle("late", place > plot.over.clientWidth / 2);
    words.textContent = [axis.tick(at), ...curves.map((curve) => reading(curve, at))].join(" · ");
  };
  return { element, show };
}

/** @param {Curve[]} curves @param {[number, number]} range @param {any} axis @param {number} width */
function options(curves, range, axis, width) {
  const style = getComputedStyle(document.documentElement);
  const [ink, grid] = ["--quiet", "--line"].map((name) => style.getPropertyValue(name).trim());
  const ruler = {
    stroke: ink,
    grid: { stroke: grid, width: 1 },
    ticks: { stroke: grid, size: 4 },
    font: "11px system-ui, sans-serif",
  };
  return {
    width,
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: false, range: () => [axis.start, axis.end] }, y: { range: () => range } },
    axes: [
      {
        ...ruler,
        size: 26,
        values: (/** @type {any} */ _, /** @type {number[]} */ ticks) => ticks.map((tick) => axis.tick(tick)),
      },
      {
        ...ruler,
        size: 42,
        values: (/** @type {any} */ _, /** @type {number[]} */ ticks) =>
          ticks.map((tick) => `${tick}°`.replace("-", "−")),
      },
    ],
    ...lines(curves),
  };
}

/** What is drawn: the curves, and their bands between edges that are not. @param {Curve[]} curves */
function lines(curves) {
  const plain = { spanGaps: false, points: { show: false } };
  /** @type {any[]} */
  const series = [{}];
  const bands = [];
  for (const { colour, dash, spread, width = 2 } of curves) {
    series.push({ ...plain, stroke: colour(), width, dash });
    if (!spread) continue;
    series.push({ ...plain, width: 0 }, { ...plain, width: 0 });
    bands.push({ series: [series.length - 2, series.length - 1], fill: `${colour().slice(0, 7)}38` });
  }
  return { series, bands };
}

/** Drag: the playhead; with shift: a range of time to show; Ctrl and wheel: zoom; double click: everything. @param {any} plot @param {any} axis */
function listen(plot, axis) {
  const { over } = plot;
  const at = (/** @type {MouseEvent} */ event) => plot.posToVal(event.clientX - over.getBoundingClientRect().left, "x");
  let from = NaN;
  const pane = h("div", { class: "choosing", hidden: true });
  over.append(pane);
  const choose = (/** @type {PointerEvent} */ event) => {
    const [left, right] = [from, at(event)].map((x) => plot.valToPos(x, "x")).sort((a, b) => a - b);
    pane.hidden = false;
    Object.assign(pane.style, { left: `${left}px`, width: `${right - left}px` });
  };
  over.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    over.setPointerCapture(event.pointerId);
    from = event.shiftKey && axis.show ? at(event) : NaN;
    if (Number.isNaN(from)) axis.seek(at(event));
  });
  over.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    if (!event.buttons) axis.hover(at(event));
    else if (Number.isNaN(from)) axis.seek(at(event));
    else choose(event);
  });
  over.addEventListener("pointerup", (/** @type {PointerEvent} */ event) => {
    pane.hidden = true;
    const [first, last] = [from, at(event)].sort((a, b) => a - b);
    from = NaN;
    if (last > first) axis.show(first, last);
  });
  over.addEventListener("pointerleave", () => axis.hover(NaN));
  if (!axis.show) return;
  over.addEventListener("dblclick", () => axis.showAll());
  over.addEventListener("wheel", (/** @type {WheelEvent} */ event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    axis.zoom(Math.exp(event.deltaY / 400), at(event));
  });
}

/** A piece of the curve beside its name. @param {Curve} curve @param {AbortSignal} signal */
function swatch({ colour, dash }, signal) {
  const mark = svg("svg", { class: "line-swatch", viewBox: "0 0 30 4", "aria-hidden": "true" });
  const line = svg("line", { x1: 0, x2: 30, y1: 2, y2: 2, "stroke-width": 3, "stroke-dasharray": dash?.join(" ") });
  const paint = () => line.setAttribute("stroke", colour());
  mark.append(line);
  onScheme(paint, signal);
  paint();
  return mark;
}
