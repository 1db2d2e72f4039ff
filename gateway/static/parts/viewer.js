/** The skeleton in space: markers, segments, floor, and a camera that the user moves. */

import {
  AmbientLight,
  BufferAttribute,
  BufferGeometry,
  CanvasTexture,
  Color,
  CylinderGeometry,
  DirectionalLight,
  Fog,
  GridHelper,
  Group,
  InstancedMesh,
  LineBasicMaterial,
  LineSegments,
  Matrix4,
  MeshLambertMaterial,
  PerspectiveCamera,
  Points,
  PointsMaterial,
  Quaternion,
  SRGBColorSpace,
  Scene,
  Vector3,
  WebGLRenderer,
} from "three";
import { OrbitControls } from "orbit-controls";
import { colours, onScheme, sideOf } from "../lib/colours.js";
import { frameAt } from "../lib/motion.js";
import { Sharpness } from "./sharpness.js";

/** @typedef {import("../lib/motion.js").Markers} Markers */
/** @typedef {"front" | "side" | "top" | "angle"} Direction */

const BONE_RADIUS_M = 0.02;
const MARKER_RADIUS_M = 0.03;
const ADDED_RADIUS_M = 0.014;
const FIELD_OF_VIEW_DEG = 35;
const UP = new Vector3(0, 1, 0);
const HIDDEN = new Matrix4().makeScale(0, 0, 0);

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
   * @param {{markers: Markers, ghost?: Markers | null, segments: [string, string][], main: string[], label: string}} what
   *   `main` are the markers drawn large
   * @param {AbortSignal} signal
   */
  constructor(pane, { markers, ghost, segments, main, label }, signal) {
    this.pane = pane;
    this.markers = markers;
    this.#renderer = new WebGLRenderer({ antialias: true, powerPreference: "low-power" });
    this.#sharpness = new Sharpness(this.#renderer, () => this.render());
    this.#renderer.domElement.setAttribute("role", "img");
    this.#renderer.domElement.setAttribute("aria-label", label);
    pane.append(this.#renderer.domElement);
    this.body = new Body(markers, segments, main);
    this.ghost = ghost ? new GhostBody(ghost, segments) : null;
    this.#scene.add(this.body.group, new AmbientLight(0xffffff, 1.6), light());
    if (this.ghost) this.#scene.add(this.ghost.lines);
    this.#controls = new OrbitControls(this.#camera, this.#renderer.domElement);
    this.#controls.addEventListener("change", () => this.#request());
    this.#controls.maxPolarAngle = Math.PI * 0.6;
    this.#observe(signal);
    this.dress();
    this.look("angle");
    this.showTime(markers.times[0] ?? 0);
  }

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
    this.#scene.background = new Color(ground);
    this.#floor?.dispose();
    this.#floor?.removeFromParent();
    this.#floor = floorOf(this.markers, new Color(colours().marker).lerp(new Color(ground), 0.55));
    this.#scene.add(this.#floor);
    this.body.dress();
    this.ghost?.dress();
    this.#request();
  }

  /** @param {number} time seconds */
  showTime(time) {
    const frame = frameAt(this.markers.times, time);
    this.#frame = frame;
    this.pane.dataset.time = String(this.markers.times[frame]);
    if (this.#following) this.#moveTo(middleOf(this.markers, frame));
    this.body.show(frame);
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
    this.body.added.points.visible = visible;
    this.#request();
  }

  /** Look from a side: at the person, or at their whole path where they are not followed. @param {Direction} from */
  look(from) {
    const { centre, size } = this.#following ? extent(this.markers, this.#frame) : extent(this.markers);
    const front = facing(this.markers);
    const side = new Vector3().crossVectors(front, UP);
    const directions = {
      front,
      side,
      top: UP.clone().addScaledVector(front, 0.001),
      angle: front.clone().addScaledVector(side, 0.7).addScaledVector(UP, 0.35),
    };
    const narrow = Math.min(1, this.#camera.aspect);
    const distance = (0.6 * Math.max(size, 1.2)) / Math.tan((FIELD_OF_VIEW_DEG * Math.PI) / 360) / narrow;
    this.#controls.target.copy(centre);
    this.#camera.position.copy(centre).addScaledVector(directions[from].normalize(), distance);
    this.#scene.fog = new Fog(/** @type {Color} */ (this.#scene.background), distance * 1.6, distance * 4);
    this.#from = from;
    this.#controls.update();
    this.#request();
  }

  /** @type {Direction} */
  #from = "angle";

  #resize() {
    const { clientWidth, clientHeight } = this.pane;
    if (!clientWidth || !clientHeight) return;
    const first = this.#camera.aspect === 1;
    this.#renderer.setSize(clientWidth, clientHeight);
    this.#camera.aspect = clientWidth / clientHeight;
    this.#camera.updateProjectionMatrix();
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
    this.#sharpness.frameComes();
    this.#renderer.render(this.#scene, this.#camera);
  }
}

