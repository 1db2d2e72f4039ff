/** Statistics of the joint angles as a table. */

import { h } from "../lib/dom.js";
import { t } from "../texts.js";
import { angleName, jointName, pickable, sideless } from "./angles.js";

const FIGURES = /** @type {const} */ ([["range_of_motion", "rom"], ["minimum", "minimum"], ["maximum", "maximum"], ["mean", "mean"]]);

/** @param {number | null | undefined} value */
export function figure(value) {
  return value == null ? "–" : value.toFixed(1).replace("-", "−");
}

/** @param {any} statistics as the API gives them */
export function statisticsTable({ angles, asymmetries }) {
  const joints = pickable(angles.map((/** @type {any} */ row) => ({ name: row.joint })));
  const find = (/** @type {any[]} */ rows, /** @type {string} */ joint, /** @type {string} */ angle) => rows.find((row) => row.joint === joint && row.angle === angle);
  const names = (/** @type {string} */ joint) => [...new Set(angles.filter((/** @type {any} */ row) => sideless(row.joint) === joint).map((/** @type {any} */ row) => row.angle))];
  const cells = (/** @type {any} */ row) => FIGURES.map(([key]) => h("td", { class: key === "range_of_motion" ? "strong" : null }, row ? figure(row[key]) : ""));
  const body = joints.map((joint) =>
    h(
      "tbody",
      {},
      names(joint).map((angle, index) => {
        const middle = find(angles, joint, angle);
        const asymmetry = find(asymmetries, joint, angle);
        return h(
          "tr",
          {},
          index === 0 && h("th", { scope: "rowgroup", rowspan: names(joint).length }, jointName(joint)),
          h("th", { scope: "row", class: "angle" }, angleName(joint, angle)),
          ...cells(middle ?? find(angles, `${joint}_r`, angle)),
          ...cells(find(angles, `${joint}_l`, angle)),
          h("td", { class: "strong" }, asymmetry ? figure(asymmetry.range_of_motion) : ""),
        );
      }),
    ),
  );
  return h(
    "div",
    { class: "scroller", tabindex: 0, role: "region", "aria-label": t("statistics") },
    h("table", { class: "statistics" }, h("caption", {}, t("statistics_caption")), head(), ...body),
  );
}

function head() {
  const figures = (/** @type {string} */ side) => FIGURES.map(([, name]) => h("th", { scope: "col", "aria-label": `${side} ${t(name)}` }, t(name)));
  return h(
    "thead",
    {},
    h("tr", {}, h("th", { scope: "col", rowspan: 2 }, t("joint")), h("th", { scope: "col", rowspan: 2 }, t("angle")), h("th", { scope: "colgroup", colspan: 4, class: "right" }, t("right")), h("th", { scope: "colgroup", colspan: 4, class: "left" }, t("left")), h("th", { scope: "col", rowspan: 2 }, t("asymmetry"))),
    h("tr", {}, figures(t("right")), figures(t("left"))),
  );
}
