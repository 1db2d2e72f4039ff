/** Result files as typed arrays. A missing value is NaN, as everywhere in HumanPose3D. */

/** @typedef {{times: Float64Array, names: string[], positions: Float32Array}} Markers positions: T × M × 3, metres */
/** @typedef {{times: Float64Array, names: string[], pixels: Float32Array, visibility: Float32Array}} Landmarks */
/** @typedef {{times: Float64Array, columns: Map<string, Float64Array>}} Table */

const METRES = /** @type {Record<string, number>} */ ({
  m: 1,
  meters: 1,
  metres: 1,
  cm: 0.01,
  mm: 0.001,
  millimeters: 0.001,
});

/**
 * Markers of a TRC file, in metres whatever its unit; as `humanpose3d.formats.trc.read_trc` reads it.
 * @param {string} text
 * @returns {Markers}
 */
export function parseTrc(text) {
  const lines = text.split(/\r?\n/);
  const keys = lines[1].split(/\s+/);
  const scale = METRES[lines[2].split(/\s+/)[keys.indexOf("Units")].toLowerCase()];
  const names = lines[3]
    .split("\t")
    .slice(2)
    .map((name) => name.trim())
    .filter(Boolean);
  const rows = lines.slice(5).filter((line) => line.trim());
  const times = new Float64Array(rows.length);
  const positions = new Float32Array(rows.length * names.length * 3);
  rows.forEach((row, frame) => {
    const cells = row.split("\t");
    times[frame] = number(cells[1]);
    for (let marker = 0; marker < names.length; marker++)
      setPoint(positions, (frame * names.length + marker) * 3, cells, 2 + 3 * marker, scale);
  });
  return { times, names, positions };
}

/** A point with one missing coordinate is missing. */
function setPoint(/** @type {Float32Array} */ into, at, /** @type {string[]} */ cells, first, scale) {
  for (let axis = 0; axis < 3; axis++) into[at + axis] = number(cells[first + axis]) * scale;
  if (Number.isNaN(into[at] + into[at + 1] + into[at + 2])) into.fill(NaN, at, at + 3);
}

/** @param {string | undefined} cell */
function number(cell) {
  return cell === undefined || cell.trim() === "" ? NaN : Number(cell);
}

/**
 * Positions of the landmarks in the image, from `_raw_landmarks.csv`: rows of all landmarks, frame by frame.
 * @param {string} text
 * @returns {Landmarks}
 */
export function parseLandmarks(text) {
  const rows = text.trimEnd().split("\n").slice(1);
  const names = /** @type {string[]} */ ([]);
  for (const row of rows) {
    const name = row.split(",", 2)[1];
    if (name === names[0]) break;
    names.push(name);
  }
  const times = new Float64Array(Math.floor(rows.length / (names.length || 1)));
  const pixels = new Float32Array(times.length * names.length * 2);
  const visibility = new Float32Array(times.length * names.length);
  for (let point = 0; point < visibility.length; point++) {
    const cells = rows[point].split(",");
    times[Math.floor(point / names.length)] = number(cells[0]);
    visibility[point] = number(cells[5]);
    pixels[2 * point] = number(cells[6]);
    pixels[2 * point + 1] = number(cells[7]);
  }
  return { times, names, pixels, visibility };
}

/**
 * A table of numbers whose first column is time, such as a joint's angles.
 * @param {string} text
 * @returns {Table}
 */
export function parseTable(text) {
  const [header, ...rows] = text
    .trimEnd()
    .split("\n")
    .map((line) => line.trimEnd().split(","));
  const column = (/** @type {number} */ index) => Float64Array.from(rows, (cells) => number(cells[index]));
  return { times: column(0), columns: new Map(header.slice(1).map((name, index) => [name, column(index + 1)])) };
}

/**
 * The frame shown at a time: the last one that has started, with a tolerance of 1 ms, since players round.
 * @param {Float64Array} times
 * @param {number} time
 */
export function frameAt(times, time) {
  let low = 0;
  let high = times.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (times[middle] <= time + 0.001) low = middle;
    else high = middle - 1;
  }
  return low;
}
