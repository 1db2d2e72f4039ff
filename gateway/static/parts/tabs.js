/** The lists of what was analysed, beside each other. */

import { h } from "../lib/dom.js";
import { t } from "../texts.js";

const LISTS = ["runs", "subjects", "batches"];

/** @param {string} current one of the lists */
export function tabs(current) {
  const link = (/** @type {string} */ list) =>
    h("a", { href: `#/${list}`, "aria-current": list === current && "page" }, t(`list_${list}`));
  return h("nav", { class: "tabs", "aria-label": t("lists") }, LISTS.map(link));
}
