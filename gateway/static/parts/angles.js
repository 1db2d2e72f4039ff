/** Joint angles as charts: a joint at a time, right and left side by side or in one chart. */

import { CycleAxis, TimeAxis } from "../lib/axes.js";
import { colours } from "../lib/colours.js";
import { span } from "../lib/curves.js";
import { fill, h, icon } from "../lib/dom.js";
import { readable } from "../lib/format.js";
import { fixed, translate } from "../lib/language.js";
import { REPEATED, repetitionsOf } from "../lib/repetitions.js";
import { t, tOr } from "../texts.js";
import { brush } from "./brush.js";
import { chart } from "./charts.js";
import { overCycle } from "./cycles.js";
import { marksOf } from "./marks.js";

/** @typedef {{name: string, mirrored: string, angles: string[]}} Joint as the API describes it */
/** @typedef {import("../lib/motion.js").Angles} Angles */
/** @typedef {{joint: string, sides: string, over: string}} Choice */
/** @typedef {{task: string, events: import("../lib/repetitions.js").RunEvent[], cycles: import("../lib/repetitions.js").MeanCycle[], norms: string | null}} Found */

const DASH = [6, 4];

/** `knee_r` → `knee`. @param {string} joint */
export function sideless(joint) {
  return joint.replace(/_[rl]$/, "");
}

/** The joints without sides, in the order in which they are picked. @param {Joint[]} joints */
export function pickable(joints) {
  return [...new Set(joints.map(({ name }) => sideless(name)))];
}

/** @param {string} joint */
export function jointName(joint) {
  return tOr(`joint_${joint}`, readable(joint));
}

/** @param {string} joint @param {string} angle */
export function angleName(joint, angle) {
  return tOr(`${joint}_${angle}`, readable(angle));
}

/**
 * A row of radio buttons that looks like tabs.
 * @param {string} name
 * @param {string} legend
 * @param {[string, string][]} choices value and words
 * @param {string} value
 * @param {(value: string) => void} chosen
 */
export function picker(name, legend, choices, value, chosen) {
  return h(
    "fieldset",
    { class: "picker" },
    h("legend", { class: "visually-hidden" }, legend),
    choices.map(([each, words]) =>
      h(
        "label",
        {},
        h("input", { type: "radio", name, value: each, checked: each === value, onchange: () => chosen(each) }),
        h("span", {}, words),
      ),
    ),
  );
}

/** Sentences: the measured error of a joint's angles in the run's view. @param {any} found of quality.json @param {string} joint */
function errorsOf(found, joint) {
  const people = ["rendered", "real"].filter((name) => found?.[name]?.mae_deg[joint]);
  return people.map((name) => {
    const errors = Object.entries(found[name].mae_deg[joint]);
    const angles = errors
      .map(([angle, error]) => `${translate(readable(angle).toLowerCase())} ${fixed(error, 1)}°`)
      .join(", ");
    return t(`error_${name}`, { view: t(`view_${found.view}`), clips: found[name].clips, angles });
  });
}

/**
 * @param {{joints: Joint[], angles: Angles, errors: any, found: Found | null, doubts: import("../lib/doubts.js").Doubts}} what `errors`: `measured_error` of
 *   quality.json; `found`: task, events and mean cycles, null where the run was not analysed
 * @param {import("../lib/playhead.js").Playhead} playhead
 * @param {AbortSignal} signal
 */
export function angleCharts({ joints, angles, errors, found, doubts }, playhead, signal) {
  const place = h("div", { class: "charts" });
  const key = h("p", { class: "hint chart-key" });
  const error = h("p", { class: "hint measured-error" });
  const against = h("ul", { class: "missing against" });
  const axis = new TimeAxis(playhead);
  const range = brush(axis, playhead, signal);
  const repetitions = found && REPEATED.includes(found.task) ? repetitionsOf(found.task, found.events) : [];
  const choice = { joint: "knee", sides: localStorage.getItem("sides") ?? "apart", over: "time" };
  playhead.addEventListener("change", () => axis.follow(), { signal });
  let drawing = new AbortController();
  const draw = async () => {
    drawing.abort();
    drawing = new AbortController();
    const both = AbortSignal.any([signal, drawing.signal]);
    const groups = joints.filter(({ name }) => sideless(name) === choice.joint);
    const charts = chartsOf(groups, choice, { angles, found, repetitions, axis }, playhead);
    const rows = await Promise.all(charts.map((row) => chartRow(row, playhead, both)));
    if (both.aborted) return;
    fill(place, rows);
    range.element.hidden = choice.over !== "time";
    range.draw(groups.map((group) => curveOf(group, group.angles[0], angles)));
    error.textContent = errorsOf(errors, choice.joint).join(" ");
    fill(against, reasonsAgainst(doubts, choice.joint, groups[0].angles));
    key.textContent = keyOf(choice, found, place.querySelector(".banded") !== null);
  };
  const choose = (/** @type {Partial<Choice>} */ change) => {
    Object.assign(choice, change);
    localStorage.setItem("sides", choice.sides);
    draw();
  };
  draw();
  return h(
    "section",
    { class: "card angles" },
    h("h2", {}, t("angles")),
    h(
      "div",
      { class: "row spread" },
      jointPicker(joints, choice, choose),
      ...pickers(repetitions.length > 0, choice, choose),
    ),
    against,
    range.element,
    key,
    place,
    error,
  );
}

