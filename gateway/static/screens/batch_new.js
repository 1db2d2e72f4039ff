/** New batch: several videos with one table of who is in which, and common options. */

import { Problem, json } from "../lib/api.js";
import { fill, h, icon } from "../lib/dom.js";
import { language } from "../lib/language.js";
import { Sending } from "../lib/sending.js";
import { consent, quantity } from "../parts/fields.js";
import { options } from "../parts/options.js";
import { SubjectTable } from "../parts/subject_table.js";
import { tabs } from "../parts/tabs.js";
import { t } from "../texts.js";

/** @typedef {import("../parts/fields.js").Field} Field */

/** Notes are in the table, a row a video. */
const IN_TABLE = ["subject", "session", "labels", "side", "note"];

/** @param {AbortSignal} signal */
export async function newBatch(signal) {
  const { paths } = await json("/openapi.json", { signal });
  const { schema } = paths["/api/v1/batches"].post.requestBody.content["multipart/form-data"];
  const { subjects: _, videos: __, name: ___, ...properties } = schema.properties;
  const common = options(
    Object.fromEntries(Object.entries(properties).filter(([name]) => !IN_TABLE.includes(name))),
    {},
  );
  const outcome = h("div", { class: "outcome", role: "status" });
  const files = fileInput("batch-files", "video/*", true);
  const given = fileInput("batch-table", ".csv,text/csv,text/plain", false);
  const name = /** @type {HTMLInputElement} */ (
    h("input", { type: "text", id: "batch-name", maxlength: 100, autocomplete: "off" })
  );
  const agreed = consent(t("batch_consent"));
  const table = new SubjectTable(() =>
    fill(count, table.files.length > 0 && t("batch_count", { count: table.files.length })),
  );
  const count = h("p", { class: "hint", role: "status" });
  const chosenTable = h("p", { class: "hint", role: "status" });
  files.addEventListener("change", () => table.add(files.files ?? []));
  given.addEventListener("change", () => {
    chosenTable.textContent = given.files?.[0] ? t("batch_table_chosen", { name: given.files[0].name }) : "";
    table.element.classList.toggle("unused", Boolean(given.files?.[0]));
  });
  const fields = [quantity("height", ["cm", "ft"]), quantity("weight", ["kg", "lb"]), ...common.fields, agreed];
  const start = /** @type {HTMLButtonElement} */ (
    h("button", { type: "submit", class: "primary large" }, t("batch_start"))
  );
  const form = h(
    "form",
    { class: "new", novalidate: true },
    videosSection({ files, count, table, given, chosenTable }),
    commonSection(name, fields, common, agreed),
    h("div", { class: "wide sendoff" }, start, outcome),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    for (const each of fields) each.fault(null);
    const values = Object.assign({ language, name: name.value.trim() }, ...fields.map((each) => each.values()));
    if (faultsBefore(table.files, values, agreed, outcome)) return;
    start.disabled = true;
    const own = given.files?.[0];
    try {
      const begun = await begin(values, table.files, own ?? new Blob([table.csv()]), signal);
      Sending.of(begun.batch_key).add(table.files);
      location.hash = `#/batches/${begun.batch_key}`;
    } catch (error) {
      if (!signal.aborted) explain(error, fields, own ? null : table, outcome);
    } finally {
      start.disabled = false;
    }
  });
  return h("div", {}, h("div", { class: "heading" }, h("h1", {}, t("batch_new_title")), tabs("batches")), form);
}

/** What is analysed, and who is in it. @param {{files: HTMLInputElement, count: HTMLElement, table: SubjectTable, given: HTMLInputElement, chosenTable: HTMLElement}} parts */
function videosSection({ files, count, table, given, chosenTable }) {
  return h(
    "section",
    { class: "wide" },
    h("h2", {}, t("batch_videos")),
    chooser(files, "batch_choose"),
    count,
    table.element,
    chooser(given, "batch_choose_table"),
    h("p", { class: "hint" }, t("batch_table_hint")),
    chosenTable,
  );
}

/** @param {HTMLInputElement} name @param {Field[]} fields height and weight first @param {ReturnType<typeof options>} common @param {Field} agreed */
function commonSection(name, [height, weight], common, agreed) {
  return h(
    "section",
    { class: "wide" },
    h("h2", {}, t("batch_common")),
    h("p", { class: "hint" }, t("batch_common_hint")),
    h(
      "div",
      { class: "pair" },
      h("div", { class: "field" }, h("label", { for: name.id, class: "label" }, t("batch_name")), name),
      height.element,
      weight.element,
      common.first,
    ),
    agreed.element,
    common.experts,
  );
}

/** @param {string} id @param {string} accept @param {boolean} multiple */
function fileInput(id, accept, multiple) {
  return /** @type {HTMLInputElement} */ (h("input", { type: "file", id, accept, multiple, class: "visually-hidden" }));
}

/** A file input with a button for its label. @param {HTMLInputElement} input @param {string} words */
function chooser(input, words) {
  return h("div", { class: "chooser" }, input, h("label", { for: input.id, class: "button" }, t(words)));
}

/** What is missing without asking the server; all at once. @param {File[]} files @param {Record<string, string>} values @param {Field} agreed @param {HTMLElement} outcome */
function faultsBefore(files, values, agreed, outcome) {
  agreed.fault(values.consent ? null : t("consent_missing"));
  fill(outcome, files.length === 0 && h("p", { class: "fault" }, t("batch_no_videos")));
  return files.length === 0 || !values.consent;
}

/** @param {Record<string, string>} values @param {File[]} files @param {Blob} table @param {AbortSignal} signal */
async function begin({ consent: _, ...values }, files, table, signal) {
  const form = new FormData();
  for (const [name, value] of Object.entries(values)) if (value) form.append(name, value);
  form.append("videos", files.map(({ name }) => name).join("\n"));
  form.append("subjects", table, "subjects.csv");
  return json("/api/batches/", { method: "POST", body: form, signal });
}

/** @param {any} error @param {Field[]} fields @param {SubjectTable | null} table that was sent, where it is the one on the page @param {HTMLElement} outcome */
function explain(error, fields, table, outcome) {
  if (!(error instanceof Problem)) return fill(outcome, h("p", { class: "fault" }, error.message));
  const faulty = fields.filter(({ name }) => error.fields.has(name));
  for (const each of faulty) {
    each.fault(error.fields.get(each.name) ?? null);
    each.element.closest("details")?.setAttribute("open", "");
  }
  faulty[0]?.focus();
  const lines = table ? table.explain(error.message) : error.message.split("\n");
  const others = faulty.length > 0 ? [] : lines;
  fill(
    outcome,
    h("p", { class: "fault" }, icon("note"), t("form_faults")),
    others.map((line) => h("p", { class: "fault" }, line)),
  );
}
