/** Repetitions and events of a run as shading and lines of a chart. */

import { colours } from "../lib/colours.js";
import { repetitionsOf, stances } from "../lib/repetitions.js";

/**
 * bands: stretches of time that are shaded, numbered where `number` is given; lines: moments.
 * @typedef {{bands: {start: number, end: number, colour: string, number?: number}[], lines: {time: number, colour: string, dashed: boolean}[]}} Marks
 */

/** Events at which a repetition or cycle begins; the others are dashed. */
const SOLID = ["heel_strike", "start", "take_off"];
/** Opacity of shading, as the end of a colour. */
const FAINT = "26";
const FAINTER = "12";

/**
 * What is marked in a chart: of gait the stance and the events of the sides that it shows, of other tasks every
 * repetition.
 * @param {{task: string, events: import("../lib/repetitions.js").RunEvent[]}} found
 * @param {("right" | "left" | "middle")[]} sides of the chart's curves
 * @returns {() => Marks} in the colours of the page's scheme
 */
export function marksOf({ task, events }, sides) {
  const shown = sides.includes("middle") ? ["right", "left"] : sides;
  const own = events.filter(({ side }) => side === null || shown.includes(side));
  return () => {
    const palette = colours();
    const colour = (/** @type {import("../lib/repetitions.js").RunEvent} */ { side }) => palette[side ?? "marker"];
    const lines = own.map((event) => ({
      time: event.time_s,
      colour: colour(event),
      dashed: !SOLID.includes(event.kind),
    }));
    return { bands: task === "gait" ? standing(events, sides, palette) : numbered(task, own, palette), lines };
  };
}

/** @param {import("../lib/repetitions.js").RunEvent[]} events @param {string[]} sides @param {any} palette */
function standing(events, sides, palette) {
  return sides.flatMap((side) =>
    stances(events, side).map(({ start, end }) => ({ start, end, colour: `${palette[side]}${FAINT}` })),
  );
}

/** @param {string} task @param {import("../lib/repetitions.js").RunEvent[]} events @param {any} palette */
function numbered(task, events, palette) {
  return repetitionsOf(task, events).map(({ start, end }, index) => ({
    start,
    end,
    number: task === "range_of_motion" ? undefined : index + 1,
    colour: `${palette.marker}${index % 2 ? FAINTER : FAINT}`,
  }));
}

/** Draw marks below the curves. @param {any} plot of uPlot, with its scales @param {Marks} marks */
export function shade(plot, { bands, lines }) {
  const { ctx: context, bbox } = plot;
  const density = devicePixelRatio;
  const x = (/** @type {number} */ time) => plot.valToPos(time, "x", true);
  context.save();
  context.beginPath();
  context.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  context.clip();
  context.font = `${11 * density}px system-ui, sans-serif`;
  for (const { start, end, colour, number } of bands) {
    context.fillStyle = colour;
    context.fillRect(x(start), bbox.top, x(end) - x(start), bbox.height);
    context.fillStyle = colour.slice(0, 7);
    if (number) context.fillText(String(number), x(start) + 4 * density, bbox.top + 13 * density);
  }
  context.lineWidth = density;
  for (const { time, colour, dashed } of lines) {
    context.beginPath();
    context.setLineDash(dashed ? [3 * density, 3 * density] : []);
    context.strokeStyle = `${colour}99`;
    context.moveTo(x(time), bbox.top);
    context.lineTo(x(time), bbox.top + bbox.height);
    context.stroke();
  }
  context.restore();
}
