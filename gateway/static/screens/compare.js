/** Two runs on the same charts. */

import { json, motion, runPath } from "../lib/api.js";
import { colours } from "../lib/colours.js";
import { fill, h } from "../lib/dom.js";
import { date } from "../lib/format.js";
import { Playhead } from "../lib/playhead.js";
import { angleName, jointName, pickable, picker, sideless } from "../parts/angles.js";
import { chart } from "../parts/charts.js";
import { figure } from "../parts/statistics.js";
import { transport } from "../parts/transport.js";
import { t } from "../texts.js";

const STYLES = [
  { colour: () => colours().left, dash: undefined },
  { colour: () => colours().right, dash: [6, 4] },
];

/** @typedef {{name: string, run: any, angles: import("../lib/motion.js").Angles, statistics: any}} Compared */

/**
 * @param {AbortSignal} signal
 * @param {...string} runKeys two
 */
export async function compare(signal, ...runKeys) {
  const [skeleton, ...compared] = await Promise.all([
    json("/api/skeleton", { signal }),
    ...runKeys.map((key) => load(key, signal)),
  ]);
  compared.forEach((each, index) => (each.name = `${"AB"[index]}: ${each.run.name}, ${date(each.run.accepted_at)}`));
  const playhead = new Playhead(
    compared.map(({ angles }) => angles.times).reduce((a, b) => (b[b.length - 1] > a[a.length - 1] ? b : a)),
  );
  const choice = { joint: "knee", side: "r" };
  const charts = h("div", { class: "charts" });
  const band = h("p", { class: "hint", hidden: true }, t("band"));
  const table = h("div", { class: "scroller", tabindex: 0, role: "region", "aria-label": t("compare_statistics") });
  const sides = h("div", {});
  let drawing = new AbortController();
  const draw = async () => {
    drawing.abort();
    drawing = new AbortController();
    const both = AbortSignal.any([signal, drawing.signal]);
    const paired = skeleton.joints.some((/** @type {any} */ { name }) => name === `${choice.joint}_${choice.side}`);
    const group = skeleton.joints.find(
      (/** @type {any} */ { name }) => name === (paired ? `${choice.joint}_${choice.side}` : choice.joint),
    );
    sides.hidden = !paired;
    fill(table, statistics(group, compared));
    const made = await Promise.all(
      group.angles.map((/** @type {string} */ angle) => angleChart(group, angle, compared, playhead, both)),
    );
    if (both.aborted) return;
    fill(charts, made);
    band.hidden = charts.querySelector(".banded") === null;
  };
  const choose = (/** @type {Partial<typeof choice>} */ change) => {
    Object.assign(choice, change);
    draw();
  };
  fill(
    sides,
    picker(
      "side",
      t("side"),
      [
        ["r", t("right")],
        ["l", t("left")],
      ],
      choice.side,
      (side) => choose({ side }),
    ),
  );
  await draw();
  return h(
    "div",
    { class: "comparison" },
    h("h1", {}, t("compare_title")),
    h("p", { class: "hint" }, t("compare_note")),
    h(
      "section",
      { class: "card" },
      h(
        "div",
        { class: "row spread" },
        picker(
          "joint",
          t("joint"),
          pickable(skeleton.joints).map((joint) => [joint, jointName(joint)]),
          choice.joint,
          (joint) => choose({ joint }),
        ),
        sides,
      ),
      band,
      charts,
      transport(playhead, signal),
    ),
    h("section", { class: "card" }, h("h2", {}, t("compare_statistics")), table),
  );
}

/** @param {string} key @param {AbortSignal} signal @returns {Promise<Compared>} */
async function load(key, signal) {
  const [run, statistics, { angles }] = await Promise.all([
    json(runPath(key), { signal }),
    json(`${runPath(key)}statistics/`, { signal }),
    motion(key, signal),
  ]);
  return { name: run.name, run, angles, statistics };
}

/** @param {any} group @param {string} angle @param {Compared[]} compared @param {Playhead} playhead @param {AbortSignal} signal */
function angleChart(group, angle, compared, playhead, signal) {
  const curves = compared.map(({ name, angles }, index) => {
    const { times, values } = angles.curve(group.name, angle);
    return { times: times.map((time) => time - times[0]), values, label: name, ...STYLES[index] };
  });
  return chart({ title: angleName(sideless(group.name), angle), curves }, playhead, signal);
}

/** @param {any} group @param {Compared[]} compared */
function statistics(group, compared) {
  const rom = (/** @type {Compared} */ { statistics: { angles } }, /** @type {string} */ angle) =>
    angles.find((/** @type {any} */ row) => row.joint === group.name && row.angle === angle)?.range_of_motion ?? null;
  const rows = group.angles.map((/** @type {string} */ angle) => {
    const [one, other] = compared.map((each) => rom(each, angle));
    const difference = one === null || other === null ? null : other - one;
    return h(
      "tr",
      {},
      h("th", { scope: "row", class: "angle" }, angleName(sideless(group.name), angle)),
      h("td", {}, figure(one)),
      h("td", {}, figure(other)),
      h("td", { class: "strong" }, figure(difference)),
    );
  });
  const names = compared.map(({ name }) => h("th", { scope: "col" }, name));
  return h(
    "table",
    { class: "statistics" },
    h(
      "thead",
      {},
      h("tr", {}, h("th", { scope: "col" }, t("angle")), names, h("th", { scope: "col" }, t("difference"))),
    ),
    h("tbody", {}, rows),
  );
}
