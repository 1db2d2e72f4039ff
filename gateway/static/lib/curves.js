/** Curves of charts: their values, ranges and tables. */

import { fixed } from "./language.js";

/**
 * values over x (seconds, or percent of a cycle); spread: half the height of the band around them. A `quiet` curve has
 * no place in the legend.
 * @typedef {{label: string, times: Float64Array, values: Float64Array, spread?: Float64Array | null, colour: () => string, dash?: number[], width?: number, quiet?: boolean}} Curve
 */

/** Minimum range of a chart in degrees, so that noise does not look like movement. */
const SMALLEST_SPAN = 20;

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

/** The value nearest to x. @param {Curve} curve @param {number} x */
export function valueAt({ times, values }, x) {
  let nearest = 0;
  for (let low = 0, high = times.length - 1; low <= high;) {
    const middle = (low + high) >> 1;
    if (Math.abs(times[middle] - x) < Math.abs(times[nearest] - x)) nearest = middle;
    if (times[middle] < x) low = middle + 1;
    else high = middle - 1;
  }
  return Number.isNaN(x) ? NaN : (values[nearest] ?? NaN);
}

/** @param {number} value */
export function degrees(value) {
  return Number.isFinite(value) ? `${fixed(value, 1)}°` : "–";
}

/** A value of a curve, and how uncertain it is. @param {Curve} curve @param {number} x */
export function reading(curve, x) {
  const value = degrees(valueAt(curve, x));
  const spread = curve.spread ? valueAt({ ...curve, values: curve.spread }, x) : NaN;
  return Number.isNaN(spread) ? value : `${value} ± ${degrees(spread)}`;
}

/** Upper and lower edge of a curve's band; none where it has none. @param {Curve} curve */
export function edges({ values, spread }) {
  return spread ? [1, -1].map((sign) => values.map((value, index) => value + sign * spread[index])) : [];
}

/**
 * The table that uPlot draws: x, and each curve with the edges of its band. Curves that were sampled differently are
 * joined.
 * @param {Curve[]} curves
 * @param {any} UPlot
 */
export function tableOf(curves, UPlot) {
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
  return UPlot.join(
    tables,
    tables.map((table) => table.map(() => 2)),
  );
}
