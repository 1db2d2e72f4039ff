/** One batch: its videos with their states, what is still to be sent, and the results of all together. */

import { call, json } from "../lib/api.js";
import { subjectAddress } from "../lib/address.js";
import { confirmed, fill, h, icon, iconButton } from "../lib/dom.js";
import { date } from "../lib/format.js";
import { Sending } from "../lib/sending.js";
import { saving } from "../parts/downloads.js";
import { t } from "../texts.js";

const REFRESH_MS = 3000;
const STATES = ["missing", "queued", "running", "completed", "failed", "cancelled"];

/**
 * @param {AbortSignal} signal
 * @param {string} batchKey
 */
export async function batch(signal, batchKey) {
  const path = `/api/batches/${batchKey}/`;
  const sending = Sending.of(batchKey);
  const view = new BatchView(await json(path, { signal }), path, sending, signal);
  sending.addEventListener("change", () => view.draw(), { signal });
  const timer = setInterval(async () => {
    if (document.hidden || (view.batch.done && !sending.isGoing)) return;
    const fresh = await json(path, { signal }).catch(() => null);
    if (fresh && !signal.aborted) view.show(fresh);
  }, REFRESH_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
  return view.element;
}

class BatchView {
  #counts = h("p", { class: "row", role: "status" });
  #bar = /** @type {HTMLProgressElement} */ (h("progress", { max: 100, "aria-label": t("progress") }));
  #missing = h("div", {});
  #rows = h("tbody", {});
  #fault = h("p", { class: "fault", role: "alert" });
  #drawn = "";

  /** @param {any} batch as the API gave it @param {string} path @param {Sending} sending @param {AbortSignal} signal */
  constructor(batch, path, sending, signal) {
    this.batch = batch;
    this.path = path;
    this.sending = sending;
    this.input = /** @type {HTMLInputElement} */ (
      h("input", { type: "file", accept: "video/*", multiple: true, id: "missing-files", class: "visually-hidden" })
    );
    this.input.addEventListener("change", () => this.#send([...(this.input.files ?? [])]));
    this.cancel = iconButton("close", t("batch_cancel"), () => this.#cancel());
    this.element = h(
      "div",
      { class: "results batch" },
      this.#heading(signal),
      h(
        "section",
        { class: "card" },
        this.#counts,
        this.#bar,
        this.#missing,
        this.#fault,
        batch.warnings.map((/** @type {string} */ warning) => h("p", { class: "hint" }, icon("note"), " ", warning)),
      ),
      h(
        "section",
        { class: "card" },
        h(
          "table",
          { class: "stacked list" },
          h(
            "thead",
            {},
            h(
              "tr",
              {},
              ["batch_video", "column_subject", "filter_status"].map((name) => h("th", { scope: "col" }, t(name))),
            ),
          ),
          this.#rows,
        ),
      ),
    );
    this.draw();
  }

  /** @param {any} fresh */
  show(fresh) {
    this.batch = fresh;
    this.draw();
  }

  /** Show what has changed. */
  draw() {
    const { entries, counts, progress, done } = this.batch;
    const state = JSON.stringify([entries, counts, progress, [...this.sending.shares], [...this.sending.faults]]);
    if (state === this.#drawn) return;
    this.#drawn = state;
    this.#bar.value = progress;
    this.cancel.hidden = done || !(counts.queued || counts.running || this.sending.isGoing);
    const chips = STATES.filter((name) => counts[name]).map((name) =>
      h("span", { class: `chip ${name}` }, `${stateName(name)}: ${counts[name]}`),
    );
    fill(this.#counts, chips);
    fill(this.#missing, counts.missing > 0 && !this.sending.isGoing && this.#asking(counts.missing));
    fill(
      this.#rows,
      entries.map((/** @type {any} */ entry) => this.#row(entry)),
    );
  }

  /** @param {AbortSignal} signal */
  #heading(signal) {
    const { name, created_at, summary_url, archive_url } = this.batch;
    const title = name || t("batch_of", { date: date(created_at) });
    return h(
      "div",
      { class: "heading" },
      h("div", {}, h("h1", {}, title), h("p", { class: "hint" }, date(created_at))),
      h(
        "div",
        { class: "actions" },
        saving(archive_url, `${title}.zip`, [icon("download"), t("zip")], signal, "button primary"),
        saving(summary_url, "summary.csv", [icon("download"), "summary.csv"], signal, "button"),
        this.cancel,
        iconButton("bin", t("delete"), () => this.#erase(title)),
      ),
    );
  }

  /** @param {number} count */
  #asking(count) {
    return [
      h("p", {}, t("batch_missing", { count })),
      this.input,
      h("label", { for: this.input.id, class: "button" }, t("batch_choose")),
    ];
  }

  /** @param {any} entry */
  #row({ video, status, run, notes: { subject } }) {
    const [share, fault] = [this.sending.shares.get(video), this.sending.faults.get(video) ?? run?.error];
    const sent =
      status === "missing" && share !== undefined ? t("uploading", { percent: Math.floor(share * 100) }) : "";
    const at = status === "running" ? ` ${Math.floor(run.progress)} %` : "";
    return h(
      "tr",
      { "data-video": video },
      h("th", { scope: "row" }, run ? h("a", { href: `#/runs/${run.run_key}` }, video) : video),
      h("td", { "data-head": t("column_subject") }, subject ? h("a", { href: subjectAddress(subject) }, subject) : "–"),
      h(
        "td",
        { "data-head": t("filter_status") },
        h(
          "div",
          {},
          h("span", { class: `chip ${status}` }, sent || stateName(status)),
          at,
          fault && h("p", { class: "fault" }, fault),
        ),
      ),
    );
  }

  /** @param {File[]} files those of other names are said */
  #send(files) {
    const missing = this.batch.entries.filter((/** @type {any} */ { status }) => status === "missing");
    const names = missing.map((/** @type {any} */ { video }) => video);
    const others = files.filter(({ name }) => !names.includes(name));
    this.#fault.textContent =
      others.length > 0 ? t("batch_not_expected", { names: others.map(({ name }) => name).join(", ") }) : "";
    this.sending.add(files.filter(({ name }) => names.includes(name)));
  }

  async #cancel() {
    const words = { title: t("batch_cancel_title"), text: t("stop_text"), yes: t("stop_yes"), no: t("stop_no") };
    if (!(await confirmed(words))) return;
    this.sending.stop();
    await this.#doing(async () => this.show(await json(`${this.path}cancel`, { method: "POST" })));
  }

  /** @param {string} name */
  async #erase(name) {
    const words = {
      title: t("delete_title", { name }),
      text: t("batch_erase_text", { count: this.batch.videos }),
      yes: t("delete_yes"),
      no: t("delete_no"),
    };
    if (!(await confirmed(words))) return;
    this.sending.stop();
    await this.#doing(async () => {
      await call(this.path, { method: "DELETE" });
      location.hash = "#/batches";
    });
  }

  /** @param {() => Promise<void>} act */
  async #doing(act) {
    await act().catch((error) => (this.#fault.textContent = error.message));
  }
}

/** @param {string} status */
function stateName(status) {
  return t(`status_${status}`);
}
