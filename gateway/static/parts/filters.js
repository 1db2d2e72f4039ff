/** Filters of the list of runs, which the server applies. */

import { h } from "../lib/dom.js";
import { t } from "../texts.js";

const TASKS = ["auto", "gait", "squat", "lunge", "sit_to_stand", "jump", "range_of_motion", "none"];
const STATES = ["queued", "running", "completed", "failed", "cancelled"];
export const GROUPINGS = ["subject", "session", "task"];

/** Wait for the next letter before the server is asked. */
const PAUSE_MS = 250;

/** @typedef {Record<string, string>} Filters as the API names them, and `group` */

/**
 * @param {Filters} begin
 * @param {(filters: Filters) => void} changed
 */
export function filters(begin, changed) {
  const search = h("input", {
    type: "search",
    name: "text",
    placeholder: t("history_search"),
    "aria-label": t("history_search"),
  });
  const others = [
    text("subject"),
    text("session", "date"),
    choice("task", TASKS, (task) => t(`task_${task}`)),
    text("label"),
    choice("status", STATES, (status) => t(`status_${status}`)),
    choice("group", GROUPINGS, (grouping) => t(`group_${grouping}`), t("group_none")),
  ];
  const clear = h("button", { type: "button", onclick: () => put({}) }, t("filters_clear"));
  const form = h(
    "form",
    { class: "filters", role: "search", "aria-label": t("filters") },
    search,
    h(
      "details",
      { open: Object.keys(begin).some((name) => name !== "text") },
      h("summary", {}, t("filters")),
      h("div", { class: "fields" }, others, clear),
    ),
  );
  const inputs = /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll("[name]")]);
  const put = (/** @type {Filters} */ values) => {
    for (const input of inputs) input.value = values[input.name] ?? "";
    tell();
  };
  const tell = () =>
    changed(Object.fromEntries(inputs.map(({ name, value }) => [name, value.trim()]).filter(([, value]) => value)));
  for (const input of inputs) input.value = begin[input.name] ?? "";
  let timer = 0;
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(tell, PAUSE_MS);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    tell();
  });
  return form;
}

/** @param {string} name @param {string} [type] */
function text(name, type = "text") {
  return labelled(name, h("input", { name, type, id: `filter-${name}`, autocomplete: "off" }));
}

/** @param {string} name @param {string[]} values @param {(value: string) => string} words @param {string} [any] */
function choice(name, values, words, any = t("filter_any")) {
  const options = values.map((value) => h("option", { value }, words(value)));
  return labelled(name, h("select", { name, id: `filter-${name}` }, h("option", { value: "" }, any), options));
}

/** @param {string} name @param {HTMLElement} input */
function labelled(name, input) {
  return h("div", { class: "field" }, h("label", { for: input.id }, t(`filter_${name}`)), input);
}
