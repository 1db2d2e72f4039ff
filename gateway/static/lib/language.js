/**
 * The page's language, and its numbers. An English text is the key of its translation in `humanpose3d/locales`, which
 * the report and the command line read, too.
 */

/**
 * A text and what is put into it: `Said` of `humanpose3d.language`.
 * @typedef {{template: string, values: Record<string, Value>}} Said
 * @typedef {string | number | (string | Said)[]} Value
 */

/** What each language calls itself. */
export const LANGUAGES = { en: "English", de: "Deutsch", es: "Español", fr: "Français", nl: "Nederlands", zh: "中文" };

const CHOICE = "language";

/** That of a page that stands alone; the one that was chosen; or the browser's first that there are texts in. */
export const language = [document.documentElement.dataset.language, stored(), ...navigator.languages]
  .map((tag) => tag?.split("-")[0].toLowerCase() ?? "")
  .find((tag) => tag in LANGUAGES) ?? "en";
document.documentElement.lang = language;

/** @type {Record<string, string>} English text → translation */
const catalogue = await load();

/** Show the page in another language from now on. @param {string} chosen */
export function choose(chosen) {
  localStorage.setItem(CHOICE, chosen);
  location.reload();
}

/**
 * A text in the page's language. Places are `{name}`, or `{name:.1f}`, `{name:.0%}`, `{name:g}` for numbers; a list is
 * one of texts, which are translated.
 * @param {string} english
 * @param {Record<string, Value>} [values]
 * @returns {string}
 */
export function translate(english, values = {}) {
  const text = catalogue[english] ?? english;
  return text.replace(/\{(\w+)(?::\.?(\d*)([f%g]))?\}/g, (_, key, digits, form) => written(values[key], digits, form));
}

/** A number with so many decimals, and a minus sign in place of a hyphen. @param {number} value @param {number} digits */
export function fixed(value, digits) {
  const places = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return value.toLocaleString(language, { ...places, useGrouping: false }).replace(/^-/, "−");
}

/** A number with as many decimals as it has, at most these. @param {number} value @param {number} digits */
export function atMost(value, digits) {
  return value.toLocaleString(language, { maximumFractionDigits: digits, useGrouping: false }).replace(/^-/, "−");
}

/** A text with what is put into it. @param {Said} said */
export function say({ template, values }) {
  return translate(template, values);
}

/** @param {Value} value @param {string} [digits] @param {string} [form] */
function written(value, digits, form) {
  if (Array.isArray(value)) return value.map((each) => (typeof each === "string" ? translate(each) : say(each))).join(language === "zh" ? "、" : ", ");
  if (typeof value !== "number") return String(value);
  if (form === "f") return fixed(value, Number(digits));
  if (form !== "%") return atMost(value, 6);
  const places = { minimumFractionDigits: Number(digits), maximumFractionDigits: Number(digits) };
  return value.toLocaleString(language, { ...places, style: "percent" });
}

/** In a page that stands alone, the catalogue is part of it. @returns {Promise<Record<string, string>>} */
async function load() {
  const included = document.getElementById("catalogue");
  if (included) return JSON.parse(included.textContent ?? "");
  if (language === "en") return {};
  const response = await fetch(`/static/locales/${language}.json`);
  return response.ok ? response.json() : {};
}

function stored() {
  try {
    return localStorage.getItem(CHOICE);
  } catch {
    return null; // the browser refuses storage
  }
}
