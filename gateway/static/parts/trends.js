/** Key figures over sessions: a chart for each, with the measurement error as a band, and a table of the changes. */

import { colours, onScheme } from "../lib/colours.js";
import { fill, h, svg } from "../lib/dom.js";
import { day } from "../lib/format.js";
import { atMost } from "../lib/language.js";
import { t } from "../texts.js";
import { differenceTable } from "./differences.js";
import { figureName, figureText, sidedName } from "./key_figures.js";

/** @typedef {{session: string, run_key: string, value: number, sd: number | null, n: number | null, error: number | null}} Point */
/** @typedef {{task: string, name: string, side: "right" | "left" | null, unit: string, points: Point[]}} Series as the API gives it */

const HEIGHT = 170;
const MARGIN = { left: 46, right: 14, top: 10, bottom: 26 };
const DAY_MS = 86_400_000;

/** @param {Series[]} figures @param {AbortSignal} signal */
export function trends(figures, signal) {
  const charts = [...Map.groupBy(figures, ({ task, name }) => `${task} ${name}`).values()];
  const several = new Set(figures.map(({ task }) => task)).size > 1;
  return h(
    "div",
    { class: "trends" },
    charts.map((sides) => trend(sides, several ? `${t(`task_${sides[0].task}`)}: ` : "", signal)),
  );
}

/** @param {Series[]} sides of one figure @param {string} prefix @param {AbortSignal} signal */
function trend(sides, prefix, signal) {
  const title = prefix + figureName(sides[0].name);
  const place = h("div", { class: "trend-plot" });
  const draw = () => fill(place, plot(sides, title, place.clientWidth || 320));
  const observer = new ResizeObserver(draw);
  observer.observe(place);
  signal.addEventListener("abort", () => observer.disconnect());
  onScheme(draw, signal);
  const known = sides.some(({ points }) => points.some(({ error }) => error !== null));
  const legend = sides.flatMap(({ side }) =>
    side ? [h("li", {}, h("span", { class: `swatch ${side}`, "aria-hidden": "true" }), t(side))] : [],
  );
  return h(
    "figure",
    { class: "trend" },
    h("figcaption", {}, h("strong", {}, title), h("ul", { class: "legend" }, legend)),
    place,
    h("p", { class: "hint" }, t(known ? "trend_error" : "trend_no_error")),
  );
}

/** @param {Series[]} sides @param {string} title @param {number} width */
function plot(sides, title, width) {
  const all = sides.flatMap(({ points }) => points);
  const x = scale(
    all.map(({ session }) => Date.parse(session)),
    MARGIN.left,
    width - MARGIN.right,
    { least: DAY_MS, margin: 0.03 },
  );
  const values = all.flatMap(({ value, error }) => [value - (error ?? 0), value + (error ?? 0)]);
  const y = scale(values, HEIGHT - MARGIN.bottom, MARGIN.top, { least: Math.abs(values[0]) / 10 || 1, margin: 0.1 });
  const palette = colours();
  const drawn = sides.flatMap((series) => seriesOf(series, x, y, palette[series.side ?? "middle"]));
  return svg(
    "svg",
    { class: "trend-svg", width, height: HEIGHT, role: "img", "aria-label": title },
    grid(all, x, y, width),
    drawn,
  );
}

/** @param {Series} series @param {(value: number) => number} x @param {any} y @param {string} colour */
function seriesOf({ side, unit, points }, x, y, colour) {
  const at = points.map((point) => ({ ...point, x: x(Date.parse(point.session)), y: y(point.value) }));
  const known = at.filter(({ error }) => error !== null);
  const edge = (/** @type {number} */ sign) =>
    known.map((point) => `${point.x},${y(point.value + sign * (point.error ?? 0))}`);
  return [
    known.length > 0 &&
      svg("polygon", {
        points: [...edge(1), ...edge(-1).reverse()].join(" "),
        fill: colour,
        "fill-opacity": 0.16,
        stroke: colour,
        "stroke-opacity": 0.3,
        class: "error-band",
      }),
    svg("polyline", {
      points: at.map((point) => `${point.x},${point.y}`).join(" "),
      fill: "none",
      stroke: colour,
      "stroke-width": 2,
      "stroke-dasharray": side === "left" ? "6 4" : null,
    }),
    ...at.map((point) =>
      dot(
        point,
        side,
        colour,
        [day(point.session), side && t(side), figureText({ ...point, unit })].filter(Boolean).join(" · "),
      ),
    ),
  ];
}

