/** Form fields with a place for the server's messages. */

import { fill, h, icon } from "../lib/dom.js";
import { UNITS } from "../lib/units.js";
import { t } from "../texts.js";

/**
 * A field and its fault. `values()` returns the values to send, by API name; empty where nothing was entered.
 * @typedef {{name: string, element: HTMLElement, values: () => Record<string, string>, fault: (detail: string | null) => void, focus: () => void}} Field
 */

/** Fields so far: two forms may have one of the same name. */
let made = 0;

/**
 * Show a field's error below it and link it to its inputs for screen readers.
 * @param {string} name
 * @param {HTMLElement} element
 * @param {() => Record<string, string>} values
 * @returns {Field}
 */
export function field(name, element, values) {
  const message = h("p", { class: "fault", id: `fault-${name}-${(made += 1)}`, hidden: true });
  element.append(message);
  element.dataset.field = name;
  const inputs = () => [...element.querySelectorAll("input, select, textarea, button")];
  const fault = (/** @type {string | null} */ detail) => {
    fill(message, detail && icon("note"), detail);
    message.hidden = !detail;
    for (const input of inputs()) {
      input.toggleAttribute("aria-invalid", Boolean(detail));
      if (detail) input.setAttribute("aria-invalid", "true");
      const others = (input.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && id !== message.id);
      input.setAttribute("aria-describedby", [...others, ...(detail ? [message.id] : [])].join(" "));
    }
  };
  return { name, element, values, fault, focus: () => /** @type {HTMLElement} */ (inputs()[0])?.focus() };
}

/**
 * A length or a mass, in the unit that the user prefers; sent in the API's. The preference is remembered.
 * @param {string} name of the API field
 * @param {string[]} units the first is the usual one
 * @param {number} [known] what to begin with, in the API's unit
 * @returns {Field}
 */
export function quantity(name, units, known = NaN) {
  const kept = localStorage.getItem(`unit-${name}`) ?? "";
  let unit = units.includes(kept) ? kept : units[0];
  const boxes = h("div", { class: "boxes" });
  const typed = () => [...boxes.querySelectorAll("input")].map((input) => input.value.trim());
  const numbers = () => typed().map((text) => (text ? Number(text.replace(",", ".")) : NaN));
  const si = () => UNITS[unit].toSi(numbers());
  const build = (/** @type {number} */ value) =>
    fill(
      boxes,
      UNITS[unit].parts.map((part, index) => box(name, part, value, index, unit)),
    );
  const choose = h(
    "select",
    {
      "aria-label": t("unit_of", { name: t(name) }),
      onchange: (/** @type {Event} */ event) => {
        const value = si();
        unit = /** @type {HTMLSelectElement} */ (event.target).value;
        localStorage.setItem(`unit-${name}`, unit);
        build(value);
      },
    },
    units.map((each) =>
      h("option", { value: each, selected: each === unit }, UNITS[each].parts.map((part) => part.unit).join(" + ")),
    ),
  );
  build(known);
  const element = h(
    "div",
    { class: "field quantity" },
    h("span", { class: "label" }, t(name)),
    h("div", { class: "row" }, boxes, choose),
  );
  return field(name, element, () => {
    const value = si();
    if (!Number.isNaN(value)) return { [name]: String(+value.toFixed(4)) };
    const text = typed().join(" ").trim(); // no number: the server says what is expected
    return text ? { [name]: text } : /** @type {Record<string, string>} */ ({});
  });
}

/** @param {string} name @param {import("../lib/units.js").Part} part @param {number} value @param {number} index @param {string} unit */
function box(name, part, value, index, unit) {
  const shown = Number.isNaN(value) ? "" : UNITS[unit].fromSi(value)[index];
  const label = t("in_unit", { name: t(name), unit: t(`unit_${part.unit}`) });
  const attributes = { type: "text", inputmode: "decimal", autocomplete: "off", "aria-label": label, value: shown };
  const input = h("input", attributes);
  return h(
    "label",
    { class: "box" },
    input,
    UNITS[unit].parts.length > 1 && h("span", { "aria-hidden": "true" }, part.unit),
  );
}

/** @param {string} [words] what is confirmed @returns {Field} */
export function consent(words = t("consent")) {
  const input = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox" }));
  const element = h(
    "div",
    { class: "field" },
    h("label", { class: "check" }, input, h("span", {}, words)),
    h("p", { class: "hint" }, t("consent_more")),
  );
  return field("consent", element, () =>
    input.checked ? { consent: "accepted" } : /** @type {Record<string, string>} */ ({}),
  );
}
