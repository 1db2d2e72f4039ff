/** Pace of a run from its recent progress: frames per second of the current stage, and the remaining time. */

const WINDOW_MS = 30_000;
/** Shorter intervals are not informative. */
const LEAST_MS = 1000;
const LEAST_PERCENT = 0.5;

/** @typedef {{at: string, stage: string | null, progress: number, frames: {done: number, total: number | null} | null}} Told */
/** @typedef {{at: number, stage: string | null, progress: number, done: number}} Sample */

export class Pace {
  /** In order of time, none older than the window. @type {Sample[]} */
  #samples = [];

  /** Reports may be old: the current state is sent first when the page is opened. @param {Told} told */
  hear({ at, stage, progress, frames }) {
    const sample = { at: Date.parse(at), stage, progress, done: frames?.done ?? 0 };
    const others = this.#samples.filter((other) => other.at !== sample.at);
    const all = [...others, sample].sort((one, other) => one.at - other.at);
    const newest = all[all.length - 1].at;
    this.#samples = all.filter((each) => newest - each.at <= WINDOW_MS);
  }

  /** Of the current stage; null while unknown. */
  get framesPerSecond() {
    const last = this.#samples[this.#samples.length - 1];
    const first = this.#samples.find((each) => each.stage === last.stage && each.done > 0);
    if (!first || last.at - first.at < LEAST_MS || last.done <= first.done) return null;
    return ((last.done - first.done) * 1000) / (last.at - first.at);
  }

  /** Of the whole run; null while unknown. */
  get secondsLeft() {
    const last = this.#samples[this.#samples.length - 1];
    const first = this.#samples.find((each) => each.progress > 0);
    if (!first || last.at - first.at < LEAST_MS || last.progress - first.progress < LEAST_PERCENT) return null;
    return ((100 - last.progress) * (last.at - first.at)) / (last.progress - first.progress) / 1000;
  }
}
