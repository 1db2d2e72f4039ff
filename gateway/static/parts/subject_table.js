/** The table of who is in which video, with a row for each chosen file, and faults at their rows. */

import { csvOf } from "../lib/csv.js";
import { fill, h, icon, iconButton } from "../lib/dom.js";
import { size } from "../lib/format.js";
import { faultText } from "../lib/problems.js";
import { t } from "../texts.js";

const TASKS = ["", "gait", "squat", "lunge", "sit_to_stand", "jump", "range_of_motion", "none"];
const COLUMNS = ["subject", "height", "weight", "task", "session", "labels", "side", "note"];
/** A fault as the server lists it: the line of the table, and what is wrong there, by column. */
const AT_LINE = /^\s*line (\d+) \(.*?\): (.*)$/;

/** @typedef {{file: File, element: HTMLElement, fault: HTMLElement, inputs: HTMLInputElement[]}} Row */

export class SubjectTable {
  /** @type {Row[]} */
  #rows = [];
  #body = h("tbody", {});
  element = h("div", { class: "scroller", tabindex: 0, role: "region", "aria-label": t("batch_table"), hidden: true });

  /** @param {() => void} changed called when files were added or removed */
  constructor(changed) {
    this.changed = changed;
    const heads = ["batch_video", ...COLUMNS.map((name) => `column_${name}`)].map((name) =>
      h("th", { scope: "col" }, t(name)),
    );
    fill(
      this.element,
      h("table", { class: "stacked subject-table" }, h("thead", {}, h("tr", {}, heads, h("td"))), this.#body),
    );
  }

  get files() {
    return this.#rows.map(({ file }) => file);
  }

  /** Add files; one of a name that is there replaces it. @param {Iterable<File>} files */
  add(files) {
    for (const file of files) {
      const known = this.#rows.find((row) => row.file.name === file.name);
      if (known) known.file = file;
      else this.#rows.push(this.#row(file));
    }
    this.#show();
  }

  /** The rows as CSV, a line a video. */
  csv() {
    return csvOf([
      ["file", ...COLUMNS],
      ...this.#rows.map(({ file, inputs }) => [file.name, ...inputs.map(({ value }) => value.trim())]),
    ]);
  }

  /** Show what the server says against the rows; returns what is about none of them. @param {string} detail @returns {string[]} */
  explain(detail) {
    for (const row of this.#rows) mark(row, []);
    /** @type {string[]} */
    const others = [];
    for (const line of detail.split("\n")) {
      const [, number, faults] = line.match(AT_LINE) ?? [];
      const row = this.#rows[Number(number) - 2];
      if (row) mark(row, faults.split("; "));
      else if (!line.trim().endsWith(":")) others.push(line.trim()); // the heading of the list
    }
    return others;
  }

  /** @param {File} file @returns {Row} */
  #row(file) {
    const inputs = COLUMNS.map((name) => inputOf(name, file.name));
    const fault = h("p", { class: "fault", role: "alert" });
    const remove = iconButton("close", t("batch_remove", { name: file.name }), () => this.#remove(row), {
      quiet: true,
      class: "round subtle",
    });
    const cells = inputs.map((input, index) => h("td", { "data-head": t(`column_${COLUMNS[index]}`) }, input));
    const head = h("th", { scope: "row" }, file.name, h("span", { class: "hint" }, ` ${size(file.size)}`), fault);
    const row = { file, fault, inputs, element: h("tr", {}, head, cells, h("td", {}, remove)) };
    return row;
  }

  /** @param {Row} row */
  #remove(row) {
    this.#rows = this.#rows.filter((other) => other !== row);
    this.#show();
  }

  #show() {
    fill(
      this.#body,
      this.#rows.map(({ element }) => element),
    );
    this.element.hidden = this.#rows.length === 0;
    this.changed();
  }
}

/** @param {string} name of the column @param {string} video */
function inputOf(name, video) {
  const attributes = { "aria-label": `${t(`column_${name}`)}, ${video}`, name };
  const input =
    name === "task"
      ? h(
          "select",
          attributes,
          TASKS.map((task) => h("option", { value: task }, task ? t(`task_${task}`) : t("task_auto"))),
        )
      : h("input", {
          ...attributes,
          type: name === "session" ? "date" : "text",
          autocomplete: "off",
          inputmode: /height|weight/.test(name) && "decimal",
        });
  return /** @type {HTMLInputElement} */ (input);
}

/** Mark the cells that faults are about. @param {Row} row @param {string[]} faults each begins with its column */
function mark({ fault, inputs }, faults) {
  const named = faults.map((each) => /** @type {[string, string]} */ ([each.split(" ")[0], each]));
  fill(
    fault,
    named.length > 0 && [icon("note"), named.map(([column, detail]) => faultText({ field: column, detail })).join(" ")],
  );
  for (const input of inputs) {
    const wrong = named.some(([column]) => column === input.name);
    if (wrong) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }
}
