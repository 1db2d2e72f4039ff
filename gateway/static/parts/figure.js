/** A human body, posed by the markers: MakeHuman's mesh (CC0) on fifteen segments. */

import { BufferAttribute, BufferGeometry, Color, Group, Matrix4, Mesh, MeshBasicMaterial, Vector3 } from "three";
import { colours, sideOf } from "../lib/colours.js";
import { readArrays } from "../lib/motion.js";
import { point } from "./sticks.js";

/** @typedef {import("../lib/motion.js").Markers} Markers */
/** @typedef {[string, string]} Way from one marker to another */
/**
 * A segment's frame: its origin, the axis along which it is as long as its markers are apart, and a second direction.
 * `turn` has alternatives, of which the first whose markers there are counts; several ways are added up.
 * @typedef {{origin: string, along: Way, axis: "y" | "z", turn: Way[][]}} Definition
 */

const OPACITY = 0.6;
/** Where the light comes from, and how bright the side is that faces away from it. */
const SUN = new Vector3(2, 5, 3).normalize();
const SHADE = 0.45;
/** Share of the frames in which the lowest sole is below the floor that is drawn. */
const FLOOR_QUANTILE = 0.25;
const FRAMES_LOOKED_AT = 200;
/** A segment is drawn at most this much longer or shorter than the body's size tells. */
const STRETCH = 1.4;

const ACROSS = /** @type {Way[]} */ ([["RHip", "LHip"]]);

/** From right to left, so that every segment's x is to the body's left. @param {"r" | "l"} side @param {string} joint @returns {Way} */
function hinge(side, joint) {
  return side === "r" ? [`r_${joint}_study`, `r_m${joint}_study`] : [`L_m${joint}_study`, `L_${joint}_study`];
}

/** @param {"r" | "l"} side @returns {Record<string, Definition>} */
function limbs(side) {
  const S = side.toUpperCase();
  const [knee, ankle] = ["knee", "ankle"].map((joint) => hinge(side, joint));
  const [elbow, wrist] = ["elbow", "wrist"].map(
    (joint) => /** @type {Way} */ (hinge(side, joint).map((name) => name.replace(`_${joint}`, `_l${joint}`))),
  );
  const forearm = /** @type {Way} */ ([`${S}Wrist`, `${S}Elbow`]);
  return {
    [`thigh_${side}`]: { origin: `${S}Hip`, along: [`${S}Knee`, `${S}Hip`], axis: "y", turn: [[knee], ACROSS] },
    [`shank_${side}`]: { origin: `${S}Knee`, along: [`${S}Ankle`, `${S}Knee`], axis: "y", turn: [[ankle], ACROSS] },
    [`foot_${side}`]: { origin: `${S}Ankle`, along: [`${S}Heel`, `${S}BigToe`], axis: "z", turn: [[ankle], ACROSS] },
    [`upper_arm_${side}`]: {
      origin: `${S}Shoulder`,
      along: [`${S}Elbow`, `${S}Shoulder`],
      axis: "y",
      turn: [[elbow], ACROSS],
    },
    [`forearm_${side}`]: { origin: `${S}Elbow`, along: forearm, axis: "y", turn: [[elbow, wrist], ACROSS] },
    [`hand_${side}`]: { origin: `${S}Wrist`, along: forearm, axis: "y", turn: [[wrist], ACROSS] },
  };
}

/** @type {Record<string, Definition>} */
const DEFINITIONS = {
  pelvis: { origin: "Hip", along: ["Hip", "Neck"], axis: "y", turn: [ACROSS] },
  trunk: { origin: "Neck", along: ["Hip", "Neck"], axis: "y", turn: [[["RShoulder", "LShoulder"]]] },
  head: { origin: "Neck", along: ["Neck", "Head"], axis: "y", turn: [[["RShoulder", "LShoulder"]]] },
  ...limbs("r"),
  ...limbs("l"),
};

/** A body for these markers; null where they are not those of a body. @param {ArrayBuffer} file human.bin @param {Markers} markers */
export function figureOf(file, markers) {
  const needed = Object.values(DEFINITIONS).flatMap(({ origin, along }) => [origin, ...along]);
  return needed.every((name) => markers.names.includes(name)) ? new Figure(file, markers) : null;
}

