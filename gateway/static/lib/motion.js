/** A run's motion as typed arrays. A missing value is NaN, as everywhere in HumanPose3D. */

/** @typedef {{times: Float64Array, names: string[], positions: Float32Array}} Markers positions: T × M × 3, metres */
/** @typedef {{times: Float64Array, names: string[], pixels: Float32Array, visibility: Float32Array}} Landmarks */
/** @typedef {{markers: Markers, initial: Markers | null, landmarks: Landmarks | null, angles: Angles}} Motion */

const KINDS = { float64: Float64Array, float32: Float32Array, uint16: Uint16Array, uint8: Uint8Array };

/**
 * Named arrays behind a JSON header whose length the first 4 bytes are; `array` returns null where there is none of the
 * name.
 * @param {ArrayBuffer} buffer
 */
export function readArrays(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const array = (/** @type {string} */ name) => {
    const found = header.arrays.find((/** @type {any} */ each) => each.name === name);
    if (!found) return null;
    const size = found.shape.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b, 1);
    const Kind = KINDS[/** @type {keyof typeof KINDS} */ (found.type)];
    return /** @type {any} */ (new Kind(buffer, 4 + length + found.offset, size));
  };
  return { header, array };
}

/**
 * The motion of a run, from the API's binary response (`gateway/motion.py` describes it).
 * @param {ArrayBuffer} buffer
 * @returns {Motion}
 */
export function readMotion(buffer) {
  const { header, array } = readArrays(buffer);
  const times = array("times");
  const markers = (/** @type {string} */ name) => {
    const positions = array(name);
    const names = positions && header.markers.slice(0, positions.length / times.length / 3 || 0);
    return positions && { times, names, positions };
  };
  const pixels = array("pixels");
  return {
    markers: markers("markers") ?? { times, names: [], positions: new Float32Array() },
    initial: markers("initial_markers"),
    landmarks: pixels && { times, names: header.landmarks, pixels, visibility: array("visibility") },
    angles: new Angles(times, header.joints, array("angles"), array("angle_sd")),
  };
}

/** Joint angles over time, degrees, with their standard deviations where the run states them. */
export class Angles {
  /**
   * @param {Float64Array} times
   * @param {{name: string, angles: string[]}[]} joints
   * @param {Float32Array} values T × joints × 3
   * @param {Float32Array | null} sd
   */
  constructor(times, joints, values, sd) {
    this.times = times;
    this.joints = joints;
    this.values = values;
    this.sd = sd;
  }

  /** One angle's curve. @param {string} joint such as knee_r @param {string} angle */
  curve(joint, angle) {
    const index = this.joints.findIndex(({ name }) => name === joint);
    const column = 3 * index + this.joints[index].angles.indexOf(angle);
    const spread = this.sd && this.#column(this.sd, column);
    return {
      times: this.times,
      values: this.#column(this.values, column),
      spread: spread?.some((value) => !Number.isNaN(value)) ? spread : null,
    };
  }

  /** @param {Float32Array} table @param {number} column */
  #column(table, column) {
    const width = 3 * this.joints.length;
    return Float64Array.from(this.times, (_, frame) => table[frame * width + column]);
  }
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
