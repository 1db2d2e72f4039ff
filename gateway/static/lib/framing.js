/** The part of the video that is shown: all of it, or the person. */

/** Room around the person, as a share of their size. */
const ROOM = 1.25;
/** The frame around the person is the mean over this many seconds before and after. */
const CALM_S = 0.5;

/** @typedef {{x: number, y: number, width: number, height: number}} Rect pixels of the upright image; may reach beyond it */

/** Dispatches `change` when another part is chosen. */
export class Framing extends EventTarget {
  zoomed = false;
  /** How much wider than high the browser shows a pixel. */
  stretch = 1;

  /** @param {import("./motion.js").Landmarks} landmarks @param {[number, number]} size of the upright image */
  constructor(landmarks, size) {
    super();
    this.size = size;
    this.boxes = calm(landmarks.times, boxesOf(landmarks));
  }

  /** @param {boolean} zoomed */
  zoom(zoomed) {
    this.zoomed = zoomed;
    this.dispatchEvent(new Event("change"));
  }

  /** Take the shape of the pixels from the video, once it is known. @param {HTMLVideoElement} video */
  measure({ videoWidth, videoHeight }) {
    const [width, height] = this.size;
    if (videoWidth) this.stretch = videoWidth / videoHeight / (width / height);
    this.dispatchEvent(new Event("change"));
  }

  /** Width over height of the whole image, as it is shown. */
  get aspect() {
    return (this.stretch * this.size[0]) / this.size[1];
  }

  /** What a pane of this aspect (width / height) shows of a frame. @param {number} frame @param {number} aspect @returns {Rect} */
  rect(frame, aspect) {
    const [width, height] = this.size;
    aspect /= this.stretch;
    const box = this.zoomed ? this.boxes[frame] : null;
    if (!box) return fitted(width / 2, height / 2, width, height, aspect);
    const near = fitted(box.x, box.y, Math.min(ROOM * box.width, width), Math.min(ROOM * box.height, height), aspect);
    return { ...near, x: within(near.x, near.width, width), y: within(near.y, near.height, height) };
  }
}

/** The smallest rectangle of an aspect that holds a box about a centre. @returns {Rect} */
function fitted(
  /** @type {number} */ x,
  /** @type {number} */ y,
  /** @type {number} */ width,
  /** @type {number} */ height,
  /** @type {number} */ aspect,
) {
  const [wide, high] = [Math.max(width, height * aspect), Math.max(height, width / aspect)];
  return { x: x - wide / 2, y: y - high / 2, width: wide, height: high };
}

/** Moved into the image, or to its middle where it is larger. @param {number} start @param {number} length @param {number} all */
function within(start, length, all) {
  return length >= all ? (all - length) / 2 : Math.min(Math.max(start, 0), all - length);
}

/** @typedef {{x: number, y: number, width: number, height: number} | null} Box centre and size */

/** The box around the landmarks of each frame; null where there are none. @param {import("./motion.js").Landmarks} landmarks @returns {Box[]} */
function boxesOf({ times, names, pixels }) {
  return Array.from(times, (_, frame) => {
    let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let index = frame * names.length; index < (frame + 1) * names.length; index++) {
      const [x, y] = [pixels[2 * index], pixels[2 * index + 1]];
      if (Number.isNaN(x)) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
    if (left > right) return null;
    return { x: (left + right) / 2, y: (top + bottom) / 2, width: right - left, height: bottom - top };
  });
}

/** Their mean over time, so that the image does not shake; the largest size nearby. @param {Float64Array} times @param {Box[]} boxes @returns {Box[]} */
function calm(times, boxes) {
  let [from, to] = [0, 0];
  return boxes.map((_, frame) => {
    while (times[from] < times[frame] - CALM_S) from += 1;
    while (to < times.length && times[to] <= times[frame] + CALM_S) to += 1;
    const near = boxes.slice(from, to).filter((box) => box !== null);
    if (near.length === 0) return null;
    const mean = (/** @type {"x" | "y"} */ name) => near.reduce((sum, box) => sum + box[name], 0) / near.length;
    const most = (/** @type {"width" | "height"} */ name) => near.reduce((size, box) => Math.max(size, box[name]), 0);
    return { x: mean("x"), y: mean("y"), width: most("width"), height: most("height") };
  });
}