/** @param {Joint[]} joints @param {Choice} choice @param {(change: Partial<Choice>) => void} choose */
function jointPicker(joints, choice, choose) {
  const names = pickable(joints).map((joint) => /** @type {[string, string]} */ ([joint, jointName(joint)]));
  return picker("joint", t("joint"), names, choice.joint, (joint) => choose({ joint }));
}

/** @param {boolean} repeated @param {Choice} choice @param {(change: Partial<Choice>) => void} choose */
function pickers(repeated, choice, choose) {
  const words = (/** @type {string[]} */ values, /** @type {string} */ name) =>
    values.map((value) => /** @type {[string, string]} */ ([value, t(`${name}_${value}`)]));
  return [
    repeated && picker("over", t("over"), words(["time", "cycle"], "over"), choice.over, (over) => choose({ over })),
    picker("sides", t("sides"), words(["apart", "together"], "sides"), choice.sides, (sides) => choose({ sides })),
  ];
}

/** What the run's warnings say against a joint's angles. @param {import("../lib/doubts.js").Doubts} doubts @param {string} joint @param {string[]} angles */
function reasonsAgainst(doubts, joint, angles) {
  const codes = [...new Set(angles.flatMap((angle) => doubts.of(joint, angle)))];
  return codes.map((code) => h("li", {}, icon("note"), t(`against_${code.replaceAll("-", "_")}`)));
}

/** What shading, lines and bands mean. @param {Choice} choice @param {Found | null} found @param {boolean} banded */
function keyOf({ over }, found, banded) {
  if (over === "cycle") {
    const norms = found?.cycles.some(({ normMean }) => normMean)
      ? [t("cycle_norms", { source: found.norms ?? "" })]
      : [];
    return [t("cycle_key"), ...norms].join(" ");
  }
  const marks = found && found.events.length > 0 && found.task !== "none" ? [t(`marks_${found.task}`)] : [];
  return [...(banded ? [t("band")] : []), ...marks, t("zoom_how")].join(" ");
}

/**
 * The charts of a joint in rows, one row an angle.
 * @param {Joint[]} groups right and left of the joint
 * @param {Choice} choice
 * @param {{angles: Angles, found: Found | null, repetitions: import("../lib/repetitions.js").Repetition[], axis: TimeAxis}} data
 * @param {import("../lib/playhead.js").Playhead} playhead
 */
function chartsOf(groups, choice, { angles, found, repetitions, axis }, playhead) {
  return groups[0].angles.map((angle) => {
    const title = angleName(choice.joint, angle);
    const curves = groups.map((group) => curveOf(group, angle, angles));
    if (choice.over === "time") {
      const marks = (/** @type {AngleCurve[]} */ shown) =>
        found &&
        marksOf(
          found,
          shown.map(({ side }) => side),
        );
      const sets = choice.sides === "apart" ? curves.map((curve) => [curve]) : [curves];
      return sets.map((set) => ({ title, curves: set, range: span(curves), axis, marks: marks(set) }));
    }
    const cycles = (found?.cycles ?? []).filter((each) => each.angle === angle);
    const drawn = curves.flatMap((curve) => overCycle(curve, repetitions, cycles));
    const all = span(drawn.flatMap(({ curves: set }) => set));
    const sets = choice.sides === "apart" ? drawn : [joined(drawn)];
    return sets.map((set) => ({
      title,
      curves: set.curves,
      range: all,
      axis: new CycleAxis(playhead, set.repetitions),
    }));
  });
}

/** Both sides in one chart. @param {ReturnType<typeof overCycle>} sets */
function joined(sets) {
  return {
    curves: sets.flatMap(({ curves }) => curves),
    repetitions: [...new Set(sets.flatMap(({ repetitions }) => repetitions))].sort((a, b) => a.start - b.start),
  };
}

/** @param {any[]} charts @param {import("../lib/playhead.js").Playhead} playhead @param {AbortSignal} signal */
async function chartRow(charts, playhead, signal) {
  const made = await Promise.all(charts.map((each) => chart(each, playhead, signal)));
  return h("div", { class: made.length > 1 ? "chart-row two" : "chart-row" }, made);
}

/** @typedef {import("../lib/curves.js").Curve & {joint: string, side: "right" | "left" | "middle"}} AngleCurve */

/** @param {Joint} group @param {string} angle @param {Angles} angles @returns {AngleCurve} */
function curveOf(group, angle, angles) {
  const curve = { ...angles.curve(group.name, angle), joint: group.name };
  const side = group.mirrored === group.name ? "middle" : group.name.endsWith("_r") ? "right" : "left";
  const colour = () => colours()[side];
  if (side === "middle") return { ...curve, side, label: jointName(group.name), colour };
  return { ...curve, side, label: t(side), colour, dash: side === "left" ? DASH : undefined };
}
