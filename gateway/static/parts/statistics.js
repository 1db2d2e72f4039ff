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

/**
 * Tables of what has two sides, and of what has none. What a warning speaks against is greyed, with the reason below.
 * @param {{angles: Row[], asymmetries: Row[]}} statistics
 * @param {import("../lib/doubts.js").Doubts} doubts
 */
export function statisticsTables({ angles, asymmetries }, doubts) {
  const notes = new Footnotes(doubts);
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
      ...ASYMMETRIES.map(([key]) =>
        h("td", {}, doubts.sides ? "–" : figure(partner(asymmetries, joint, row.angle)?.[key])),
      ),
    ];
  };
  return h(
    "div",
    { class: "scroller", tabindex: 0, role: "region", "aria-label": t("statistics") },
    h(
      "table",
      { class: "statistics" },
      h("caption", {}, t("statistics_caption")),
      pairHead(shown, notes),
      bodies(right, pairCells, notes),
    ),
    h(
      "table",
      { class: "statistics" },
      h("caption", {}, t("statistics_middle")),
      h("thead", {}, h("tr", {}, names(), headings(shown, ""))),
      bodies(single, (row) => figures(shown, row), notes),
    ),
    notes.list(),
    uncertain && h("p", { class: "hint" }, t("statistics_uncertainty")),
  );
}

/** Numbers the reasons in the order in which the tables first give them. */
class Footnotes {
  /** @type {string[]} */
  #given = [];

  /** @param {import("../lib/doubts.js").Doubts} doubts */
  constructor(doubts) {
    this.doubts = doubts;
  }

  /** The numbers of reasons, raised; null where there is none. @param {(string | null)[]} reasons */
  marks(reasons) {
    const known = reasons.filter((reason) => reason !== null);
    for (const reason of known) if (!this.#given.includes(reason)) this.#given.push(reason);
    const numbers = known.map((reason) => this.#given.indexOf(reason) + 1);
    return numbers.length > 0 ? h("sup", {}, ` ${numbers.join(", ")}`) : null;
  }

  list() {
    if (this.#given.length === 0) return null;
    const items = this.#given.map((reason) => h("li", {}, t(`against_${reason.replaceAll("-", "_")}`)));
    return h("ol", { class: "footnotes hint" }, items);
  }
}

/** One body a joint. @param {Row[]} rows @param {(row: Row) => HTMLElement[]} cells @param {Footnotes} notes */
function bodies(rows, cells, notes) {
  return pickable(rows.map((row) => ({ name: row.joint, mirrored: "", angles: [] }))).map((joint) => {
    const own = rows.filter((row) => sideless(row.joint) === joint);
    const first = h("th", { scope: "rowgroup", rowspan: own.length }, jointName(joint));
    return h(
      "tbody",
      {},
      own.map((row, index) => {
        const against = notes.doubts.of(joint, row.angle);
        return h(
          "tr",
          { class: against.length > 0 && "doubtful" },
          index === 0 && first,
          h("th", { scope: "row", class: "angle" }, angleName(joint, row.angle), notes.marks(against)),
          cells(row),
        );
      }),
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

/** @param {readonly Figure[]} shown @param {Footnotes} notes */
function pairHead(shown, notes) {
  const sides = ["right", "left"].map((side) =>
    h("th", { scope: "colgroup", colspan: shown.length, class: side }, t(side)),
  );
  const asymmetry = h(
    "th",
    { scope: "colgroup", colspan: 2, class: "both" },
    t("asymmetry"),
    notes.marks([notes.doubts.sides]),
  );
  return h(
    "thead",
    {},
    h("tr", {}, names(2), sides, asymmetry),
    h("tr", {}, headings(shown, t("right")), headings(shown, t("left")), headings(ASYMMETRIES, t("asymmetry"))),
  );
}
