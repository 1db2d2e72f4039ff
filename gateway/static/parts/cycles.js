/** An angle over the mean repetition or gait cycle, with every repetition and the norms. */

import { colours } from "../lib/colours.js";
import { meanOf, normalised, PERCENT } from "../lib/repetitions.js";
import { t } from "../texts.js";

/** Opacity of a single repetition, and of the norms, as the end of a colour. */
const SINGLE = "66";
const NORMS = "cc";

/**
 * What to draw of one angle: a chart for the cycles of each side that it has. Mean and standard deviation are those of
 * cycles.csv where it has them.
 * @param {import("./angles.js").AngleCurve} curve over time
 * @param {import("../lib/repetitions.js").Repetition[]} repetitions
 * @param {import("../lib/repetitions.js").MeanCycle[]} cycles of this angle
 */
export function overCycle(curve, repetitions, cycles) {
  const sided = repetitions.some(({ side }) => side !== null);
  const sides = !sided ? [null] : curve.side === "middle" ? ["right", "left"] : [curve.side];
  return sides.flatMap((side) => {
    const own = repetitions.filter((each) => each.side === side);
    const given = cycles.find((each) => each.joint === curve.joint && each.side === side);
    return own.length > 0 ? [{ curves: curvesOf(curve, side, own, given), repetitions: own }] : [];
  });
}

/**
 * @param {import("./angles.js").AngleCurve} curve
 * @param {string | null} side of the cycles
 * @param {import("../lib/repetitions.js").Repetition[]} own
 * @param {import("../lib/repetitions.js").MeanCycle | undefined} given
 * @returns {import("../lib/curves.js").Curve[]}
 */
function curvesOf(curve, side, own, given) {
  const colour = curve.side === "middle" && side ? () => colours()[/** @type {"right"} */ (side)] : curve.colour;
  const dash = curve.dash ?? (curve.side === "middle" && side === "left" ? [6, 4] : undefined);
  const single = own.map((each) => normalised(curve, each));
  const { mean, sd, n } = given ?? meanOf(single);
  const name = curve.side === "middle" && side ? t(`cycle_${side}`) : curve.label;
  const quiet = { quiet: true, times: PERCENT };
  const norm = given?.normMean && {
    ...quiet,
    label: t("norms"),
    values: given.normMean,
    spread: given.normSd,
    colour: () => `${colours().marker}${NORMS}`,
    width: 1,
  };
  const each = single.map((values) => ({
    ...quiet,
    label: "",
    values,
    colour: () => `${colour()}${SINGLE}`,
    width: 1,
  }));
  const label = n > 1 ? t("mean_of", { name, count: n }) : name;
  return [
    ...(norm ? [norm] : []),
    ...each,
    { label, times: PERCENT, values: mean, spread: sd, colour, dash, width: 2.5 },
  ];
}
