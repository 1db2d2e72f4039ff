/** The video with the landmarks drawn on it. */

import { h } from "../lib/dom.js";
import { frameAt } from "../lib/motion.js";
import { colours } from "../lib/colours.js";

/** Landmarks less visible than this are drawn faintly. */
const VISIBLE = 0.5;

/** @typedef {import("../lib/motion.js").Landmarks} Landmarks */

/**
 * @param {{landmarks: Landmarks, segments: [string, string][], framing: import("../lib/framing.js").Framing}} what
 * @param {HTMLVideoElement} video
 * @param {import("../lib/playhead.js").Playhead} playhead
 * @param {AbortSignal} signal
 */
export function overlay({ landmarks, segments, framing }, video, playhead, signal) {
  const canvas = /** @type {HTMLCanvasElement} */ (h("canvas", { "aria-hidden": "true" }));
  const pane = h("div", { class: "stage" }, video, canvas);
  const lines = segments.map((pair) => pair.map((name) => landmarks.names.indexOf(name)));
  const draw = () => {
    const frame = frameAt(landmarks.times, playhead.time);
    pane.dataset.time = String(landmarks.times[frame]);
    if (!pane.clientWidth) return;
    const rect = framing.rect(frame, pane.clientWidth / pane.clientHeight);
    const scale = { x: pane.clientWidth / rect.width, y: pane.clientHeight / rect.height };
    placeVideo(video, rect, scale, framing.size);
    paint(canvas, landmarks, lines, frame, rect);
  };
  playhead.addEventListener("change", draw, { signal });
  framing.addEventListener("change", draw, { signal });
  const observer = new ResizeObserver(draw);
  observer.observe(pane);
  signal.addEventListener("abort", () => observer.disconnect());
  /** @param {boolean} visible */
  const setLandmarks = (visible) => canvas.classList.toggle("off", !visible);
  return { pane, setLandmarks };
}

/** @param {HTMLVideoElement} video @param {import("../lib/framing.js").Rect} rect @param {{x: number, y: number}} scale @param {[number, number]} size */
function placeVideo(video, rect, scale, [width, height]) {
  Object.assign(video.style, {
    left: `${-rect.x * scale.x}px`,
    top: `${-rect.y * scale.y}px`,
    width: `${width * scale.x}px`,
    height: `${height * scale.y}px`,
  });
}

/** Whether the browser shows the image rotated relative to the one that was analysed. @param {HTMLVideoElement} video @param {[number, number]} size */
export function isTurned(video, [width, height]) {
  return (video.videoWidth - video.videoHeight) * (width - height) < 0;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Landmarks} landmarks
 * @param {number[][]} lines pairs of landmark indices
 * @param {number} frame
 * @param {import("../lib/framing.js").Rect} rect what is shown
 */
function paint(canvas, landmarks, lines, frame, rect) {
  const density = devicePixelRatio;
  canvas.width = canvas.clientWidth * density;
  canvas.height = canvas.clientHeight * density;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const [scaleX, scaleY] = [canvas.width / rect.width, canvas.height / rect.height];
  context.translate(-rect.x * scaleX, -rect.y * scaleY);
  const unit = density * Math.max(1, Math.min(canvas.width, canvas.height) / density / 300);
  const point = (/** @type {number} */ index) => {
    const at = frame * landmarks.names.length + index;
    const [x, y] = landmarks.pixels.subarray(2 * at, 2 * at + 2);
    return { x: x * scaleX, y: y * scaleY, faint: landmarks.visibility[at] < VISIBLE, name: landmarks.names[index] };
  };
  for (const [first, second] of lines) line(context, point(first), point(second), unit);
  for (let index = 0; index < landmarks.names.length; index++) dot(context, point(index), unit);
}

/** @typedef {{x: number, y: number, faint: boolean, name: string}} Point */

/** A line with a dark outline, visible on any background. */
function line(/** @type {CanvasRenderingContext2D} */ context, /** @type {Point} */ a, /** @type {Point} */ b, unit) {
  context.globalAlpha = a.faint || b.faint ? 0.25 : 1;
  context.lineCap = "round";
  for (const [colour, width] of [
    ["#0008", 4 * unit],
    [sideColour(a.name, b.name), 2.2 * unit],
  ]) {
    context.beginPath();
    context.moveTo(a.x, a.y);
    context.lineTo(b.x, b.y);
    context.strokeStyle = String(colour);
    context.lineWidth = Number(width);
    context.stroke();
  }
}

function dot(/** @type {CanvasRenderingContext2D} */ context, /** @type {Point} */ { x, y, faint, name }, unit) {
  context.globalAlpha = faint ? 0.25 : 1;
  context.beginPath();
  context.arc(x, y, 2.6 * unit, 0, 2 * Math.PI);
  context.fillStyle = sideColour(name, name);
  context.fill();
  context.strokeStyle = "#0008";
  context.lineWidth = unit * 0.8;
  context.stroke();
}

/** Bright colours are most visible on an image, in either colour scheme. */
function sideColour(/** @type {string} */ first, /** @type {string} */ second) {
  const side = landmarkSide(first);
  return colours(true)[side === landmarkSide(second) ? side : "middle"];
}

/** @param {string} name such as left_knee, mouth_left */
function landmarkSide(name) {
  if (name.includes("left")) return "left";
  return name.includes("right") ? "right" : "middle";
}
