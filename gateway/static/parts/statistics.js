/** Statistics of the joint angles as a table. */

import { h } from "../lib/dom.js";
import { fixed } from "../lib/language.js";
import { t } from "../texts.js";
import { angleName, jointName, pickable, sideless } from "./angles.js";

/** @typedef {readonly [string, string]} Figure name in the API, and of its text */

const FIGURES = /** @type {readonly Figure[]} */ ([
  ["range_of_motion", "rom"],
  ["minimum", "minimum"],
  ["maximum", "maximum"],
  ["mean", "mean"],
]);
const ASYMMETRIES = /** @type {readonly Figure[]} */ ([
  ["range_of_motion", "rom"],
  ["mean", "mean"],
]);
const UNCERTAINTY = /** @type {Figure} */ (["uncertainty", "uncertainty"]);

/** @typedef {{joint: string, angle: string, [figure: string]: any}} Row as returned by the API */

/** @param {number | null | undefined} value */
export function figure(value) {
  if (value == null) return "–";
  return fixed(Math.abs(value) < 0.05 ? 0 : value, 1);
}

/** Tables of what has two sides, and of what has none. @param {{angles: Row[], asymmetries: Row[]}} statistics */
export function statisticsTables({ angles, asymmetries }) {
  const uncertain = angles.some(({ uncertainty }) => uncertainty !== null);
  const shown = uncertain ? [...FIGURES, UNCERTAINTY] : FIGURES;
  const single = angles.filter((row) => sideless(row.joint) === row.joint);
  const right = angles.filter((row) => row.joint.endsWith("_r"));
  const partner = (/** @type {Row[]} */ rows, /** @type {string} */ joint, /** @type {string} */ angle) =>
    rows.find((row) => row.joint === joint && row.angle === angle) ?? null;
  const pairCells = (/** @type {Row} */ row) => {
    const joint = sideless(row.joint);
    return [
      ...figures(shown, row),
      ...figures(shown, partner(angles, `${joint}_l`, row.angle)),
      ...ASYMMETRIES.map(([key]) => h("td", {}, figure(partner(asymmetries, joint, row.angle)?.[key]))),
    ];
  };
  return h(
    "div",
    { class: "scroller", tabindex: 0, role: "region", "aria-label": t("statistics") },
    h(
      "table",
      { class: "statistics" },
      h("caption", {}, t("statistics_caption")),
      pairHead(shown),
      bodies(right, pairCells),
    ),
    h(
      "table",
      { class: "statistics" },
      h("caption", {}, t("statistics_middle")),
      h("thead", {}, h("tr", {}, names(), headings(shown, ""))),
      bodies(single, (row) => figures(shown, row)),
    ),
    uncertain && h("p", { class: "hint" }, t("statistics_uncertainty")),
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

/** @param {readonly Figure[]} shown @param {Row | null} row */
function figures(shown, row) {
  return shown.map(([key]) => h("td", { class: key === "range_of_motion" ? "strong" : null }, figure(row?.[key])));
}

/** @param {readonly Figure[]} shown @param {string} side */
function headings(shown, side) {
  return shown.map(([, name]) => h("th", { scope: "col", "aria-label": `${side} ${t(name)}`.trim() }, t(name)));
}

function names(rowspan = 1) {
  return [
    h("th", { scope: "col", rowspan }, t("joint")),
    h("th", { scope: "col", rowspan, class: "angle" }, t("angle")),
  ];
}

/** @param {readonly Figure[]} shown */
function pairHead(shown) {
  const sides = ["right", "left"].map((side) =>
    h("th", { scope: "colgroup", colspan: shown.length, class: side }, t(side)),
  );
  return h(
    "thead",
    {},
    h("tr", {}, names(2), sides, h("th", { scope: "colgroup", colspan: 2, class: "both" }, t("asymmetry"))),
    h("tr", {}, headings(shown, t("right")), headings(shown, t("left")), headings(ASYMMETRIES, t("asymmetry"))),
  );
}