export class Figure {
  /** @param {ArrayBuffer} file @param {Markers} markers */
  constructor(file, markers) {
    const { header, array } = readArrays(file);
    this.markers = markers;
    this.names = header.segments;
    const rest = { times: new Float64Array(1), names: header.markers, positions: array("markers") };
    this.rest = this.names.map((/** @type {string} */ name) => new Segment(DEFINITIONS[name], rest));
    this.posed = this.names.map((/** @type {string} */ name) => new Segment(DEFINITIONS[name], markers));
    this.rest.forEach((/** @type {Segment} */ segment) => segment.place(0));
    this.size = sizeOf(this.posed, this.rest, markers.times.length);
    this.skin = { segments: array("segments"), shares: array("shares") };
    this.geometry = geometryOf(array);
    this.shape = Float32Array.from(array("vertices"));
    this.normals = Float32Array.from(this.geometry.attributes.normal.array);
    this.tints = new Float32Array(this.shape.length);
    this.inverses = this.rest.map(({ frame }) => frame.clone().invert());
    this.moves = this.names.map(() => new Matrix4());
    this.soles = solesOf(array);
    // The first fills the depth only, so that no inner side shows through the second.
    const [depth, skin] = [{ colorWrite: false }, { depthWrite: false, opacity: OPACITY, vertexColors: true }].map(
      (look, order) => {
        const mesh = new Mesh(this.geometry, new MeshBasicMaterial({ ...look, transparent: true, fog: false }));
        mesh.frustumCulled = false;
        mesh.renderOrder = 1 + order;
        return mesh;
      },
    );
    this.group = new Group().add(depth, skin);
    this.dress();
  }

  /** Colours of the page's scheme: of the sides, and between them where the body is between. */
  dress() {
    const palette = colours();
    const tints = this.names.map((/** @type {string} */ name) => new Color(palette[sideOf(name)]));
    const { segments, shares } = this.skin;
    for (let vertex = 0; vertex < this.tints.length / 3; vertex++) {
      const mixed = new Color(0, 0, 0);
      for (let each = 4 * vertex; each < 4 * vertex + 4; each++)
        mixed.add(new Color().copy(tints[segments[each]]).multiplyScalar(shares[each] / 255));
      mixed.toArray(this.tints, 3 * vertex);
    }
    this.#shown = -1;
  }

  #shown = -1;

  /** To be called before a frame is drawn. @param {number} frame */
  show(frame) {
    if (frame === this.#shown || !this.group.visible) return;
    this.#shown = frame;
    this.#move(frame);
    this.#bend();
  }

  /** Where the segments of a frame are. @param {number} frame */
  #move(frame) {
    this.posed.forEach((/** @type {Segment} */ segment, /** @type {number} */ index) => {
      segment.place(frame);
      const move = this.moves[index];
      if (Number.isNaN(segment.length)) move.makeScale(0, 0, 0).setPosition(0, -1000, 0);
      else move.copy(segment.frame).scale(this.#stretch(index)).multiply(this.inverses[index]);
    });
  }

  /** Skin and light, here and not on the graphics card: machines without one draw this several times faster. */
  #bend() {
    const { position, color } = this.geometry.attributes;
    const [places, lights] = [position.array, color.array];
    const { segments, shares } = this.skin;
    const { shape, normals, tints } = this;
    const moves = this.moves.map(({ elements }) => elements);
    for (let vertex = 0, at = 0; at < shape.length; vertex++, at += 3) {
      const px = shape[at];
      const py = shape[at + 1];
      const pz = shape[at + 2];
      const nx = normals[at];
      const ny = normals[at + 1];
      const nz = normals[at + 2];
      places[at] = places[at + 1] = places[at + 2] = 0;
      let bx = 0;
      let by = 0;
      let bz = 0;
      for (let each = 4 * vertex; each < 4 * vertex + 4 && shares[each] > 0; each++) {
        const m = moves[segments[each]];
        const share = shares[each] / 255;
        places[at] += share * (m[0] * px + m[4] * py + m[8] * pz + m[12]);
        places[at + 1] += share * (m[1] * px + m[5] * py + m[9] * pz + m[13]);
        places[at + 2] += share * (m[2] * px + m[6] * py + m[10] * pz + m[14]);
        bx += share * (m[0] * nx + m[4] * ny + m[8] * nz);
        by += share * (m[1] * nx + m[5] * ny + m[9] * nz);
        bz += share * (m[2] * nx + m[6] * ny + m[10] * nz);
      }
      const towards = (SUN.x * bx + SUN.y * by + SUN.z * bz) / (Math.sqrt(bx * bx + by * by + bz * bz) || 1);
      const light = SHADE + (1 - SHADE) * (0.5 + 0.5 * towards);
      lights[at] = light * tints[at];
      lights[at + 1] = light * tints[at + 1];
      lights[at + 2] = light * tints[at + 2];
    }
    position.needsUpdate = color.needsUpdate = true;
  }

