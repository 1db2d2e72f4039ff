/** A run without results: its progress, or why it ended. */

import { Problem, call, json, runPath } from "../lib/api.js";
import { confirmed, fill, h, icon, iconButton } from "../lib/dom.js";
import { follow } from "../lib/events.js";
import { duration } from "../lib/format.js";
import { fixed } from "../lib/language.js";
import { Pace } from "../lib/pace.js";
import { problemText } from "../lib/problems.js";
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
  const stages = stageList(run.stages);
  const pace = new Pace();
  let current = run;
  const show = () => {
    bar.value = current.progress;
    percent.textContent = `${Math.floor(current.progress)} %`;
    words.textContent =
      current.status === "queued" ? queueWords(current.queue_position) : t(`status_${current.status}`);
    left.textContent = current.status === "running" ? timeLeft(pace) : "";
    stages.show(current, pace);
  };
  const hear = (/** @type {any} */ told) => {
    pace.hear(told);
    // Events from before this page was opened show the pace, but are not current.
    if (Date.parse(told.at) < Date.parse(current.at)) return;
    current = { ...current, ...told };
    show();
    if (["completed", "failed", "cancelled"].includes(current.status)) over();
  };
  const lost = () => (words.textContent = t("lost"));
  show();
  follow(run.run_key, { progress: hear, lost }, signal).catch((error) => !signal.aborted && complain(words, error));
  pollQueue(run.run_key, () => current.status, hear, signal);
  return h(
    "section",
    { class: "running card" },
    h("h1", {}, t("running_title", { name: run.name })),
    h("div", { class: "bar" }, bar, percent),
    h("div", { class: "row spread" }, words, left),
    stages.element,
    h(
      "div",
      { class: "row spread" },
      h("p", { class: "hint" }, t("may_leave")),
      iconButton("close", t("stop"), () => stop(run.run_key, words)),
    ),
  );
}

/** @param {number | null | undefined} position */
function queueWords(position) {
  if (position == null) return t("status_queued");
  return `${t("status_queued")}. ${position < 2 ? t(position ? "queue_one" : "queue_next") : t("queue_position", { count: position })}`;
}

/** @param {string} stage */
function nameOf(stage) {
  return `stage_${stage.replace(".", "_")}`;
}

/**
 * The steps as a list that is changed in place, so that nothing flickers and screen readers keep their place.
 * @param {string[]} stages
 */
function stageList(stages) {
  const items = stages.map((stage) => {
    const dot = h("span", { class: "dot" });
    const state = h("span", { class: "state" });
    const bar = /** @type {HTMLProgressElement} */ (h("progress", { "aria-label": tOr(nameOf(stage), stage) }));
    return { dot, state, bar, element: h("li", {}, dot, h("span", {}, tOr(nameOf(stage), stage)), state, bar) };
  });
  const show = (
    /** @type {{stage: string | null, status: string, frames: any}} */ current,
    /** @type {Pace} */ pace,
  ) => {
    const now = current.stage === null ? stages.length : stages.indexOf(current.stage);
    items.forEach(({ element, dot, state, bar }, index) => {
      const at = index === now && current.status === "running";
      const name = index < now ? "done" : at ? "now" : "waits";
      if (element.className !== name) {
        element.className = name;
        fill(dot, name === "done" ? icon("good") : null);
        if (at) element.setAttribute("aria-current", "step");
        else element.removeAttribute("aria-current");
      }
      state.textContent = at && current.frames ? framesOf(current.frames, pace) : t(`stage_${name}`);
      bar.hidden = !(at && current.frames?.total);
      if (!bar.hidden) Object.assign(bar, { max: current.frames.total, value: current.frames.done });
    });
  };
  return {
    element: h(
      "ol",
      { class: "stages", "aria-label": t("stages") },
      items.map(({ element }) => element),
    ),
    show,
  };
}

/** @param {{done: number, total: number | null}} frames @param {Pace} pace */
function framesOf({ done, total }, pace) {
  const count = total ? t("frames_of", { done, total }) : t("frames_done", { done });
  const rate = pace.framesPerSecond;
  return rate === null ? count : `${count} · ${t("fact_rate_value", { fps: fixed(rate, rate < 10 ? 1 : 0) })}`;
}

/** @param {Pace} pace */
function timeLeft(pace) {
  const seconds = pace.secondsLeft;
  return seconds === null ? t("time_unknown") : t("time_left", { time: duration(seconds) });
}

/** The events do not contain the queue position. */
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

/** How to record, for a run that failed because of its video. */
function recordingRules() {
  const rules = ["recording_body", "recording_one", "recording_camera", "recording_light", "recording_upright"];
  return [
    h("h2", {}, t("recording_title")),
    h(
      "ul",
      {},
      rules.map((rule) => h("li", {}, t(rule))),
    ),
  ];
}

/**
 * A run that failed or was stopped, and what can be done.
 * @param {any} run
 * @param {() => void} erase
 */
export function ended(run, erase) {
  return h(
    "section",
    { class: "card ended" },
    h("h1", {}, t(`${run.status}_title`)),
    h("p", { class: "lead" }, run.name),
    run.problem && h("p", { class: "fault big" }, icon("note"), problemText(run.problem)),
    run.problem?.status === 422 && recordingRules(),
    h(
      "div",
      { class: "actions" },
      h("a", { href: `#/new/${run.run_key}`, class: "button primary" }, t("again_same")),
      h("a", { href: "#/new", class: "button" }, t("again")),
      iconButton("bin", t("delete"), erase),
    ),
  );
}
