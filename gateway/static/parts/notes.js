/** What a user notes about a run: shown, and edited in place. */

import { Problem, changeRun } from "../lib/api.js";
import { address, subjectAddress } from "../lib/address.js";
import { h, icon } from "../lib/dom.js";
import { day } from "../lib/format.js";
import { t } from "../texts.js";
import { field } from "./fields.js";

/** The name and the notes, in the order of the form. */
const FIELDS = ["name", "subject", "session", "labels", "side", "note"];

/** The notes of a run; subject and labels lead to the others that have them. @param {any} run */
export function notes({ notes: { subject, session, labels, side, note }, task }) {
  const facts = [session && day(session), task !== "auto" && t(`task_${task}`), side].filter(Boolean);
  return h(
    "div",
    { class: "notes" },
    (subject || facts.length > 0) &&
      h(
        "p",
        {},
        subject && h("a", { href: subjectAddress(subject), class: "subject" }, subject),
        h("span", { class: "hint" }, facts.join(" · ")),
      ),
    labels.length > 0 &&
      h(
        "ul",
        { class: "labels", "aria-label": t("q_labels") },
        labels.map((/** @type {string} */ label) =>
          h("li", {}, h("a", { href: address("#/runs", { label }), class: "chip" }, label)),
        ),
      ),
    note && h("p", { class: "note" }, note),
  );
}

/**
 * A form for the name and the notes of a run. Enter saves, Escape leaves everything as it was.
 * @param {any} run
 * @param {{saved: (run: any) => void, closed: () => void}} tell `saved` gets what the server stored
 */
export function notesForm(run, { saved, closed }) {
  const fields = FIELDS.map((name) =>
    line(`${run.run_key}-${name}`, name, name === "name" ? run.name : run.notes[name]),
  );
  const fault = h("p", { class: "fault", role: "alert" });
  const form = h(
    "form",
    { class: "notes-form", novalidate: true, "aria-label": t("notes_of", { name: run.name }) },
    fields.map(({ element }) => element),
    fault,
    h(
      "div",
      { class: "actions" },
      h("button", { class: "primary" }, t("save")),
      h("button", { type: "button", onclick: closed }, t("cancel")),
    ),
  );
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closed();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    fault.textContent = "";
    for (const each of fields) each.fault(null);
    try {
      saved(await changeRun(run.run_key, Object.assign({}, ...fields.map((each) => each.values()))));
    } catch (error) {
      explain(error, fields, fault);
    }
  });
  return { form, focus: fields[1].focus };
}

/** @param {any} error @param {import("./fields.js").Field[]} fields @param {HTMLElement} fault for what no field has */
function explain(error, fields, fault) {
  const wrong = error instanceof Problem ? fields.filter(({ name }) => error.fields.has(name)) : [];
  for (const each of wrong) each.fault(/** @type {Problem} */ (error).fields.get(each.name) ?? null);
  if (wrong.length > 0) wrong[0].focus();
  else fault.replaceChildren(icon("note"), error.message);
}

/** A row of the form. @param {string} id @param {string} name @param {string | string[] | null} value */
function line(id, name, value) {
  const shown = [value ?? ""].flat().join(", ");
  const attributes = { id, autocomplete: "off" };
  const input = /** @type {HTMLInputElement} */ (
    name === "note"
      ? h("textarea", { ...attributes, rows: 3 }, shown)
      : h("input", { ...attributes, type: name === "session" ? "date" : "text", value: shown })
  );
  const element = h("div", { class: "field" }, h("label", { for: id }, t(`q_${name}`)), input);
  return field(name, element, () => ({ [name]: input.value }));
}
