/** The verdict on a run and the key figures of its task: what one came for, before any curve. */

import { h, icon } from "../lib/dom.js";
import { readable } from "../lib/format.js";
import { fixed, translate } from "../lib/language.js";
import { t, tOr } from "../texts.js";

/** Units that are stated as whole numbers; others have two decimals. */
const WHOLE = ["°", "1", "steps/min", "% of the cycle", "% of the mean"];

/** @typedef {{name: string, side: "right" | "left" | null, value: number, sd: number | null, unit: string}} Parameter */

/** A figure's name in words. @param {string} name */
export function figureName(name) {
  return tOr(`figure_${name}`, readable(name));
}

/** The same with the side. @param {string} name @param {string | null} side */
export function sidedName(name, side) {
  return side ? `${figureName(name)}, ${t(side).toLowerCase()}` : figureName(name);
}

/** Value ± standard deviation and unit. @param {{value: number, sd: number | null, unit: string}} figure */
export function figureText({ value, sd, unit }) {
  const written = (/** @type {number} */ number) => fixed(number, WHOLE.includes(unit) ? 0 : 2);
  const uncertain = sd === null ? "" : ` ± ${written(sd)}`;
  return `${written(value)}${uncertain}${{ 1: "", "°": "°" }[unit] ?? ` ${translate(unit)}`}`;
}

/** @param {Parameter[]} figures */
function table(figures) {
  const names = [...new Set(figures.map(({ name }) => name))];
  const row = (/** @type {string} */ name) => {
    const cell = (/** @type {string | null} */ side) => figures.find((each) => each.name === name && each.side === side);
    const both = cell(null);
    const sides = ["right", "left"].map((side) => {
      const figure = cell(side);
      return h("td", {}, figure ? figureText(figure) : "–");
    });
    const head = h("th", { scope: "row" }, figureName(name));
    return h("tr", {}, head, both ? h("td", { colspan: 2 }, figureText(both)) : sides);
  };
  const twoSided = figures.some(({ side }) => side !== null);
  const head = h("tr", {}, h("td", {}), h("th", { scope: "col" }, t("right")), h("th", { scope: "col" }, t("left")));
  return h(
    "table",
    { class: "key-figures" },
    h("caption", {}, t("key_figures_caption")),
    twoSided && h("thead", {}, head),
    h("tbody", {}, names.map(row)),
  );
}

/**
 * @param {string | undefined} verdict in the page's language
 * @param {any} found parameters of the run, or null where it was not analysed
 */
export function keyFigures(verdict, found) {
  if (!verdict && !found) return null;
  const how = found && t(found.recognised ? "task_recognised" : "task_given", { task: t(`task_${found.task}`) });
  return h(
    "section",
    { class: "card answers" },
    h("h2", {}, t("key_figures")),
    verdict && h("p", { class: "trust" }, verdict),
    found && h("p", { class: "hint" }, how),
    found?.key_figures.length > 0 && table(found.key_figures),
    found?.not_measurable.length > 0 &&
      h(
        "ul",
        { class: "missing" },
        found.not_measurable.map((/** @type {any} */ { what, reason, template, values }) =>
          h("li", {}, icon("note"), t("not_measurable", { what: translate(what), reason: translate(template || reason, values) })),
        ),
      ),
  );
}
