/** Horizontal axes of charts: the range shown, the cursor, and the place under the pointer. */

import { atMost } from "./language.js";

/** Shortest range of time that is shown, seconds. */
const LEAST_S = 0.2;

/** Dispatches `range` when another range is shown, `hover` when the pointer moves over a chart. */
class Axis extends EventTarget {
  start = 0;
  end = 100;
  /** Where the pointer is; NaN where it is over no chart. */
  hovered = NaN;

  /** @param {number} at */
  hover(at) {
    this.hovered = at;
    this.dispatchEvent(new Event("hover"));
  }
}

/** Time in seconds, of which a part may be shown. */
export class TimeAxis extends Axis {
  /** @param {import("./playhead.js").Playhead} playhead */
  constructor(playhead) {
    super();
    this.playhead = playhead;
    this.#followed = playhead.time;
    this.start = playhead.start;
    this.end = playhead.end;
  }

  get at() {
    return this.playhead.time;
  }

  get isWhole() {
    return this.start === this.playhead.start && this.end === this.playhead.end;
  }

  /** @param {number} time */
  seek(time) {
    this.playhead.pause();
    this.playhead.seek(time);
  }

  /** @param {number} value */
  tick(value) {
    return `${atMost(value, 2)} s`;
  }

  /** Show this range, as far as it is within the recording. @param {number} from @param {number} to */
  show(from, to) {
    const { start, end } = this.playhead;
    const length = Math.min(Math.max(to - from, LEAST_S), end - start);
    this.start = Math.min(Math.max(from, start), end - length);
    this.end = this.start + length;
    this.dispatchEvent(new Event("range"));
  }

  /** @param {number} factor below 1 shows less @param {number} [at] time that keeps its place */
  zoom(factor, at = (this.start + this.end) / 2) {
    this.show(at - factor * (at - this.start), at + factor * (this.end - at));
  }

  showAll() {
    this.show(this.playhead.start, this.playhead.end);
  }

  #followed = NaN;

  /** Turn the page where the cursor has moved out of the range. */
  follow() {
    if (this.at === this.#followed) return;
    this.#followed = this.at;
    const length = this.end - this.start;
    if (this.at < this.start) this.show(this.at - 0.9 * length, this.at + 0.1 * length);
    if (this.at > this.end) this.show(this.at - 0.1 * length, this.at + 0.9 * length);
  }
}

/** Percent of a repetition or cycle: the cursor is in the one that the playhead is in. */
export class CycleAxis extends Axis {
  /** @param {import("./playhead.js").Playhead} playhead @param {import("./repetitions.js").Repetition[]} repetitions */
  constructor(playhead, repetitions) {
    super();
    this.playhead = playhead;
    this.repetitions = repetitions;
  }

  #current() {
    return this.repetitions.find(({ start, end }) => this.playhead.time >= start && this.playhead.time <= end);
  }

  get at() {
    const now = this.#current();
    return now ? (100 * (this.playhead.time - now.start)) / (now.end - now.start) : NaN;
  }

  /** Go there in the current repetition, or in the first. @param {number} percent */
  seek(percent) {
    const { start, end } = this.#current() ?? this.repetitions[0];
    this.playhead.pause();
    this.playhead.seek(start + (percent / 100) * (end - start));
  }

  /** @param {number} value */
  tick(value) {
    return `${atMost(value, 1)} %`;
  }
}
