/** The options of a run as plain questions. The options, their defaults and limits are read from the API's schema. */

import { h } from "../lib/dom.js";
import { readable } from "../lib/format.js";
import { t, tOr } from "../texts.js";
import { field } from "./fields.js";

/** @typedef {import("./fields.js").Field} Field */

/** Asked of everybody; all others are for experts. */
const FIRST = ["task", "subject"];
/** The groups of the others; what is in none of them comes last. @type {[string, RegExp][]} */
const GROUPS = [
  ["options", /^(blur_faces|estimate_missing|force_complete|main_refiner|temporal_smoothing|pose_model)$/],
  ["notes", /^(session|labels|side|note)$/],
  ["extras", /^(plot_|save_|show_all|export_|opensim|c3d|csv_style|pdf)/],
  ["others", /./],
];
const ELSEWHERE = ["video", "upload_key", "video_name", "consent", "height", "weight", "person", "language"];
/** Entered elsewhere, or not applicable to a page. */
const NOT_HERE = [...ELSEWHERE, "batch", "show_video", "webhook_url", "webhook_secret"];

/**
 * @param {Record<string, any>} schema properties of the form by name
 * @param {Record<string, any>} known answers to begin with, instead of the defaults
 * @returns {{first: HTMLElement[], experts: HTMLElement, fields: Field[]}}
 */
export function options(schema, known) {
  const fields = Object.entries(schema)
    .filter(([name]) => !NOT_HERE.includes(name))
    .map(([name, property]) => option(name, { ...property.anyOf?.[0], ...property }, known[name]));
  const groupOf = (/** @type {string} */ name) => GROUPS.find(([, pattern]) => pattern.test(name))?.[0];
  const among = (/** @type {(name: string) => boolean} */ chosen) =>
    fields.filter(({ name }) => chosen(name)).map(({ element }) => element);
  const experts = h(
    "details",
    { class: "options" },
    h("summary", {}, t("expert")),
    h("p", { class: "hint" }, t("options_more")),
    GROUPS.map(([group]) =>
      h(
        "fieldset",
        {},
        h("legend", {}, t(group)),
        among((name) => !FIRST.includes(name) && groupOf(name) === group),
      ),
    ),
  );
  return { first: among((name) => FIRST.includes(name)), experts, fields };
}

/** @param {string} name @param {any} property @param {any} known @returns {Field} */
function option(name, property, known) {
  const id = `option-${name}`;
  const input = /** @type {HTMLInputElement} */ (inputOf(name, id, property, known ?? property.default));
  const described = { id: `${id}-hint`, class: "hint" };
  input.setAttribute("aria-describedby", described.id);
  const question = h(
    "label",
    { for: id },
    tOr(`q_${name}`, readable(name)),
    " ",
    !FIRST.includes(name) && h("code", {}, name),
  );
  const hint = h("p", described, tOr(`hint_${name}`, property.description));
  const check = input.type === "checkbox";
  const element = h(
    "div",
    { class: check ? "field option check" : "field option" },
    check ? [input, question] : [question, input],
    hint,
  );
  return field(name, element, () => valueOf(name, input, property));
}

/** @param {string} name @param {string} id @param {any} property @param {any} begin its first value */
function inputOf(name, id, property, begin) {
  if (property.type === "boolean") return h("input", { id, type: "checkbox", checked: begin });
  if (property.enum)
    return h(
      "select",
      { id },
      property.enum.map((/** @type {string} */ value) =>
        h("option", { value, selected: value === begin }, tOr(`${name}_${value}`, value)),
      ),
    );
  const inputmode = { integer: "numeric", number: "decimal" }[/** @type {string} */ (property.type)];
  const value = [begin ?? ""].flat().join(property.type === "array" ? ", " : " ");
  return h("input", { id, type: "text", inputmode, value, autocomplete: "off", spellcheck: "false" });
}

/** Only what differs from the default is sent. @param {string} name @param {HTMLInputElement} input @param {any} property @returns {Record<string, string>} */
function valueOf(name, input, property) {
  const value = input.type === "checkbox" ? String(input.checked) : input.value.trim();
  return value === "" || value === String(property.default) ? {} : { [name]: value };
}
