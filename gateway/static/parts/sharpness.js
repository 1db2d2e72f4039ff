/** Keeps the 3D view smooth where drawing is slow: lower resolution while it moves, full resolution at rest. */

/** A display of 60 Hz has 16.7 ms for a frame; a little more is jitter. */
const SLOW_MS = 20;
/** A longer pause between two frames is idle time. */
const PAUSE_MS = 250;
const LEAST = 0.5;
const STEP = 0.8;
/** Weight of a new value in the running mean. */
const WEIGHT = 0.15;

export class Sharpness {
  #last = 0;
  #mean = 0;
  #timer = 0;

  /** @param {any} renderer of three @param {() => void} draw */
  constructor(renderer, draw) {
    this.full = Math.min(devicePixelRatio, 2);
    this.renderer = renderer;
    this.draw = draw;
    renderer.setPixelRatio(this.full);
  }

  /** Call before every frame: a change of resolution clears the canvas. */
  frameComes() {
    const now = performance.now();
    const interval = now - this.#last;
    this.#last = now;
    this.#mean = interval > PAUSE_MS ? 0 : this.#mean + WEIGHT * (interval - this.#mean);
    const ratio = this.renderer.getPixelRatio();
    if (this.#mean > SLOW_MS && ratio > LEAST) {
      this.renderer.setPixelRatio(Math.max(LEAST, ratio * STEP));
      this.#mean = 0;
    }
    clearTimeout(this.#timer);
    if (this.renderer.getPixelRatio() < this.full) this.#timer = setTimeout(() => this.#rest(), PAUSE_MS);
  }

  #rest() {
    this.renderer.setPixelRatio(this.full);
    this.draw();
  }
}
