/** The body in space: figure, sticks, floor, and a camera that the user moves or that is the video's. */

import {
  AmbientLight,
  Color,
  DirectionalLight,
  Fog,
  GridHelper,
  Matrix4,
  PerspectiveCamera,
  Scene,
  Vector3,
  WebGLRenderer,
} from "three";
import { OrbitControls } from "orbit-controls";
import { colours, onScheme } from "../lib/colours.js";
import { h } from "../lib/dom.js";
import { frameAt } from "../lib/motion.js";
import { figureOf } from "./figure.js";
import { Sharpness } from "./sharpness.js";
import { FIELD_OF_VIEW_DEG, Ghost, point, Sticks } from "./sticks.js";

/** @typedef {import("../lib/motion.js").Markers} Markers */
/** @typedef {"front" | "side" | "top" | "angle" | "camera"} Direction */
/** @typedef {{pose: import("../lib/resection.js").VideoCamera, framing: import("../lib/framing.js").Framing, video: HTMLVideoElement}} Recorded */

const UP = new Vector3(0, 1, 0);

/**
 * Shows one motion, and a second one as its ghost. `showTime` moves both; the scene is drawn again only when
 * something has changed.
 */
export class Viewer {
  #scene = new Scene();
  #camera = new PerspectiveCamera(FIELD_OF_VIEW_DEG, 1, 0.05, 200);
  #pending = false;