/** A solid body: cylinders for segments, balls for markers. */
class Body {
  /** @param {Markers} markers @param {[string, string][]} segments @param {string[]} main */
  constructor(markers, segments, main) {
    this.markers = markers;
    this.pairs = pairsOf(markers, segments);
    const isLarge = (/** @type {string} */ name) => main.length === 0 || main.includes(name);
    this.bones = cylinders(this.pairs.length);
    this.main = new Balls(markers, isLarge, MARKER_RADIUS_M);
    this.added = new Balls(markers, (name) => !isLarge(name), ADDED_RADIUS_M);
    this.group = new Group().add(this.bones, this.main.points, this.added.points);
  }

  dress() {
    const palette = colours();
    const { names } = this.markers;
    this.pairs.forEach(([a, b], index) =>
      this.bones.setColorAt(index, new Color(palette[commonSide(names[a], names[b])])),
    );
    if (this.bones.instanceColor) this.bones.instanceColor.needsUpdate = true;
    this.main.dress((name) => palette[sideOf(name)]);
    this.added.dress(() => palette.marker);
  }

  /** @param {number} frame */
  show(frame) {
    const from = new Vector3();
    const to = new Vector3();
    this.pairs.forEach(([a, b], index) => {
      point(this.markers, frame, a, from);
      point(this.markers, frame, b, to);
      this.bones.setMatrixAt(index, between(from, to));
    });
    this.bones.instanceMatrix.needsUpdate = true;
    this.main.show(frame);
    this.added.show(frame);
  }
}

/** Markers as sprites of balls that face the camera: thousands of triangles fewer than spheres. */
class Balls {
  /** @param {Markers} markers @param {(name: string) => boolean} chosen @param {number} radius metres */
  constructor(markers, chosen, radius) {
    this.markers = markers;
    this.chosen = markers.names.flatMap((name, index) => (chosen(name) ? [index] : []));
    this.places = new BufferAttribute(new Float32Array(this.chosen.length * 3), 3);
    this.tints = new BufferAttribute(new Float32Array(this.chosen.length * 3), 3);
    const geometry = new BufferGeometry().setAttribute("position", this.places).setAttribute("color", this.tints);
    this.points = new Points(geometry, ballMaterial(radius));
    this.points.frustumCulled = false;
  }

  /** @param {(name: string) => string} colour */
  dress(colour) {
    this.chosen.forEach((marker, index) => {
      const { r, g, b } = new Color(colour(this.markers.names[marker]));
      this.tints.setXYZ(index, r, g, b);
    });
    this.tints.needsUpdate = true;
  }

  /** @param {number} frame */
  show(frame) {
    fillPlaces(this.places, this.markers, frame, this.chosen);
  }
}

/** Write marker positions to an attribute; missing ones far below the floor. */
function fillPlaces(
  /** @type {any} */ places,
  /** @type {Markers} */ markers,
  /** @type {number} */ frame,
  /** @type {number[]} */ chosen,
) {
  const at = new Vector3();
  chosen.forEach((marker, index) => {
    if (Number.isNaN(point(markers, frame, marker, at).x)) at.set(0, -1000, 0);
    places.setXYZ(index, at.x, at.y, at.z);
  });
  places.needsUpdate = true;
}

