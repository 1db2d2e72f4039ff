/** All subjects by code. */

import { json } from "../lib/api.js";
import { subjectAddress } from "../lib/address.js";
import { fill, h } from "../lib/dom.js";
import { day } from "../lib/format.js";
import { tabs } from "../parts/tabs.js";
import { t } from "../texts.js";

const SHOWN_AT_ONCE = 100;

/** @param {AbortSignal} signal */
export async function subjects(signal) {
  const { subjects: all } = await json("/api/subjects/", { signal });
  const rows = h("tbody", {});
  const status = h("p", { class: "hint", role: "status" });
  const view = { shown: SHOWN_AT_ONCE, query: "" };
  const more = h(
    "button",
    { type: "button", onclick: () => show({ shown: view.shown + SHOWN_AT_ONCE }) },
    t("history_more"),
  );
  const show = (/** @type {Partial<typeof view>} */ change = {}) => {
    Object.assign(view, change);
    const found = all.filter((/** @type {any} */ { subject }) =>
      subject.toLowerCase().includes(view.query.toLowerCase().trim()),
    );
    fill(rows, found.slice(0, view.shown).map(row));
    more.hidden = found.length <= view.shown;
    status.textContent =
      all.length === 0
        ? t("subjects_none")
        : found.length === 0
          ? t("subjects_no_match")
          : t("subjects_count", { count: found.length });
  };
  const search = h("input", {
    type: "search",
    placeholder: t("subjects_search"),
    "aria-label": t("subjects_search"),
    oninput: (/** @type {any} */ event) => show({ query: event.target.value, shown: SHOWN_AT_ONCE }),
  });
  show();
  const heads = ["subject", "sessions", "runs", "first", "last"].map((name) =>
    h("th", { scope: "col" }, t(`subjects_${name}`)),
  );
  return h(
    "div",
    { class: "history" },
    h("div", { class: "heading" }, h("h1", {}, t("subjects_title")), tabs("subjects")),
    all.length > 0 && search,
    status,
    all.length > 0 &&
      h("section", { class: "card" }, h("table", { class: "stacked list" }, h("thead", {}, h("tr", {}, heads)), rows)),
    h("div", { class: "actions" }, more),
  );
}

/** @param {any} subject */
function row({ subject, runs, sessions, first_session, last_session }) {
  const cell = (/** @type {string} */ name, /** @type {any} */ value) =>
    h("td", { "data-head": t(`subjects_${name}`) }, value);
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, h("a", { href: subjectAddress(subject) }, subject)),
    cell("sessions", String(sessions)),
    cell("runs", String(runs)),
    cell("first", day(first_session)),
    cell("last", day(last_session)),
  );
}