  /**
   * @param {HTMLElement} pane
   * @param {{markers: Markers, ghost?: Markers | null, segments: [string, string][], main: string[], label: string, human: ArrayBuffer | null, recorded: Recorded | null}} what
   *   `main` are the markers drawn large; `human` is the file of the figure; `recorded`: how the video sees the body
   * @param {AbortSignal} signal
   */
  constructor(pane, { markers, ghost, segments, main, label, human, recorded }, signal) {
    this.pane = pane;
    this.markers = markers;
    this.recorded = recorded;
    this.#renderer = new WebGLRenderer({ antialias: true, alpha: true, powerPreference: "low-power" });
    this.#sharpness = new Sharpness(this.#renderer, () => this.render());
    this.#renderer.domElement.setAttribute("role", "img");
    this.#renderer.domElement.setAttribute("aria-label", label);
    pane.append(...(recorded ? [this.#backdrop] : []), this.#renderer.domElement);
    this.figure = human && figureOf(human, markers);
    this.sticks = new Sticks(markers, segments, main, this.figure !== null);
    this.ghost = ghost ? new Ghost(ghost, segments) : null;
    this.#scene.add(this.sticks.group, new AmbientLight(0xffffff, 1.6), light());
    if (this.figure) this.#scene.add(this.figure.group);
    if (this.ghost) this.#scene.add(this.ghost.lines);
    this.#ground = this.figure?.floor() ?? 0;
    this.#controls = new OrbitControls(this.#camera, this.#renderer.domElement);
    this.#controls.addEventListener("change", () => this.#request());
    this.#controls.maxPolarAngle = Math.PI * 0.6;
    this.#observe(signal);
    this.dress();
    this.look("angle");
    this.showTime(markers.times[0] ?? 0);
  }

  #backdrop = /** @type {HTMLCanvasElement} */ (
    h("canvas", { class: "backdrop", hidden: true, "aria-hidden": "true" })
  );
  #ground = 0;
  #renderer;
  #sharpness;
  #controls;
  #frame = 0;
  /** @type {GridHelper | null} */
  #floor = null;

  /** @param {AbortSignal} signal */
  #observe(signal) {
    const observer = new ResizeObserver(() => this.#resize());
    observer.observe(this.pane);
    onScheme(() => this.dress(), signal);
    this.recorded?.framing.addEventListener("change", () => this.#request(), { signal });
    for (const event of ["seeked", "loadeddata"])
      this.recorded?.video.addEventListener(event, () => this.#request(), { signal });
    signal.addEventListener("abort", () => {
      observer.disconnect();
      this.#controls.dispose();
      this.#renderer.dispose();
      this.#renderer.forceContextLoss();
    });
  }

  /** Colours of the page's scheme. */
  dress() {
    const ground = getComputedStyle(document.documentElement).getPropertyValue("--sunken").trim();
    this.#scene.background = this.#from === "camera" ? null : new Color(ground);
    this.#floor?.dispose();
    this.#floor?.removeFromParent();
    this.#floor = floorOf(this.markers, this.#ground, new Color(colours().marker).lerp(new Color(ground), 0.55));
    this.#scene.add(this.#floor);
    this.sticks.dress();
    this.figure?.dress();
    this.ghost?.dress();
    this.#request();
  }

  /** @param {number} time seconds */
  showTime(time) {
    const frame = frameAt(this.markers.times, time);
    this.#frame = frame;
    this.pane.dataset.time = String(this.markers.times[frame]);
    if (this.#following && this.#from !== "camera") this.#moveTo(middleOf(this.markers, frame));
    this.sticks.show(frame);
    this.ghost?.show(frameAt(this.ghost.markers.times, time));
    this.#request();
  }

  /** Whether the camera goes along with the person. @param {boolean} following */
  setFollow(following) {
    this.#following = following;
    this.look(this.#from);
  }

  #following = true;

  /** Move camera and target along the floor, so that the target is here. @param {Vector3} place */
  #moveTo(place) {
    if (Number.isNaN(place.x)) return;
    const way = place.sub(this.#controls.target).setY(0);
    this.#controls.target.add(way);
    this.#camera.position.add(way);
    this.#controls.update();
  }

  /** @param {boolean} visible */
  setGhost(visible) {
    if (this.ghost) this.ghost.lines.visible = visible;
    this.#request();
  }

  /** Whether the markers that the augmentation added are drawn. @param {boolean} visible */
  setAdded(visible) {
    this.sticks.added.points.visible = visible;
    this.#request();
  }

  /** @param {boolean} visible */
  setFigure(visible) {
    if (this.figure) this.figure.group.visible = visible;
    this.#request();
  }

  /** Whether the video is shown behind the body where it is seen by the video's camera. @param {boolean} visible */
  setVideo(visible) {
    this.#showsVideo = visible;
    this.#request();
  }

  #showsVideo = true;

  /** Look from a side: at the person, or at their whole path where they are not followed; or as the video's camera. @param {Direction} from */
  look(from) {
    this.#from = from;
    this.#controls.enabled = from !== "camera";
    this.dress();
    if (from === "camera") this.#standAtCamera();
    else this.#standAt(from);
    this.#request();
  }

  #standAtCamera() {
    const { rotation, position } = /** @type {Recorded} */ (this.recorded).pose;
    const [right, down, away] = [0, 3, 6].map((row) => new Vector3(...rotation.slice(row, row + 3)));
    this.#camera.quaternion.setFromRotationMatrix(new Matrix4().makeBasis(right, down.negate(), away.negate()));
    this.#camera.position.set(...position);
    this.#scene.fog = null;
  }

  /** Show what the video's pane would show, with the video behind the body. */
  #overlay() {
    const { pose, framing, video } = /** @type {Recorded} */ (this.recorded);
    const [width, height] = pose.size;
    const rect = framing.rect(this.#frame, this.#aspect);
    this.#camera.fov = (360 / Math.PI) * Math.atan(height / 2 / pose.focal);
    this.#camera.aspect = width / height;
    this.#camera.setViewOffset(width, height, rect.x, rect.y, rect.width, rect.height);
    this.#backdrop.hidden = !this.#showsVideo;
    if (this.#showsVideo) paintFrame(this.#backdrop, video, pose.size, rect);
  }

  #aspect = 1;

  /** @param {Exclude<Direction, "camera">} from */
  #standAt(from) {
    this.#backdrop.hidden = true;
    this.#camera.clearViewOffset();
    this.#camera.fov = FIELD_OF_VIEW_DEG;
    this.#camera.aspect = this.#aspect;
    this.#camera.updateProjectionMatrix();
    const { centre, size } = this.#following ? extent(this.markers, this.#frame) : extent(this.markers);
    const front = facing(this.markers);
    const side = new Vector3().crossVectors(front, UP);
    const directions = {
      front,
      side,
      top: UP.clone().addScaledVector(front, 0.001),
      angle: front.clone().addScaledVector(side, 0.7).addScaledVector(UP, 0.35),
    };
    const narrow = Math.min(1, this.#aspect);
    const distance = (0.6 * Math.max(size, 1.2)) / Math.tan((FIELD_OF_VIEW_DEG * Math.PI) / 360) / narrow;
    this.#controls.target.copy(centre);
    this.#camera.position.copy(centre).addScaledVector(directions[from].normalize(), distance);
    this.#scene.fog = new Fog(/** @type {Color} */ (this.#scene.background), distance * 1.6, distance * 4);
    this.#controls.update();
  }

  /** @type {Direction} */
  #from = "angle";

  #resize() {
    const { clientWidth, clientHeight } = this.pane;
    if (!clientWidth || !clientHeight) return;
    const first = this.#aspect === 1;
    this.#renderer.setSize(clientWidth, clientHeight);
    this.#aspect = clientWidth / clientHeight;
    if (this.#from !== "camera") {
      this.#camera.aspect = this.#aspect;
      this.#camera.updateProjectionMatrix();
    }
    if (first) this.look(this.#from);
    this.render();
  }

  #request() {
    if (this.#pending) return;
    this.#pending = true;
    requestAnimationFrame(() => this.render());
  }

  render() {
    this.#pending = false;
    this.figure?.show(this.#frame);
    if (this.#from === "camera") this.#overlay();
    this.#sharpness.frameComes();
    this.#renderer.render(this.#scene, this.#camera);
  }
}

function light() {
  const sun = new DirectionalLight(0xffffff, 2);
  sun.position.set(2, 5, 3);
  return sun;
}

/** Centre and largest side of the box around a frame, or the whole motion; metres. @param {Markers} markers @param {number} [frame] */
function extent({ positions, names }, frame) {
  const width = names.length * 3;
  const part = frame === undefined ? positions : positions.subarray(frame * width, (frame + 1) * width);
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  part.forEach((value, index) => {
    if (value < low[index % 3]) low[index % 3] = value;
    if (value > high[index % 3]) high[index % 3] = value;
  });
  if (!Number.isFinite(low[0])) return { centre: new Vector3(0, 1, 0), size: 2 };
  const sides = high.map((value, index) => value - low[index]);
  const centre = new Vector3().fromArray(high.map((value, index) => (value + low[index]) / 2));
  return { centre, size: Math.max(...sides) };
}

/** Mean of the markers of a frame; NaN where there is none. @param {Markers} markers @param {number} frame */
function middleOf(markers, frame) {
  const sum = new Vector3();
  const at = new Vector3();
  let count = 0;
  for (let marker = 0; marker < markers.names.length; marker++)
    if (!Number.isNaN(point(markers, frame, marker, at).x)) {
      sum.add(at);
      count += 1;
    }
  return sum.divideScalar(count);
}

/** Where the person looks in the first frame, from the hips; towards +Z where there are none. @param {Markers} markers */
function facing(markers) {
  const [right, left] = ["RHip", "LHip"].map((name) => markers.names.indexOf(name));
  const across = new Vector3();
  if (right >= 0 && left >= 0) {
    const rightHip = point(markers, 0, right, new Vector3());
    across.subVectors(point(markers, 0, left, new Vector3()), rightHip).setY(0);
  }
  if (!(across.lengthSq() > 0)) return new Vector3(0, 0, 1);
  return across.cross(UP).normalize();
}

/** The part of the video's current frame that a pane shows. */
function paintFrame(
  /** @type {HTMLCanvasElement} */ canvas,
  /** @type {HTMLVideoElement} */ video,
  /** @type {[number, number]} */ [width, height],
  /** @type {import("../lib/framing.js").Rect} */ rect,
) {
  canvas.width = canvas.clientWidth * devicePixelRatio;
  canvas.height = canvas.clientHeight * devicePixelRatio;
  if (!video.videoWidth) return;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const [scaleX, scaleY] = [canvas.width / rect.width, canvas.height / rect.height];
  context.drawImage(video, -rect.x * scaleX, -rect.y * scaleY, width * scaleX, height * scaleY);
}

/** A grid of half metres on the floor under the motion. @param {Markers} markers @param {number} height metres @param {Color} colour */
function floorOf(markers, height, colour) {
  const { centre, size } = extent(markers);
  const side = Math.ceil(size + 4);
  const grid = new GridHelper(side, side * 2, colour, colour);
  grid.position.set(Math.round(centre.x), height, Math.round(centre.z));
  return grid;
}
