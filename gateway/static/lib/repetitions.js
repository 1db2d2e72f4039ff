/** Repetitions and gait cycles of a run: when they are, and an angle's course over them. */

/** @typedef {{time_s: number, kind: string, side: "right" | "left" | null, repetition: number | null}} RunEvent as the API gives it */
/** @typedef {{side: "right" | "left" | null, start: number, end: number}} Repetition seconds */
/** @typedef {{side: string, joint: string, angle: string, mean: Float64Array, sd: Float64Array | null, n: number, normMean: Float64Array | null, normSd: Float64Array | null}} MeanCycle degrees at 0, 1 … 100 % */

export const PERCENT = Float64Array.from({ length: 101 }, (_, index) => index);

/** Longest gait cycle, as in the analysis. */
const LONGEST_CYCLE_S = 2.5;
/** Events that begin and end a repetition. */
const BEGINS = ["start", "take_off"];
const ENDS = ["end", "standing", "landing"];

/** Tasks whose repetitions are overlaid: all joints take part in each of them. */
export const REPEATED = ["gait", "squat", "lunge", "sit_to_stand"];

/** Whole repetitions in order of time; of gait the cycles of both sides. @param {string} task @param {RunEvent[]} events @returns {Repetition[]} */
export function repetitionsOf(task, events) {
  if (task === "gait") return [...cycles(events, "right"), ...cycles(events, "left")];
  const found = [];
  for (const [index, event] of events.entries()) {
    if (!BEGINS.includes(event.kind)) continue;
    const rest = events.slice(index + 1);
    const last = rest.find(({ kind }) => ENDS.includes(kind) || BEGINS.includes(kind));
    if (last && ENDS.includes(last.kind)) found.push({ side: event.side, start: event.time_s, end: last.time_s });
  }
  return found;
}

/** From heel strike to heel strike, with one toe off between. @param {RunEvent[]} events @param {"right" | "left"} side */
function cycles(events, side) {
  const times = (/** @type {string} */ kind) =>
    events.filter((event) => event.side === side && event.kind === kind).map(({ time_s }) => time_s);
  const strikes = times("heel_strike");
  const offs = times("toe_off");
  return strikes
    .slice(1)
    .map((end, index) => ({ side, start: strikes[index], end }))
    .filter(
      ({ start, end }) => end - start <= LONGEST_CYCLE_S && offs.filter((off) => off > start && off < end).length === 1,
    );
}

/** When the foot of a side is on the ground: from heel strike to the next toe off. @param {RunEvent[]} events @param {string} side @returns {Repetition[]} */
export function stances(events, side) {
  const own = events.filter((event) => event.side === side && ["heel_strike", "toe_off"].includes(event.kind));
  return own
    .slice(1)
    .map((end, index) => ({
      side: end.side,
      start: own[index].time_s,
      end: end.time_s,
      pair: [own[index].kind, end.kind],
    }))
    .filter(({ pair }) => pair[0] === "heel_strike" && pair[1] === "toe_off");
}

/**
 * An angle at 0, 1 … 100 % of a repetition; NaN in gaps.
 * @param {{times: Float64Array, values: Float64Array}} curve
 * @param {Repetition} repetition
 */
export function normalised({ times, values }, { start, end }) {
  let next = 0;
  return PERCENT.map((percent) => {
    const time = start + (percent / 100) * (end - start);
    while (next < times.length - 1 && times[next] < time) next += 1;
    const last = Math.max(next - 1, 0);
    const share = times[next] > times[last] ? (time - times[last]) / (times[next] - times[last]) : 1;
    return values[last] + Math.min(Math.max(share, 0), 1) * (values[next] - values[last]);
  });
}

/** Mean of curves without gaps, and the standard deviation between them. @param {Float64Array[]} curves */
export function meanOf(curves) {
  const whole = curves.filter((curve) => !curve.some(Number.isNaN));
  const mean = PERCENT.map((_, at) => whole.reduce((sum, curve) => sum + curve[at], 0) / whole.length);
  const squares = (/** @type {number} */ at) => whole.reduce((sum, curve) => sum + (curve[at] - mean[at]) ** 2, 0);
  const sd = whole.length > 1 ? PERCENT.map((_, at) => Math.sqrt(squares(at) / (whole.length - 1))) : null;
  return { mean, sd, n: whole.length };
}

/** The mean cycles of cycles.csv, in either style of CSV. @param {string} text @returns {MeanCycle[]} */
export function readCycles(text) {
  const [head, ...lines] = text.trim().split("\n");
  const delimiter = head.includes(";") ? ";" : ",";
  const columns = head.trim().split(delimiter);
  const rows = lines.map((line) => line.trim().split(delimiter));
  const column = (/** @type {string} */ name) => columns.indexOf(name);
  const numbers = (/** @type {string[][]} */ points, /** @type {string} */ name) =>
    points[0][column(name)] ? Float64Array.from(points, (row) => Number(row[column(name)].replace(",", "."))) : null;
  const found = [];
  for (let first = 0; first < rows.length; first += PERCENT.length) {
    const points = rows.slice(first, first + PERCENT.length);
    const [side, joint, angle, n] = ["side", "joint", "angle", "n"].map((name) => points[0][column(name)]);
    const [mean, sd, normMean, normSd] = ["mean_deg", "sd_deg", "norm_mean_deg", "norm_sd_deg"].map((name) =>
      numbers(points, name),
    );
    found.push({ side, joint, angle, n: Number(n), mean: mean ?? new Float64Array(), sd, normMean, normSd });
  }
  return found;
}
