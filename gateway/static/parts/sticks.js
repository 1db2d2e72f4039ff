/** The skeleton as sticks and balls, and another motion as thin lines. */

import {
  BufferAttribute,
  BufferGeometry,
  CanvasTexture,
  Color,
  CylinderGeometry,
  Group,
  InstancedMesh,
  LineBasicMaterial,
  LineSegments,
  Matrix4,
  MeshLambertMaterial,
  Points,
  PointsMaterial,
  Quaternion,
  SRGBColorSpace,
  Vector3,
} from "three";
import { colours, sideOf } from "../lib/colours.js";

/** @typedef {import("../lib/motion.js").Markers} Markers */

const BONE_RADIUS_M = 0.02;
const MARKER_RADIUS_M = 0.03;
/** Of these, inside a body. */
const SLENDER = 0.6;
const ADDED_RADIUS_M = 0.014;
/** Of the viewer's camera, which a ball's size on the screen depends on. */
export const FIELD_OF_VIEW_DEG = 35;
const UP = new Vector3(0, 1, 0);
const HIDDEN = new Matrix4().makeScale(0, 0, 0);

/** Cylinders for segments, balls for markers. */
export class Sticks {
  /** @param {Markers} markers @param {[string, string][]} segments @param {string[]} main @param {boolean} inside a body */
  constructor(markers, segments, main, inside) {
    const size = inside ? SLENDER : 1;
    this.markers = markers;
    this.pairs = pairsOf(markers, segments);
    const isLarge = (/** @type {string} */ name) => main.length === 0 || main.includes(name);
    this.bones = cylinders(this.pairs.length, size * BONE_RADIUS_M);
    this.main = new Balls(markers, isLarge, size * MARKER_RADIUS_M);
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
export class Ghost {
  /** @param {Markers} markers @param {[string, string][]} segments */
  constructor(markers, segments) {
    this.markers = markers;
    this.pairs = pairsOf(markers, segments);
    this.points = new BufferAttribute(new Float32Array(this.pairs.length * 6), 3);
    const geometry = new BufferGeometry().setAttribute("position", this.points);
    this.lines = new LineSegments(geometry, new LineBasicMaterial({ transparent: true, depthTest: false }));
    this.lines.frustumCulled = false;
    this.lines.renderOrder = 3;
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

/** @param {number} count @param {number} radius metres */
function cylinders(count, radius) {
  const geometry = new CylinderGeometry(radius, radius, 1, 8, 1, true);
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

/** A marker's place. @param {Markers} markers @param {number} frame @param {number} marker @param {Vector3} into */
export function point(markers, frame, marker, into) {
  return into.fromArray(markers.positions, (frame * markers.names.length + marker) * 3);
}