  /** @param {number} index of the segment */
  #stretch(index) {
    const { axis, length } = this.posed[index];
    const wanted = length / this.rest[index].length;
    const all = scale.setScalar(this.size);
    all[axis] = Math.min(Math.max(wanted, this.size / STRETCH), this.size * STRETCH);
    return all;
  }

  /** Height on which the soles stand, metres: the floor of the drawing. */
  floor() {
    const heights = [];
    const at = new Vector3();
    const step = Math.max(1, Math.floor(this.markers.times.length / FRAMES_LOOKED_AT));
    for (let frame = 0; frame < this.markers.times.length; frame += step) {
      this.#move(frame);
      let lowest = Infinity;
      for (const [index, places] of this.soles)
        for (const place of places) {
          const { y } = at.copy(place).applyMatrix4(this.moves[index]);
          if (y > -100) lowest = Math.min(lowest, y);
        }
      if (Number.isFinite(lowest)) heights.push(lowest);
    }
    heights.sort((a, b) => a - b);
    return heights[Math.floor(FLOOR_QUANTILE * heights.length)] ?? 0;
  }
}

const scale = new Vector3();
const [x, y, z, way, ends] = Array.from({ length: 5 }, () => new Vector3());

/** A segment's frame in each frame of a motion. */
class Segment {
  frame = new Matrix4();
  /** Distance between the markers of its axis, metres; NaN where one is missing. */
  length = NaN;

  /** @param {Definition} definition @param {Markers} markers */
  constructor({ origin, along, axis, turn }, markers) {
    const indices = (/** @type {Way} */ names) => names.map((name) => markers.names.indexOf(name));
    this.markers = markers;
    this.origin = markers.names.indexOf(origin);
    this.along = indices(along);
    this.axis = axis;
    this.turns = turn.map((ways) => ways.map(indices)).filter((ways) => ways.flat().every((index) => index >= 0));
  }

  /** @param {number} frame */
  place(frame) {
    this.#between(frame, this.along, way);
    this.length = way.length();
    for (const ways of this.turns) {
      x.set(0, 0, 0);
      for (const each of ways) x.add(this.#between(frame, each, ends).normalize());
      if (x.lengthSq() > 0) break;
    }
    const main = way.normalize();
    x.addScaledVector(main, -x.dot(main)).normalize();
    if (this.axis === "y") z.crossVectors(x, y.copy(main));
    else y.crossVectors(z.copy(main), x);
    this.frame.makeBasis(x, y, z).setPosition(point(this.markers, frame, this.origin, ends));
    if (!(x.lengthSq() > 0) || Number.isNaN(ends.x)) this.length = NaN;
  }

  /** @param {number} frame @param {number[]} markers @param {Vector3} into */
  #between(frame, [from, to], into) {
    point(this.markers, frame, from, start);
    return point(this.markers, frame, to, into).sub(start);
  }
}

const start = new Vector3();

/** Size of the person over that of the mesh: the median over time of legs and trunk. @param {Segment[]} posed @param {Segment[]} rest @param {number} frames */
function sizeOf(posed, rest, frames) {
  const long = [0, 1, 3, 4, 9, 10]; // pelvis (to the neck), trunk, thighs and shanks
  const ratios = [];
  const step = Math.max(1, Math.floor(frames / FRAMES_LOOKED_AT));
  for (let frame = 0; frame < frames; frame += step)
    for (const index of long) {
      posed[index].place(frame);
      const ratio = posed[index].length / rest[index].length;
      if (ratio > 0) ratios.push(ratio);
    }
  ratios.sort((a, b) => a - b);
  return ratios[ratios.length >> 1] ?? 1;
}

/** @param {(name: string) => any} array */
function geometryOf(array) {
  const vertices = Float32Array.from(array("vertices"));
  const geometry = new BufferGeometry();
  geometry.setIndex(new BufferAttribute(array("triangles"), 1));
  geometry.setAttribute("position", new BufferAttribute(vertices, 3));
  geometry.setAttribute("color", new BufferAttribute(new Float32Array(vertices.length), 3));
  geometry.computeVertexNormals();
  return geometry;
}

/** The lowest vertices of either foot, by segment. @param {(name: string) => any} array @returns {Map<number, Vector3[]>} */
function solesOf(array) {
  const [vertices, segments] = [array("vertices"), array("segments")];
  const soles = new Map();
  for (let vertex = 0; vertex < vertices.length / 3; vertex++) {
    const at = new Vector3().fromArray(vertices, 3 * vertex);
    const segment = segments[4 * vertex];
    if (at.y < 0.02) soles.set(segment, [...(soles.get(segment) ?? []), at]);
  }
  return soles;
}
