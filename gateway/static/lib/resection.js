/** Where the video's camera stood and looked: the pose from which the markers are seen where the landmarks are. */

/** @typedef {{rotation: number[], position: number[], focal: number, size: [number, number], error: number}} VideoCamera
 * rotation: rows of the camera's axes in the world (right, down, away); position in the world, metres; focal length and
 * error (median distance of markers from landmarks) in pixels of the upright image */

/** Markers that are landmarks, without those of feet and head, which the reconstruction corrects most. */
const PAIRS = ["Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle"].flatMap((name) =>
  ["Right", "Left"].map((side) => [`${side[0]}${name}`, `${side}_${name}`.toLowerCase()]),
);
const FRAMES = 120;
const ROUNDS = 15;
const LEAST_VISIBLE = 0.5;

/** @typedef {{world: number[], image: number[]}} Pair metres, and pixels from the image's middle */

/**
 * The pose of a camera that stands still, by least squares over the whole recording (Gauss–Newton from the tilt that the
 * run states). Null where there is too little to see, or no pose that fits.
 * @param {import("./motion.js").Markers} markers
 * @param {import("./motion.js").Landmarks} landmarks
 * @param {{size: [number, number], focal: number, pitch: number, roll: number}} known focal length in pixels, degrees
 * @returns {VideoCamera | null}
 */
export function videoCamera(markers, landmarks, { size, focal, pitch, roll }) {
  const pairs = pairsOf(markers, landmarks, size);
  if (pairs.length < 20) return null;
  let rotation = tilted(pitch, roll);
  let shift = startOf(pairs, rotation, focal);
  for (let round = 0; round < ROUNDS; round++) {
    const step = stepOf(pairs, rotation, shift, focal);
    if (!step) return null;
    rotation = product(turnOf(step.slice(0, 3)), rotation);
    shift = shift.map((value, axis) => value + step[3 + axis]);
  }
  const misses = pairs.map((pair) => Math.hypot(...missOf(pair, rotation, shift, focal).miss)).sort((a, b) => a - b);
  const error = misses[misses.length >> 1];
  if (!(error < Math.max(...size) / 10)) return null;
  return { rotation, position: transposed(rotation, shift).map((value) => -value), focal, size, error };
}

/** @param {import("./motion.js").Markers} markers @param {import("./motion.js").Landmarks} landmarks @param {[number, number]} size @returns {Pair[]} */
function pairsOf(markers, landmarks, size) {
  const columns = PAIRS.map(([marker, landmark]) => [markers.names.indexOf(marker), landmarks.names.indexOf(landmark)]);
  const step = Math.max(1, Math.floor(markers.times.length / FRAMES));
  const found = [];
  for (let frame = 0; frame < markers.times.length; frame += step)
    for (const [marker, landmark] of columns) {
      const [m, l] = [frame * markers.names.length + marker, frame * landmarks.names.length + landmark];
      const world = [...markers.positions.subarray(3 * m, 3 * m + 3)];
      const image = [...landmarks.pixels.subarray(2 * l, 2 * l + 2)].map((value, axis) => value - size[axis] / 2);
      const seen = marker >= 0 && landmarks.visibility[l] >= LEAST_VISIBLE;
      if (seen && ![...world, ...image].some(Number.isNaN)) found.push({ world, image });
    }
  return found;
}

/** Axes (rows: right, down, away) of a camera that looks against Z, turned by pitch (down) and roll. @param {number} pitch @param {number} roll */
function tilted(pitch, roll) {
  const [p, r] = [pitch, roll].map((degrees) => (degrees * Math.PI) / 180);
  const up = [Math.sin(r) * Math.cos(p), -Math.cos(r) * Math.cos(p), -Math.sin(p)]; // in the camera's frame
  const back = [0, 0, -1];
  const along = up[2] * back[2];
  const z = unit(back.map((value, axis) => value - along * up[axis]));
  const x = cross(up, z);
  // Columns of the rotation from world to camera are the world's axes in the camera's frame.
  return [0, 1, 2].flatMap((axis) => [x[axis], up[axis], z[axis]]);
}

