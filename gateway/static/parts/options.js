/** The options of a run as plain questions. The options, their defaults and limits are read from the API's schema. */

import { h } from "../lib/dom.js";
import { readable } from "../lib/format.js";
import { t, tOr } from "../texts.js";
import { field } from "./fields.js";

/** @typedef {import("./fields.js").Field} Field */

const QUESTIONS = [
  "blur_faces",
  "estimate_missing",
  "force_complete",
  "main_refiner",
  "temporal_smoothing",
  "pose_model",
];
const EXTRAS = /^(plot_|save_|show_all|export_|opensim|c3d|csv_style)/;
const ELSEWHERE = ["video", "upload_key", "video_name", "consent", "height", "weight", "person", "language"];
/** Entered elsewhere, or not applicable to a page. */
const NOT_HERE = [...ELSEWHERE, "show_video", "webhook_url", "webhook_secret"];

/**
 * @param {Record<string, any>} schema properties of the form by name
 * @returns {{element: HTMLElement, fields: Field[]}}
 */
export function options(schema) {
  const fields = Object.entries(schema)
    .filter(([name]) => !NOT_HERE.includes(name))
    .map(([name, property]) => option(name, { ...property.anyOf?.[0], ...property }));
  const among = (/** @type {(name: string) => boolean} */ chosen) =>
    fields.filter(({ name }) => chosen(name)).map(({ element }) => element);
  const isExtra = (/** @type {string} */ name) => EXTRAS.test(name);
  const isQuestion = (/** @type {string} */ name) => QUESTIONS.includes(name);
  const element = h(
    "div",
    { class: "options" },
    h("fieldset", {}, h("legend", {}, t("options")), h("p", { class: "hint" }, t("options_more")), among(isQuestion)),
    h("details", {}, h("summary", {}, t("extras")), among(isExtra)),
    h(
      "details",
      {},
      h("summary", {}, t("expert")),
      among((name) => !isExtra(name) && !isQuestion(name)),
    ),
  );
  return { element, fields };
}

/** @param {string} name @param {any} property @returns {Field} */
function option(name, property) {
  const id = `option-${name}`;
  const input = /** @type {HTMLInputElement} */ (inputOf(id, property));
  const described = { id: `${id}-hint`, class: "hint" };
  input.setAttribute("aria-describedby", described.id);
  const question = h("label", { for: id }, tOr(`q_${name}`, readable(name)), " ", h("code", {}, name));
  const hint = h("p", described, property.description);
  const check = input.type === "checkbox";
  const element = h(
    "div",
    { class: check ? "field option check" : "field option" },
    check ? [input, question] : [question, input],
    hint,
  );
  return field(name, element, () => valueOf(name, input, property));
}

/** @param {string} id @param {any} property */
function inputOf(id, property) {
  if (property.type === "boolean") return h("input", { id, type: "checkbox", checked: property.default });
  if (property.enum)
    return h(
      "select",
      { id },
      property.enum.map((/** @type {string} */ value) =>
        h("option", { value, selected: value === property.default }, tOr(`choice_${value}`, value)),
      ),
    );
  const inputmode = { integer: "numeric", number: "decimal" }[/** @type {string} */ (property.type)];
  const value = property.default ?? "";
  return h("input", { id, type: "text", inputmode, value, autocomplete: "off", spellcheck: "false" });
}

/** Only what differs from the default is sent. @param {string} name @param {HTMLInputElement} input @param {any} property @returns {Record<string, string>} */
function valueOf(name, input, property) {
  const value = input.type === "checkbox" ? String(input.checked) : input.value.trim();
  return value === "" || value === String(property.default) ? {} : { [name]: value };
}