/** A point; of the left side a square. @param {{x: number, y: number}} point @param {string | null} side @param {string} fill @param {string} words */
function dot({ x, y }, side, fill, words) {
  const title = svg("title", {}, words);
  if (side === "left") return svg("rect", { x: x - 4, y: y - 4, width: 8, height: 8, fill }, title);
  return svg("circle", { cx: x, cy: y, r: 4.5, fill }, title);
}

/** @param {Point[]} points @param {any} x @param {any} y @param {number} width */
function grid(points, x, y, width) {
  const sessions = [...new Set(points.map(({ session }) => session))].sort();
  const lines = y.ticks.map((/** @type {number} */ tick) =>
    svg("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(tick), y2: y(tick) }),
  );
  const numbers = y.ticks.map((/** @type {number} */ tick) =>
    label(MARGIN.left - 6, y(tick) + 4, "end", atMost(tick, 6)),
  );
  const ends = [...new Set([sessions[0], sessions[sessions.length - 1]])];
  const days = ends.map((session, index) =>
    label(x(Date.parse(session)), HEIGHT - 8, ends.length === 1 ? "middle" : ["start", "end"][index], day(session)),
  );
  return [...lines, ...numbers, ...days];
}

/** @param {number} x @param {number} y @param {string} anchor @param {string} words */
function label(x, y, anchor, words) {
  return svg("text", { x, y, "text-anchor": anchor }, words);
}

/**
 * From values to pixels, with `ticks` at round values.
 * @param {number[]} values
 * @param {number} from
 * @param {number} to
 * @param {{least: number, margin: number}} range `least`: half the range of a single value; `margin`: share beyond the values
 */
function scale(values, from, to, { least, margin }) {
  let [low, high] = [Math.min(...values), Math.max(...values)];
  if (high - low < least) [low, high] = [low - least, high + least];
  [low, high] = [low - margin * (high - low), high + margin * (high - low)];
  const step = round((high - low) / 4);
  const place = (/** @type {number} */ value) => from + ((value - low) / (high - low)) * (to - from);
  const first = Math.ceil(low / step);
  const ticks = Array.from({ length: Math.floor(high / step) - first + 1 }, (_, index) =>
    Number(((first + index) * step).toPrecision(12)),
  );
  return Object.assign(place, { ticks });
}

/** The next of 1, 2, 5, 10 … @param {number} value */
function round(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 5].find((each) => each * power >= value) ?? 10);
}

/** First and last session, and the difference beside its error. @param {Series[]} figures */
export function changes(figures) {
  const rows = figures.filter(({ points }) => new Set(points.map(({ session }) => session)).size > 1).map(firstAndLast);
  if (rows.length === 0) return h("p", { class: "hint" }, t("trend_one_session"));
  const heads = [t("change_first"), t("change_last"), t("change_change")];
  return differenceTable({ caption: t("change_caption"), about: t("change_about"), heads, rows });
}

/** @param {Series} series */
function firstAndLast({ name, side, unit, points }) {
  const days = points.map(({ session }) => session).sort();
  const values = [days[0], days[days.length - 1]].map((session) =>
    meanOf(points.filter((point) => point.session === session)),
  );
  return {
    label: sidedName(name, side),
    write: (/** @type {number} */ value) => figureText({ value, sd: null, unit }),
    values,
  };
}

/** The mean of a session's analyses. @param {Point[]} points */
function meanOf(points) {
  const errors = points.map(({ error }) => error);
  return {
    value: points.reduce((sum, { value }) => sum + value, 0) / points.length,
    error: errors.every((error) => error !== null) ? Math.max(...errors.map(Number)) : null,
  };
}
