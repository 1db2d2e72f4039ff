/** A run that has not come to results: its progress, or why it ended without. */

import { Problem, call, json, runPath } from "../lib/api.js";
import { confirmed, fill, h, icon, iconButton } from "../lib/dom.js";
import { follow } from "../lib/events.js";
import { duration } from "../lib/format.js";
import { t, tOr } from "../texts.js";

const QUEUE_POLL_MS = 3000;

/**
 * @param {any} run as the API gave it
 * @param {AbortSignal} signal
 * @param {() => void} over called when the run has ended
 */
export function running(run, signal, over) {
  const bar = /** @type {HTMLProgressElement} */ (
    h("progress", { max: 100, value: run.progress, "aria-label": t("progress") })
  );
  const percent = h("span", { class: "percent" });
  const words = h("p", { role: "status", class: "words" });
  const left = h("span", { class: "left" });
  const stages = h("ol", { class: "stages", "aria-label": t("stages") });
  const clock = new TimeLeft();
  let current = run;
  const show = (/** @type {any} */ progress) => {
    current = { ...current, ...progress };
    bar.value = current.progress;
    percent.textContent = `${Math.floor(current.progress)} %`;
    words.textContent =
      current.status === "queued" ? queueWords(current.queue_position) : t(`status_${current.status}`);
    left.textContent = current.status === "running" ? clock.at(current.progress) : "";
    fill(stages, stageItems(run.stages, current));
    if (["completed", "failed", "cancelled"].includes(current.status)) over();
  };
  const lost = () => (words.textContent = t("lost"));
  show(run);
  follow(run.run_key, { progress: show, lost }, signal).catch((error) => !signal.aborted && complain(words, error));
  pollQueue(run.run_key, () => current.status, show, signal);
  return h(
    "section",
    { class: "running card" },
    h("h1", {}, t("running_title", { name: run.name })),
    h("div", { class: "bar" }, bar, percent),
    h("div", { class: "row spread" }, words, left),
    stages,
    h(
      "div",
      { class: "row spread" },
      h("p", { class: "hint" }, t("may_leave")),
      iconButton("bin", t("stop"), () => stop(run.run_key, words)),
    ),
  );
}

/** @param {number | null | undefined} position */
function queueWords(position) {
  if (position == null) return t("status_queued");
  return `${t("status_queued")}. ${position === 0 ? t("queue_next") : t("queue_position", { count: position })}`;
}

/** @param {string[]} stages @param {{stage: string | null, status: string}} current */
function stageItems(stages, current) {
  const now = current.stage === null ? stages.length : stages.indexOf(current.stage);
  return stages.map((stage, index) => {
    const at = index === now && current.status === "running";
    const state = index < now ? "done" : at ? "now" : "waits";
    return h(
      "li",
      { class: state, "aria-current": at ? "step" : null },
      h("span", { class: "dot" }, index < now ? icon("good") : null),
      h("span", {}, tOr(`stage_${stage.replace(".", "_")}`, stage)),
      h("span", { class: "state" }, t(`stage_${state}`)),
    );
  });
}

/** Time left, from how fast the progress has grown since this page has watched. */
class TimeLeft {
  /** @type {{at: number, progress: number} | null} */
  #first = null;

  /** @param {number} progress percent */
  at(progress) {
    const now = performance.now();
    this.#first ??= { at: now, progress };
    const grown = progress - this.#first.progress;
    const seconds = (now - this.#first.at) / 1000;
    if (grown < 2 || seconds < 2) return t("time_unknown");
    return t("time_left", { time: duration(((100 - progress) / grown) * seconds) });
  }
}

/** The events do not say how many runs are before this one. */
function pollQueue(
  /** @type {string} */ runKey,
  /** @type {() => string} */ status,
  /** @type {(progress: any) => void} */ show,
  /** @type {AbortSignal} */ signal,
) {
  const timer = setInterval(async () => {
    if (status() !== "queued") return clearInterval(timer);
    const progress = await json(`${runPath(runKey)}progress/`, { signal }).catch(() => null);
    if (progress && !signal.aborted) show(progress);
  }, QUEUE_POLL_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
}

/** @param {string} runKey @param {HTMLElement} words */
async function stop(runKey, words) {
  const yes = await confirmed({ title: t("stop_title"), text: t("stop_text"), yes: t("stop_yes"), no: t("stop_no") });
  if (yes) await call(`${runPath(runKey)}cancel`, { method: "POST" }).catch((error) => complain(words, error));
}

/** @param {HTMLElement} words @param {any} error */
function complain(words, error) {
  words.textContent = error instanceof Problem && error.status === 404 ? t("gone") : error.message;
}

/**
 * A run that failed or was stopped.
 * @param {any} run
 * @param {() => void} erase
 */
export function ended(run, erase) {
  return h(
    "section",
    { class: "card" },
    h("h1", {}, t(`${run.status}_title`)),
    h("p", { class: "lead" }, run.name),
    run.problem && h("p", { class: "fault big" }, icon("note"), run.problem.detail),
    h(
      "div",
      { class: "actions" },
      h("a", { href: "#/new", class: "button primary" }, t("again")),
      iconButton("bin", t("delete"), erase),
    ),
  );
}
