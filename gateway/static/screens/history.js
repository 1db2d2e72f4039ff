/** Runs, newest first: filtered by the server, grouped, noted, picked to compare. */

import { runPage } from "../lib/api.js";
import { parameters, remember, subjectAddress } from "../lib/address.js";
import { fill, h } from "../lib/dom.js";
import { day } from "../lib/format.js";
import { filters } from "../parts/filters.js";
import { Picks } from "../parts/picks.js";
import { runCard } from "../parts/run_card.js";
import { tabs } from "../parts/tabs.js";
import { t } from "../texts.js";
import { eraseRun } from "./run.js";

const AT_ONCE = 30;
/** Most that the server sends in one answer: as many are kept fresh. */
const FRESH = 200;
const REFRESH_MS = 5000;

/** @param {AbortSignal} signal */
export async function history(signal) {
  const list = new RunList(signal);
  await list.show(parameters());
  const form = filters(parameters(), (chosen) => {
    remember(chosen);
    list.show(chosen).catch((error) => list.complain(error));
  });
  return h(
    "div",
    { class: "history" },
    h("div", { class: "heading" }, h("h1", {}, t("history_title")), tabs("runs")),
    form,
    list.picks.bar,
    list.count,
    list.element,
    h("div", { class: "actions" }, list.more),
  );
}

/** The runs that fit the filters, as far as they were fetched. */
class RunList {
  picks = new Picks();
  count = h("p", { class: "hint", role: "status" });
  element = h("div", { class: "groups" });
  more = h("button", { type: "button", hidden: true, onclick: () => this.#next() }, t("history_more"));
  /** @type {Record<string, string>} */
  #filters = {};
  #group = "";
  /** @type {any[]} */
  #runs = [];
  /** @type {string | null} */
  #cursor = null;
  /** @type {Map<string, {state: string, element: HTMLElement}>} */
  #cards = new Map();

  /** @param {AbortSignal} signal */
  constructor(signal) {
    this.signal = signal;
    const timer = setInterval(() => this.#refresh(), REFRESH_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
  }

  /** Show the runs of other filters. @param {Record<string, string>} chosen */
  async show({ group = "", ...chosen }) {
    this.#filters = chosen;
    const { runs, next_cursor } = await runPage(chosen, { limit: AT_ONCE }, this.signal);
    if (this.#filters !== chosen) return; // other filters were chosen meanwhile
    [this.#group, this.#runs, this.#cursor] = [group, runs, next_cursor];
    this.#draw();
  }

  /** @param {any} error */
  complain(error) {
    if (!this.signal.aborted) fill(this.count, h("span", { class: "fault" }, error.message));
  }

  async #next() {
    const asked = this.#filters;
    try {
      const { runs, next_cursor } = await runPage(asked, { limit: AT_ONCE, cursor: this.#cursor }, this.signal);
      if (this.#filters !== asked) return;
      const known = new Set(this.#runs.map(({ run_key }) => run_key));
      this.#runs.push(...runs.filter(({ run_key }) => !known.has(run_key)));
      this.#cursor = next_cursor;
      this.#draw();
    } catch (error) {
      this.complain(error);
    }
  }

  /** Changes by other tabs and users, among the newest; not while something is being written. */
  async #refresh() {
    if (document.hidden || this.#isBusy) return;
    const [asked, shown] = [this.#filters, this.#runs.length];
    const limit = Math.min(Math.max(shown, AT_ONCE), FRESH);
    const page = await runPage(asked, { limit }, this.signal).catch(() => null);
    if (!page || this.signal.aborted || this.#filters !== asked || this.#runs.length !== shown || this.#isBusy) return;
    const last = page.runs[page.runs.length - 1];
    const older = page.next_cursor ? this.#runs.filter((run) => run.accepted_at < last.accepted_at) : [];
    this.#runs = [...page.runs, ...older];
    if (older.length === 0) this.#cursor = page.next_cursor;
    this.#draw();
  }

  get #isBusy() {
    return document.querySelector("dialog[open], .notes-form") !== null;
  }

  #draw() {
    const [count, filtered] = [this.#runs.length, Object.keys(this.#filters).length > 0];
    const shown = this.#cursor ? "history_first" : count === 1 ? "history_one" : "history_count";
    this.count.textContent = count ? t(shown, { count }) : t(filtered ? "history_no_match" : "history_none");
    this.more.hidden = this.#cursor === null;
    const groups = this.#group
      ? Map.groupBy(this.#runs, (run) => nameOf(run, this.#group))
      : new Map([["", this.#runs]]);
    const sections = [...groups].map(([name, runs]) =>
      section(
        name,
        this.#group,
        runs.map((run) => this.#card(run)),
      ),
    );
    const place = focused();
    fill(this.element, sections);
    place && /** @type {HTMLElement | null} */ (this.element.querySelector(place))?.focus();
  }

  /** @param {any} run */
  #card(run) {
    const state = JSON.stringify([run.name, run.status, Math.floor(run.progress), run.notes, run.session, run.task]);
    const old = this.#cards.get(run.run_key);
    if (old?.state === state) return old.element;
    const element = runCard(run, {
      box: this.picks.box(run),
      changed: (changed) => {
        Object.assign(run, changed);
        this.#cards.delete(run.run_key);
        this.#draw();
        /** @type {HTMLElement | null} */ (this.element.querySelector(`[data-run="${run.run_key}"] .name`))?.focus();
      },
      forget: async () => {
        if (!(await eraseRun(run))) return;
        this.#runs = this.#runs.filter((other) => other.run_key !== run.run_key);
        this.picks.drop(run.run_key);
        this.#draw();
      },
    });
    this.#cards.set(run.run_key, { state, element });
    return element;
  }
}

/** The heading of a group, by what is grouped. @type {Record<string, (name: string) => string>} */
const TITLES = {
  subject: (name) => name || t("subject_none"),
  session: day,
  task: (name) => t(`task_${name}`),
};

/** What a run is grouped by. @param {any} run @param {string} group */
function nameOf(run, group) {
  return group === "subject" ? run.notes.subject : run[group];
}

/** @param {string} name @param {string} group @param {HTMLElement[]} cards */
function section(name, group, cards) {
  const list = h("ul", { class: "runs" }, cards);
  if (!group) return list;
  const title = TITLES[group](name);
  const heading = group === "subject" && name ? h("a", { href: subjectAddress(name) }, title) : title;
  return h("section", {}, h("h2", {}, heading, h("span", { class: "hint" }, ` ${cards.length}`)), list);
}

/** A selector of the focused element in the card of its run, which redrawing may replace. */
function focused() {
  const card = document.activeElement?.closest("[data-run]");
  const inputs = card ? [...card.querySelectorAll("a, button, input")] : [];
  const name = document.activeElement?.getAttribute("aria-label");
  if (!card || !inputs.includes(/** @type {Element} */ (document.activeElement))) return "";
  return `[data-run="${card.getAttribute("data-run")}"] ${name ? `[aria-label="${CSS.escape(name)}"]` : ".name"}`;
}
