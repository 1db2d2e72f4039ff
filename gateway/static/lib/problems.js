/** What the server's problems say, in the page's language. */

import { t, has } from "../texts.js";
import { language } from "./language.js";

/**
 * The server's own words in English, as they name what is wrong most exactly; in other languages the text of the
 * problem's code, where there is one.
 * @param {{code: string, detail: string}} problem
 */
export function problemText({ code, detail }) {
  const name = code === "nobody-detected" ? "problem_none_found" : `problem_${code.replaceAll("-", "_")}`;
  return language !== "en" && has(name) ? t(name) : detail;
}

/** The same for one field of a form. @param {{field: string, detail: string}} fault */
export function faultText({ field, detail }) {
  if (language === "en") return detail;
  return has(`fault_${field}`) ? t(`fault_${field}`) : t("fault_other", { detail });
}
