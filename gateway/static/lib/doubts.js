/** What a run's warnings and its view say against: joints, angles, and the comparison of right and left. */

const LEGS = ["hip", "knee", "ankle"];
const ALL = ["pelvis", "trunk", ...LEGS, "shoulder", "elbow"];
const UPRIGHT = ["pelvis", "trunk"];

/** Warning → joints whose angles are not to be used, some of them or all. `shared/results/trust.py` says the same of the verdict. */
export const AGAINST = /** @type {Record<string, {joints: string[], angles?: string[]}>} */ ({
  "perhaps-no-person": { joints: ALL },
  "facing-contradicted": { joints: ALL },
  "scale-implausible": { joints: ALL },
  "low-detection": { joints: ALL },
  "feet-implausible": { joints: ["ankle"] },
  "feet-occluded": { joints: ["ankle"] },
  "view-frontal": { joints: LEGS, angles: ["flexion", "dorsiflexion"] },
  "left-right-doubtful": { joints: LEGS },
  "camera-tilt-assumed": { joints: UPRIGHT },
  "camera-tilt-uncertain": { joints: UPRIGHT },
  "camera-travels": { joints: UPRIGHT },
  "joint-angles-undefined": { joints: ["shoulder"], angles: ["plane_of_elevation"] },
});

/** Warnings that forbid to compare right with left. */
const AGAINST_SIDES = ["left-right-doubtful", "markers-estimated"];

/** @typedef {{of: (joint: string, angle: string) => string[], sides: string | null}} Doubts
 * of: warnings (codes) against an angle; sides: why right and left are not compared (a code, or "lateral"), or null */

/** @param {{code: string}[]} warnings of quality.json @param {string | undefined} view @returns {Doubts} */
export function doubtsOf(warnings, view) {
  const codes = warnings.map(({ code }) => code);
  const of = (/** @type {string} */ joint, /** @type {string} */ angle) =>
    codes.filter((code) => {
      const { joints, angles } = AGAINST[code] ?? { joints: [] };
      return joints.includes(joint) && (!angles || angles.includes(angle));
    });
  const sides = AGAINST_SIDES.find((code) => codes.includes(code)) ?? (view === "lateral" ? "lateral" : null);
  return { of, sides };
}

/** Joints that a warning is about; none where it is about the video as a whole. @param {string} code */
export function jointsOf(code) {
  const { joints } = AGAINST[code] ?? { joints: [] };
  return joints.length === ALL.length ? [] : joints;
}
