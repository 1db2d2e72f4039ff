/** Statistics of the joint angles as a table. */

import { h } from "../lib/dom.js";
import { t } from "../texts.js";
import { angleName, jointName, pickable, sideless } from "./angles.js";

const FIGURES = /** @type {const} */ ([
  ["range_of_motion", "rom"],
  ["minimum", "minimum"],
  ["maximum", "maximum"],
  ["mean", "mean"],
]);

/** @typedef {{joint: string, angle: string, [figure: string]: any}} Row as the API gives them */

/** @param {number | null | undefined} value */
export function figure(value) {
  if (value == null) return "–";
  const text = value.toFixed(1);
  return text === "-0.0" ? "0.0" : text.replace("-", "−");
}

/** Tables of what has two sides, and of what has none. @param {{angles: Row[], asymmetries: Row[]}} statistics */
export function statisticsTables({ angles, asymmetries }) {
  const single = angles.filter((row) => sideless(row.joint) === row.joint);
  const right = angles.filter((row) => row.joint.endsWith("_r"));
  const partner = (/** @type {Row[]} */ rows, /** @type {string} */ joint, /** @type {string} */ angle) =>
    rows.find((row) => row.joint === joint && row.angle === angle) ?? null;
  const pairCells = (/** @type {Row} */ row) => {
    const joint = sideless(row.joint);
    return [
      ...figures(row),
      ...figures(partner(angles, `${joint}_l`, row.angle)),
      h("td", { class: "strong" }, figure(partner(asymmetries, joint, row.angle)?.range_of_motion)),
    ];
  };
  return h(
    "div",
    { class: "scroller", tabindex: 0, role: "region", "aria-label": t("statistics") },
    h(
      "table",
      { class: "statistics" },
      h("caption", {}, t("statistics_caption")),
      pairHead(),
      bodies(right, pairCells),
    ),
    h(
      "table",
      { class: "statistics" },
      h("caption", {}, t("statistics_middle")),
      h("thead", {}, h("tr", {}, names(), headings(""))),
      bodies(single, figures),
    ),
  );
}

/** One body a joint. @param {Row[]} rows @param {(row: Row) => HTMLElement[]} cells */
function bodies(rows, cells) {
  return pickable(rows.map((row) => ({ name: row.joint, mirrored: "", angles: [] }))).map((joint) => {
    const own = rows.filter((row) => sideless(row.joint) === joint);
    const first = h("th", { scope: "rowgroup", rowspan: own.length }, jointName(joint));
    return h(
      "tbody",
      {},
      own.map((row, index) =>
        h(
          "tr",
          {},
          index === 0 && first,
          h("th", { scope: "row", class: "angle" }, angleName(joint, row.angle)),
          cells(row),
        ),
      ),
    );
  });
}

/** @param {Row | null} row */
function figures(row) {
  return FIGURES.map(([key]) => h("td", { class: key === "range_of_motion" ? "strong" : null }, figure(row?.[key])));
}

/** @param {string} side */
function headings(side) {
  return FIGURES.map(([, name]) => h("th", { scope: "col", "aria-label": `${side} ${t(name)}`.trim() }, t(name)));
}

function names(rowspan = 1) {
  return [h("th", { scope: "col", rowspan }, t("joint")), h("th", { scope: "col", rowspan }, t("angle"))];
}

function pairHead() {
  const sides = ["right", "left"].map((side) => h("th", { scope: "colgroup", colspan: 4, class: side }, t(side)));
  return h(
    "thead",
    {},
    h("tr", {}, names(2), sides, h("th", { scope: "col", rowspan: 2 }, t("asymmetry"))),
    h("tr", {}, headings(t("right")), headings(t("left"))),
  );
}
