/** Printing the page of a run prints its report. */

import { call } from "./api.js";
import { h } from "./dom.js";

/** The report's own style. */
const STYLE = /<style>(.*?)<\/style>/s;

/**
 * Keep a run's report ready for the printer while its page is shown: below everything else, seen on paper only. Until
 * it has been fetched, or where the run has none, the page itself is printed.
 * @param {string} url of report.html
 * @param {AbortSignal} signal
 */
export async function printReport(url, signal) {
  const text = await (await call(url, { signal })).text();
  const [element, style] = text.match(STYLE) ?? ["", ""];
  const report = new DOMParser().parseFromString(text.replace(element, ""), "text/html"); // the policy forbids the element
  const [sheet, paper] = [new CSSStyleSheet(), new CSSStyleSheet()];
  sheet.replaceSync(style);
  paper.replaceSync(
    [...sheet.cssRules]
      .filter((rule) => rule instanceof CSSPageRule)
      .map((rule) => rule.cssText)
      .join("\n"),
  );
  asHost(sheet.cssRules);
  const printed = h("div", { class: "printed" });
  const root = printed.attachShadow({ mode: "open" });
  root.adoptedStyleSheets = [sheet];
  root.append(...report.body.children);
  if (signal.aborted) return;
  document.body.append(printed);
  document.adoptedStyleSheets.push(paper);
  signal.addEventListener("abort", () => {
    printed.remove();
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((each) => each !== paper);
  });
}

/** The report's rules for its body are for the element that contains it here. @param {CSSRuleList} rules */
function asHost(rules) {
  for (const rule of rules) {
    if (rule instanceof CSSStyleRule && rule.selectorText === "body") rule.selectorText = ":host";
    if (rule instanceof CSSMediaRule) asHost(rule.cssRules);
  }
}
