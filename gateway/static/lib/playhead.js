/** The time cursor shared by video, skeleton and charts. */

import { frameAt } from "./motion.js";

/** Seeking to a frame's exact time may show the one before it, so a slightly later time is requested. */
const INTO_FRAME_S = 0.001;
const MIN_RATE = 0.125;
const MAX_RATE = 4;

/**
 * Dispatches `change` whenever time, speed or playing change. While a video plays forwards it is the clock, so that
 * image and curves cannot drift apart; otherwise the display's refresh is.
 */
export class Playhead extends EventTarget {
  playing = false;
  rate = 1;
  /** @type {HTMLVideoElement | null} */
  #video = null;
  #last = 0;
  /** Time of the displayed frame, where the browser reports it; `currentTime` is ahead of the image. */
  #shown = NaN;

  /** @param {Float64Array} times of the frames, seconds */
  constructor(times) {
    super();
    this.times = times;
    this.time = times[0] ?? 0;
  }

  get start() {
    return this.times[0] ?? 0;
  }

  get end() {
    return this.times[this.times.length - 1] ?? 0;
  }

  get frame() {
    return frameAt(this.times, this.time);
  }

  /** Let a video follow, and lead while it plays. @param {HTMLVideoElement} video */
  attach(video) {
    this.#video = video;
    video.addEventListener("ended", () => this.pause());
    video.requestVideoFrameCallback?.(this.#frameShown);
    this.#seekVideo();
  }

  /** Continue without the video, which cannot be played. */
  detach() {
    this.#video = null;
  }

  /** @param {number} time */
  seek(time) {
    this.time = Math.min(Math.max(time, this.start), this.end);
    this.#seekVideo();
    this.#tell();
  }

  /** Stop and go to another frame. @param {number} frames forwards, or backwards where negative */
  step(frames) {
    this.pause();
    const index = Math.min(Math.max(this.frame + frames, 0), this.times.length - 1);
    this.seek(this.times[index]);
  }

  /** @param {number} [rate] times the speed of life; negative plays backwards */
  play(rate = this.rate) {
    this.rate = rate;
    if (rate > 0 && this.frame === this.times.length - 1) this.seek(this.start);
    if (rate < 0 && this.frame === 0) this.seek(this.end);
    this.playing = true;
    this.#startVideo();
    this.#last = performance.now();
    requestAnimationFrame(this.#tick);
    this.#tell();
  }

  pause() {
    this.playing = false;
    this.#video?.pause();
    this.#tell();
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play(Math.abs(this.rate));
  }

  /** J and L: play in a direction, faster with every call. @param {1 | -1} direction */
  shuttle(direction) {
    const same = this.playing && Math.sign(this.rate) === direction;
    this.play(same ? direction * Math.min(Math.abs(this.rate) * 2, MAX_RATE) : direction);
  }

  /** @param {number} rate */
  setRate(rate) {
    this.rate = Math.sign(this.rate) * Math.min(Math.max(rate, MIN_RATE), MAX_RATE);
    if (this.playing) this.#startVideo();
    this.#tell();
  }

  #startVideo() {
    if (!this.#video) return;
    if (this.rate < 0) this.#video.pause();
    else {
      this.#video.playbackRate = this.rate;
      this.#video.play().catch(() => this.#video?.paused && this.detach());
    }
  }

  #seekVideo() {
    if (this.#video) this.#video.currentTime = this.time + INTO_FRAME_S;
  }

  #frameShown = (/** @type {number} */ _now, /** @type {{mediaTime: number}} */ facts) => {
    this.#shown = facts.mediaTime;
    this.#video?.requestVideoFrameCallback(this.#frameShown);
  };

  #tick = (/** @type {number} */ now) => {
    if (!this.playing) return;
    const passed = (Math.max(0, now - this.#last) / 1000) * this.rate;
    this.#last = now;
    const leading = this.rate > 0 ? this.#video : null;
    this.#advanceTo(leading ? this.#timeOf(leading) : this.time + passed);
    if (!leading) this.#seekVideo();
    this.#tell();
    requestAnimationFrame(this.#tick);
  };

  /** @param {HTMLVideoElement} video */
  #timeOf(video) {
    return Number.isNaN(this.#shown) || video.currentTime >= this.end ? video.currentTime : this.#shown;
  }

  /** @param {number} time */
  #advanceTo(time) {
    const over = this.rate > 0 ? time >= this.end : time <= this.start;
    this.time = Math.min(Math.max(time, this.start), this.end);
    if (over) this.pause();
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}