/** @param {number} radius metres */
function ballMaterial(radius) {
  const size = (2 * radius) / Math.tan((FIELD_OF_VIEW_DEG * Math.PI) / 360); // three leaves the field of view out
  const material = new PointsMaterial({ size, map: ballPicture(), vertexColors: true, alphaTest: 0.5 });
  // A ball's front is nearer than the middle that it is placed at, and has to cover the segments that meet there.
  const nearer = `gl_Position = projectionMatrix * (mvPosition + vec4(0.0, 0.0, ${radius.toFixed(4)}, 0.0));`;
  material.onBeforeCompile = (/** @type {{vertexShader: string}} */ shader) => {
    shader.vertexShader = shader.vertexShader.replace(
      "#include <project_vertex>",
      `#include <project_vertex>\n${nearer}`,
    );
  };
  return material;
}

/** A white ball lit from above. */
function ballPicture() {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 64;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const light = context.createRadialGradient(26, 20, 2, 32, 32, 32);
  light.addColorStop(0, "#fff");
  light.addColorStop(0.6, "#d8d8d8");
  light.addColorStop(1, "#888");
  context.fillStyle = light;
  context.arc(32, 32, 31, 0, 2 * Math.PI);
  context.fill();
  const texture = new CanvasTexture(canvas);
  texture.colorSpace = SRGBColorSpace;
  return texture;
}

/** The unrefined motion as thin lines in the same place, visible through the body, so that every change shows. */
class GhostBody {
  /** @param {Markers} markers @param {[string, string][]} segments */
  constructor(markers, segments) {
    this.markers = markers;
    this.pairs = pairsOf(markers, segments);
    this.points = new BufferAttribute(new Float32Array(this.pairs.length * 6), 3);
    const geometry = new BufferGeometry().setAttribute("position", this.points);
    this.lines = new LineSegments(geometry, new LineBasicMaterial({ transparent: true, depthTest: false }));
    this.lines.frustumCulled = false;
    this.lines.renderOrder = 1;
    this.lines.visible = false;
  }

  dress() {
    this.lines.material.color.set(colours().ghost);
  }

  /** @param {number} frame */
  show(frame) {
    fillPlaces(this.points, this.markers, frame, this.pairs.flat());
  }
}

const matrix = new Matrix4();
const turn = new Quaternion();
const axis = new Vector3();
const middle = new Vector3();
const stretch = new Vector3();

/** A unit cylinder placed between two points; hidden where one is missing. */
function between(/** @type {Vector3} */ from, /** @type {Vector3} */ to) {
  const length = axis.subVectors(to, from).length();
  if (!(length > 0)) return HIDDEN;
  turn.setFromUnitVectors(UP, axis.divideScalar(length));
  return matrix.compose(middle.addVectors(from, to).multiplyScalar(0.5), turn, stretch.set(1, length, 1));
}

/** @param {number} count */
function cylinders(count) {
  const geometry = new CylinderGeometry(BONE_RADIUS_M, BONE_RADIUS_M, 1, 8, 1, true);
  const mesh = new InstancedMesh(geometry, new MeshLambertMaterial(), count);
  mesh.frustumCulled = false;
  return mesh;
}

/** @param {Markers} markers @param {[string, string][]} segments @returns {[number, number][]} */
function pairsOf(markers, segments) {
  const pairs = segments.map(([a, b]) => [markers.names.indexOf(a), markers.names.indexOf(b)]);
  return /** @type {[number, number][]} */ (pairs.filter(([a, b]) => a >= 0 && b >= 0));
}

/** @param {string} first @param {string} second */
function commonSide(first, second) {
  const sides = [sideOf(first), sideOf(second)].filter((side) => side !== "middle");
  return sides[0] === sides[sides.length - 1] ? (sides[0] ?? "middle") : "middle";
}

/** @param {Markers} markers @param {number} frame @param {number} marker @param {Vector3} into */
function point(markers, frame, marker, into) {
  return into.fromArray(markers.positions, (frame * markers.names.length + marker) * 3);
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

/** A grid of half metres on the floor under the motion. @param {Markers} markers @param {Color} colour */
function floorOf(markers, colour) {
  const { centre, size } = extent(markers);
  const side = Math.ceil(size + 4);
  const grid = new GridHelper(side, side * 2, colour, colour);
  grid.position.set(Math.round(centre.x), 0, Math.round(centre.z));
  return grid;
}
