/** Joint angles as charts: a joint at a time, right and left side by side or in one chart. */

import { colours } from "../lib/colours.js";
import { fill, h } from "../lib/dom.js";
import { readable } from "../lib/format.js";
import { t, tOr } from "../texts.js";
import { chart, span } from "./charts.js";

/** @typedef {{name: string, mirrored: string, angles: string[]}} Joint as the API describes it */
/** @typedef {import("../lib/motion.js").Angles} Angles */

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
    const angles = errors.map(([angle, error]) => `${readable(angle).toLowerCase()} ${error.toFixed(1)}°`).join(", ");
    return t(`error_${name}`, { view: t(`view_${found.view}`), clips: found[name].clips, angles });
  });
}

/**
 * @param {Joint[]} joints
 * @param {Angles} angles
 * @param {any} errors `measured_error` of quality.json
 * @param {import("../lib/playhead.js").Playhead} playhead
 * @param {AbortSignal} signal
 */
export function angleCharts(joints, angles, errors, playhead, signal) {
  const place = h("div", { class: "charts" });
  const band = h("p", { class: "hint", hidden: true }, t("band"));
  const error = h("p", { class: "hint measured-error" });
  const choice = { joint: "knee", sides: localStorage.getItem("sides") ?? "apart" };
  let drawing = new AbortController();
  const draw = async () => {
    drawing.abort();
    drawing = new AbortController();
    const both = AbortSignal.any([signal, drawing.signal]);
    const rows = await rowsOf(joints, choice, angles, playhead, both);
    if (both.aborted) return;
    fill(place, rows);
    error.textContent = errorsOf(errors, choice.joint).join(" ");
    band.hidden = place.querySelector(".banded") === null;
  };
  const choose = (/** @type {Partial<typeof choice>} */ change) => {
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
      picker(
        "joint",
        t("joint"),
        pickable(joints).map((joint) => [joint, jointName(joint)]),
        choice.joint,
        (joint) => choose({ joint }),
      ),
      picker(
        "sides",
        t("sides"),
        [
          ["apart", t("sides_apart")],
          ["together", t("sides_together")],
        ],
        choice.sides,
        (sides) => choose({ sides }),
      ),
    ),
    band,
    place,
    error,
  );
}

/**
 * @param {Joint[]} joints
 * @param {{joint: string, sides: string}} choice
 * @param {Angles} angles
 * @param {import("../lib/playhead.js").Playhead} playhead
 * @param {AbortSignal} signal
 */
async function rowsOf(joints, choice, angles, playhead, signal) {
  const groups = joints.filter(({ name }) => sideless(name) === choice.joint);
  const rows = [];
  for (const angle of groups[0].angles) {
    const curves = groups.map((group) => curveOf(group, angle, angles));
    const title = angleName(choice.joint, angle);
    const range = span(curves);
    const sets = choice.sides === "apart" ? curves.map((curve) => [curve]) : [curves];
    const charts = await Promise.all(sets.map((set) => chart({ title, curves: set, range }, playhead, signal)));
    rows.push(h("div", { class: charts.length > 1 ? "chart-row two" : "chart-row" }, charts));
  }
  return rows;
}

/** @param {Joint} group @param {string} angle @param {Angles} angles @returns {Promise<import("./charts.js").Curve>} */
function curveOf(group, angle, angles) {
  const curve = angles.curve(group.name, angle);
  const right = group.name.endsWith("_r");
  if (group.mirrored === group.name) return { ...curve, label: jointName(group.name), colour: () => colours().middle };
  if (right) return { ...curve, label: t("right"), colour: () => colours().right };
  return { ...curve, label: t("left"), colour: () => colours().left, dash: DASH };
}
