/** Curves over time with the shared time cursor. */

import { h } from "../lib/dom.js";
import { onScheme } from "../lib/colours.js";

/** @typedef {{label: string, times: Float64Array, values: Float64Array, spread?: Float64Array | null, colour: () => string, dash?: number[]}} Curve */

/** Minimum range of a chart in degrees, so that noise does not look like movement. */
const SMALLEST_SPAN = 20;
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
 * the line are shown above it.
 * @param {{title: string, curves: Curve[], range?: [number, number]}} what
 * @param {import("../lib/playhead.js").Playhead} playhead
 * @param {AbortSignal} signal
 * @returns {Promise<HTMLElement>}
 */
export async function chart({ title, curves, range = span(curves) }, playhead, signal) {
  const UPlot = await uplot();
  const values = curves.map((curve) => h("span", { class: "value" }));
  const legend = curves.map((curve, index) =>
    h("li", {}, swatch(curve, signal), h("span", {}, curve.label), values[index]),
  );
  const body = h("div", { class: "plot" });
  const figure = h(
    "figure",
    { class: curves.some(({ spread }) => spread) ? "chart banded" : "chart" },
    h("figcaption", {}, h("strong", {}, title), h("ul", { class: "legend" }, legend)),
    body,
  );
  const line = h("div", { class: "cursor-line" });
  /** @type {any} */
  let plot;
  const show = () => {
    figure.dataset.time = String(playhead.time);
    if (plot) line.style.transform = `translateX(${plot.valToPos(playhead.time, "x")}px)`;
    curves.forEach((curve, index) => (values[index].textContent = reading(curve, playhead.time)));
  };
  const build = () => {
    plot?.destroy();
    const drawn = { hooks: { draw: [show] } }; // it has its scales only then
    plot = new UPlot({ ...options(curves, range, playhead, body.clientWidth || 320), ...drawn }, joined(curves), body);
    plot.over.append(line);
    draggable(plot, playhead);
  };
  const observer = new ResizeObserver(() => {
    if (!plot) build();
    else plot.setSize({ width: body.clientWidth, height: HEIGHT_PX });
  });
  observer.observe(body);
  onScheme(build, signal);
  playhead.addEventListener("change", show, { signal });
  signal.addEventListener("abort", () => {
    observer.disconnect();
    plot?.destroy();
  });
  show();
  return figure;
}

/** The value under the cursor, and how uncertain it is. @param {Curve} curve @param {number} time */
function reading(curve, time) {
  const value = degrees(valueAt(curve, time));
  const spread = curve.spread ? valueAt({ ...curve, values: curve.spread }, time) : NaN;
  return Number.isNaN(spread) ? value : `${value} ± ${degrees(spread)}`;
}

/** Lowest and highest value of the curves and their bands, at least SMALLEST_SPAN apart. @param {Curve[]} curves @returns {[number, number]} */
export function span(curves) {
  let low = Infinity;
  let high = -Infinity;
  for (const curve of curves)
    for (const values of [curve.values, ...edges(curve)])
      for (const value of values) {
        if (value < low) low = value;
        if (value > high) high = value;
      }
  if (!Number.isFinite(low)) return [-SMALLEST_SPAN / 2, SMALLEST_SPAN / 2];
  const missing = Math.max(0, SMALLEST_SPAN - (high - low)) / 2;
  const margin = 0.05 * (high - low);
  return [low - missing - margin, high + missing + margin];
}

/** @param {Curve} curve @param {number} time */
export function valueAt({ times, values }, time) {
  let nearest = 0;
  for (let low = 0, high = times.length - 1; low <= high;) {
    const middle = (low + high) >> 1;
    if (Math.abs(times[middle] - time) < Math.abs(times[nearest] - time)) nearest = middle;
    if (times[middle] < time) low = middle + 1;
    else high = middle - 1;
  }
  return values[nearest] ?? NaN;
}

/** @param {number} value */
export function degrees(value) {
  return Number.isFinite(value) ? `${value.toFixed(1).replace("-", "−")}°` : "–";
}

/** Upper and lower edge of a curve's band; none where it has none. @param {Curve} curve */
function edges({ values, spread }) {
  return spread ? [1, -1].map((sign) => values.map((value, index) => value + sign * spread[index])) : [];
}

/** uPlot wants one list of times: its own join of curves that were sampled differently. @param {Curve[]} curves */
function joined(curves) {
  const tables = curves.map((curve) => [
    curve.times,
    ...[curve.values, ...edges(curve)].map((values) =>
      Array.from(values, (value) => (Number.isNaN(value) ? null : value)),
    ),
  ]);
  const same = curves.every(
    ({ times }) =>
      times.length === curves[0].times.length && times[times.length - 1] === curves[0].times[times.length - 1],
  );
  if (same) return [curves[0].times, ...tables.flatMap(([, ...columns]) => columns)];
  return /** @type {any} */ (window).uPlot.join(
    tables,
    tables.map((table) => table.map(() => 2)),
  );
}

/** @param {Curve[]} curves @param {[number, number]} range @param {import("../lib/playhead.js").Playhead} playhead @param {number} width */
function options(curves, range, playhead, width) {
  const style = getComputedStyle(document.documentElement);
  const [ink, grid] = ["--quiet", "--line"].map((name) => style.getPropertyValue(name).trim());
  const axis = {
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
    scales: { x: { time: false, range: () => [playhead.start, playhead.end] }, y: { range: () => range } },
    axes: [
      {
        ...axis,
        size: 26,
        values: (/** @type {any} */ _, /** @type {number[]} */ ticks) => ticks.map((tick) => `${+tick.toFixed(2)} s`),
      },
      {
        ...axis,
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
  for (const { colour, dash, spread } of curves) {
    series.push({ ...plain, stroke: colour(), width: 2, dash });
    if (!spread) continue;
    series.push({ ...plain, width: 0 }, { ...plain, width: 0 });
    bands.push({ series: [series.length - 2, series.length - 1], fill: `${colour()}38` });
  }
  return { series, bands };
}

/** @param {any} plot @param {import("../lib/playhead.js").Playhead} playhead */
function draggable(plot, playhead) {
  const seek = (/** @type {PointerEvent} */ event) => {
    const { left } = plot.over.getBoundingClientRect();
    playhead.seek(plot.posToVal(event.clientX - left, "x"));
  };
  plot.over.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    playhead.pause();
    plot.over.setPointerCapture(event.pointerId);
    seek(event);
  });
  plot.over.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => event.buttons && seek(event));
}

/** A piece of the curve beside its name. @param {Curve} curve @param {AbortSignal} signal */
function swatch(curve, signal) {
  const mark = h("span", { class: curve.dash ? "swatch dashed" : "swatch", "aria-hidden": "true" });
  const paint = () => (mark.style.borderTopColor = curve.colour());
  onScheme(paint, signal);
  paint();
  return mark;
}
