/** All runs: search, open, delete, pick two to compare. */

import { hasKey, runPath, runs } from "../lib/api.js";
import { fill, h, icon, iconButton } from "../lib/dom.js";
import { date } from "../lib/format.js";
import { t } from "../texts.js";
import { eraseRun, renameRun } from "./run.js";

const SHOWN_AT_ONCE = 30;
const REFRESH_MS = 5000;

/** @param {AbortSignal} signal */
export async function history(signal) {
  /** @type {any[]} */
  let known = [];
  /** @type {Set<string>} */
  const picked = new Set();
  const view = { shown: SHOWN_AT_ONCE, query: "" };
  const list = h("ul", { class: "runs" });
  const count = h("p", { class: "hint", role: "status" });
  const more = h(
    "button",
    { type: "button", hidden: true, onclick: () => render((view.shown += SHOWN_AT_ONCE)) },
    t("history_more"),
  );
  const compare = h("div", { class: "compare-bar" });
  /** @type {Map<string, {state: string, element: HTMLElement}>} */
  const cards = new Map();

  const render = (/** @type {any} */ _ = null) => {
    const found = known.filter((run) => matches(run, view.query));
    fill(
      list,
      found.slice(0, view.shown).map((run) => cardOf(run)),
    );
    more.hidden = found.length <= view.shown;
    count.textContent =
      known.length === 0
        ? t("history_none")
        : found.length === 0
          ? t("history_no_match")
          : t(found.length === 1 ? "history_one" : "history_count", { count: found.length });
    fill(compare, compareBar([...picked]));
  };
  const cardOf = (/** @type {any} */ run) => {
    const state = JSON.stringify([
      run.name,
      run.status,
      Math.floor(run.progress),
      picked.has(run.run_key),
      picked.size >= 2,
    ]);
    const old = cards.get(run.run_key);
    if (old?.state === state) return old.element;
    const element = card(run, picked, { changed: render, forget: () => forget(run), rename: () => rename(run) });
    cards.set(run.run_key, { state, element });
    return element;
  };
  const forget = async (/** @type {any} */ run) => {
    if (!(await eraseRun(run))) return;
    known = known.filter((other) => other !== run);
    picked.delete(run.run_key);
    render();
  };
  const rename = (/** @type {any} */ run) =>
    renameRun(run, (name) => {
      run.name = name;
      render();
    });
  const search = h("input", {
    type: "search",
    placeholder: t("history_search"),
    "aria-label": t("history_search"),
    oninput: (/** @type {any} */ event) => render((view.query = event.target.value)),
  });

  known = await all(signal);
  render();
  keepFresh(signal, (fresh) => render((known = fresh)));
  return h(
    "div",
    {},
    h("div", { class: "heading" }, h("h1", {}, t("history_title")), search),
    compare,
    count,
    list,
    h("div", { class: "actions" }, more),
  );
}

/** @param {AbortSignal} signal */
async function all(signal) {
  const found = [];
  for await (const page of runs(signal)) found.push(...page);
  return found;
}

/** Refresh while the page is visible, so that changes by other tabs and users appear. */
function keepFresh(/** @type {AbortSignal} */ signal, /** @type {(runs: any[]) => void} */ tell) {
  const timer = setInterval(async () => {
    if (document.hidden) return;
    const fresh = await all(signal).catch(() => null);
    if (fresh && !signal.aborted && !document.querySelector("dialog[open]")) tell(fresh);
  }, REFRESH_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
}

/** @param {any} run @param {string} query */
function matches(run, query) {
  const words = `${run.name} ${run.video_name} ${t(`status_${run.status}`)} ${date(run.accepted_at)}`.toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => words.includes(word));
}

/** @param {any} run @param {Set<string>} picked @param {{changed: () => void, forget: () => void, rename: () => void}} act */
function card(run, picked, { changed, forget, rename }) {
  const pick = (/** @type {Event} */ event) => {
    if (/** @type {HTMLInputElement} */ (event.target).checked) picked.add(run.run_key);
    else picked.delete(run.run_key);
    changed();
  };
  const isPicked = picked.has(run.run_key);
  return h(
    "li",
    { class: "card run", "data-run": run.run_key },
    h("a", { href: `#/runs/${run.run_key}`, class: "thumb", tabindex: -1, "aria-hidden": "true" }, thumbnail(run)),
    h(
      "div",
      { class: "about" },
      h("a", { href: `#/runs/${run.run_key}`, class: "name" }, run.name),
      h("p", { class: "hint" }, date(run.accepted_at)),
      h(
        "p",
        {},
        h("span", { class: `chip ${run.status}` }, t(`status_${run.status}`)),
        run.status === "running" ? ` ${Math.floor(run.progress)} %` : "",
      ),
    ),
    h(
      "div",
      { class: "row spread" },
      run.status === "completed"
        ? h(
            "label",
            { class: "check" },
            h("input", {
              type: "checkbox",
              checked: isPicked,
              disabled: picked.size >= 2 && !isPicked,
              "aria-label": t("compare_pick_of", { name: run.name }),
              onchange: pick,
            }),
            h("span", {}, t("compare_pick")),
          )
        : h("span"),
      h(
        "div",
        {},
        iconButton("pencil", t("rename_run", { name: run.name }), rename, { quiet: true, class: "round subtle" }),
        iconButton("bin", t("delete_run", { name: run.name }), forget, { quiet: true, class: "round subtle" }),
      ),
    ),
  );
}

/** The first frame, fetched when it comes into view; a camera icon where media elements cannot request it. */
function thumbnail(/** @type {any} */ run) {
  if (hasKey()) return icon("video");
  const video = /** @type {HTMLVideoElement} */ (h("video", { preload: "none", playsinline: true }));
  video.muted = true;
  video.addEventListener("error", () => video.replaceWith(icon("video")));
  new IntersectionObserver((entries, observer) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    video.preload = "metadata";
    video.src = `${runPath(run.run_key)}video#t=0.001`;
  }).observe(video);
  return video;
}

/** @param {string[]} picked */
function compareBar(picked) {
  if (picked.length === 2)
    return h("a", { class: "button primary", href: `#/compare/${picked.join("/")}` }, t("compare_go"));
  return h("p", { class: "hint" }, t(picked.length ? "compare_one" : "compare_hint"));
}
