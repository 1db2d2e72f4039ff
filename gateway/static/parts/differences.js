/** A table of values and of how the others differ from the first, with the error of each difference. */

import { h } from "../lib/dom.js";
import { t } from "../texts.js";

/** `error`: null where it is not known, undefined where the table says so for all. @typedef {{value: number, error?: number | null}} Measured */
/** @typedef {{label: string, write: (value: number) => string, values: (Measured | null)[]}} Row `write`: value with unit */

/**
 * @param {{caption: string, about?: string, heads: string[], rows: Row[]}} what `heads`: of the values, then of the differences
 */
export function differenceTable({ caption, about, heads, rows }) {
  return h(
    "div",
    { class: "scroller", tabindex: 0, role: "region", "aria-label": caption },
    h(
      "table",
      { class: "stacked differences" },
      h("caption", {}, caption),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, t("change_figure")),
          heads.map((head) => h("th", { scope: "col" }, head)),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map((row) => rowOf(row, heads)),
      ),
    ),
    about && h("p", { class: "hint" }, about),
  );
}

/** @param {Row} row @param {string[]} heads */
function rowOf({ label, write, values }, heads) {
  const [first, ...others] = values;
  const cells = [
    ...values.map((each) => ({ words: each ? write(each.value) : "–", kind: null })),
    ...others.map((other) => difference(first, other, write)),
  ];
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, label),
    cells.map(({ words, kind }, index) => h("td", { class: kind, "data-head": heads[index] }, words)),
  );
}

/**
 * The error of a difference is the root of the sum of both errors' squares.
 * @param {Measured | null} first
 * @param {Measured | null} other
 * @param {(value: number) => string} write
 */
function difference(first, other, write) {
  if (!first || !other) return { words: "–", kind: null };
  const change = other.value - first.value;
  const words = `${change > 0 ? "+" : ""}${write(change)}`;
  if (first.error === undefined || other.error === undefined) return { words, kind: "strong" };
  if (first.error === null || other.error === null)
    return { words: `${words} (${t("error_unknown")})`, kind: "strong" };
  const error = Math.hypot(first.error, other.error);
  const within = Math.abs(change) <= error;
  return {
    words: `${words} ± ${write(error)}${within ? `: ${t("error_within")}` : ""}`,
    kind: within ? "within" : "strong",
  };
}