/** The shift that fits best for a given rotation: linear. @param {Pair[]} pairs @param {number[]} rotation @param {number} focal */
function startOf(pairs, rotation, focal) {
  const [matrix, right] = [new Array(9).fill(0), [0, 0, 0]];
  for (const { world, image } of pairs) {
    const turned = times(rotation, world);
    for (const [axis, slope] of image.map((value) => value / focal).entries()) {
      const row = axis === 0 ? [1, 0, -slope] : [0, 1, -slope];
      const rest = slope * turned[2] - turned[axis];
      for (let a = 0; a < 3; a++) {
        right[a] += row[a] * rest;
        for (let b = 0; b < 3; b++) matrix[3 * a + b] += row[a] * row[b];
      }
    }
  }
  return solved(matrix, right) ?? [0, 0, 4];
}

/** Where a marker is seen too far right and down, in pixels, and its place in the camera's frame. */
function missOf(
  /** @type {Pair} */ { world, image },
  /** @type {number[]} */ rotation,
  /** @type {number[]} */ shift,
  /** @type {number} */ focal,
) {
  const turned = times(rotation, world);
  const place = turned.map((value, axis) => value + shift[axis]);
  return { turned, place, miss: image.map((value, axis) => (focal * place[axis]) / place[2] - value) };
}

/** One step of Gauss–Newton: three angles and three metres, robust against outliers (Huber). */
function stepOf(
  /** @type {Pair[]} */ pairs,
  /** @type {number[]} */ rotation,
  /** @type {number[]} */ shift,
  /** @type {number} */ focal,
) {
  const [matrix, right] = [new Array(36).fill(0), new Array(6).fill(0)];
  for (const pair of pairs) {
    const { turned, place, miss } = missOf(pair, rotation, shift, focal);
    const weight = Math.min(1, (0.02 * focal) / Math.hypot(...miss));
    for (const axis of [0, 1]) {
      const slopes = [0, 0, 0];
      slopes[axis] = focal / place[2];
      slopes[2] = (-focal * place[axis]) / place[2] ** 2;
      const row = [...cross(turned, slopes), ...slopes];
      for (let a = 0; a < 6; a++) {
        right[a] -= weight * row[a] * miss[axis];
        for (let b = 0; b < 6; b++) matrix[6 * a + b] += weight * row[a] * row[b];
      }
    }
  }
  return solved(matrix, right);
}

/** The x of matrix · x = right (n × n, by Gauss with pivots); null where there is none. @param {number[]} matrix @param {number[]} right */
function solved(matrix, right) {
  const n = right.length;
  const rows = right.map((value, row) => [...matrix.slice(n * row, n * row + n), value]);
  for (let column = 0; column < n; column++) {
    const pivot = rows.slice(column).reduce((best, row, index) => {
      return Math.abs(row[column]) > Math.abs(rows[best][column]) ? column + index : best;
    }, column);
    [rows[column], rows[pivot]] = [rows[pivot], rows[column]];
    if (!(Math.abs(rows[column][column]) > 1e-12)) return null;
    for (let row = 0; row < n; row++) {
      if (row === column) continue;
      const share = rows[row][column] / rows[column][column];
      for (let each = column; each <= n; each++) rows[row][each] -= share * rows[column][each];
    }
  }
  return rows.map((row, index) => row[n] / row[index]);
}

/** Rotation by a vector's length about its direction, as rows. @param {number[]} vector */
function turnOf(vector) {
  const angle = Math.hypot(...vector);
  const [x, y, z] = angle > 0 ? vector.map((value) => value / angle) : [1, 0, 0];
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const d = 1 - c;
  return [
    c + x * x * d,
    x * y * d - z * s,
    x * z * d + y * s,
    y * x * d + z * s,
    c + y * y * d,
    y * z * d - x * s,
    z * x * d - y * s,
    z * y * d + x * s,
    c + z * z * d,
  ];
}

/** @param {number[]} a rows @param {number[]} b rows */
function product(a, b) {
  return a.map((_, index) => {
    const [row, column] = [Math.floor(index / 3), index % 3];
    return a[3 * row] * b[column] + a[3 * row + 1] * b[3 + column] + a[3 * row + 2] * b[6 + column];
  });
}

/** @param {number[]} rows @param {number[]} vector */
function times(rows, vector) {
  return [0, 3, 6].map((row) => rows[row] * vector[0] + rows[row + 1] * vector[1] + rows[row + 2] * vector[2]);
}

/** @param {number[]} rows @param {number[]} vector */
function transposed(rows, vector) {
  return [0, 1, 2].map(
    (column) => rows[column] * vector[0] + rows[3 + column] * vector[1] + rows[6 + column] * vector[2],
  );
}

/** @param {number[]} a @param {number[]} b */
function cross(a, b) {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

/** @param {number[]} vector */
function unit(vector) {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}
