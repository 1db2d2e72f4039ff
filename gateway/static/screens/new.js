/** New run: a video, the person in it, a few questions. */

import { Problem, call, json, runPath } from "../lib/api.js";
import { fill, h, icon, iconButton } from "../lib/dom.js";
import { language } from "../lib/language.js";
import { LARGE, check, submit, submitAgain } from "../lib/upload.js";
import { consent, quantity } from "../parts/fields.js";
import { options } from "../parts/options.js";
import { videoInput } from "../parts/video_input.js";
import { t } from "../texts.js";

/** Problems without a field of their own, and the field that they are about. */
const ABOUT = /** @type {Record<string, string>} */ ({
  "unreadable-video": "video",
  "body-too-large": "video",
  "no-video-stream": "video",
});

/**
 * @param {AbortSignal} signal
 * @param {string} [earlier] a run whose video and answers, other than the consent, the form begins with
 */
export async function newRun(signal, earlier) {
  const run = earlier ? await json(runPath(earlier), { signal }) : null;
  const known = { ...run?.options, ...run?.notes, ...run?.subject };
  const video = videoInput(signal);
  const first = h("div", { class: "pair", "aria-busy": "true" });
  const experts = h("div", {});
  const fields = [
    video.field,
    quantity("height", ["cm", "ft"], known.height),
    quantity("weight", ["kg", "lb"], known.weight),
    consent(),
    video.who,
  ];
  const outcome = h("div", { class: "outcome", role: "status" });
  const start = /** @type {HTMLButtonElement} */ (h("button", { type: "submit", class: "primary large" }, t("start")));
  const form = h(
    "form",
    { class: "new", novalidate: true },
    h("section", {}, h("h2", {}, t("new_video")), fields[0].element, video.who.element),
    h(
      "section",
      {},
      h("h2", {}, t("person")),
      h("div", { class: "pair" }, fields[1].element, fields[2].element),
      first,
      h("h2", {}, t("consent_title")),
      fields[3].element,
    ),
    h("section", { class: "wide" }, experts),
    h("div", { class: "wide sendoff" }, start, outcome),
  );
  const likely = askQuestions({ first, experts }, fields, known, signal);
  likely.catch(() => {}); // awaited where the form is sent; until then the screen may be left
  const stored = { file: /** @type {File | null} */ (null) };
  if (run) takeVideo(run, video, stored, outcome, signal);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    start.disabled = true;
    for (const each of fields) each.fault(null);
    try {
      const values = Object.assign({ language }, ...fields.map((each) => each.values()));
      fill(outcome, t("checking"));
      const onlyVideoMissing = await check(values, signal);
      const file = video.file();
      if (!file) throw onlyVideoMissing;
      const question = (await likely)(values);
      if (question) {
        fill(outcome, h("p", {}, icon("note"), question));
        return;
      }
      const again = file === stored.file;
      const accepted = again
        ? await submitAgain(values, run.run_key, () => fill(outcome, t("upload_lost")), signal)
        : await send(values, file, outcome, signal);
      location.hash = `#/runs/${accepted.run_key}`;
    } catch (error) {
      if (!signal.aborted) explain(error, fields, video.file(), outcome);
    } finally {
      start.disabled = false;
    }
  });
  return h("div", {}, h("h1", {}, t("new_title")), h("p", { class: "lead" }, t("new_lead"), " ", h("a", { href: "#/batches/new" }, t("new_several"))), form);
}

/**
 * Take the video of an earlier run from the server, to show it.
 * @param {any} run
 * @param {ReturnType<typeof videoInput>} video
 * @param {{file: File | null}} stored gets what was taken
 * @param {HTMLElement} outcome
 * @param {AbortSignal} signal
 */
async function takeVideo(run, video, stored, outcome, signal) {
  fill(outcome, t("loading"));
  try {
    const content = await (await call(`${runPath(run.run_key)}video`, { signal })).blob();
    if (!video.file()) video.take((stored.file = new File([content], run.video_name)), run.options.person);
  } catch {
    if (!signal.aborted) video.field.fault(t("video_gone"));
  }
  fill(outcome);
}

/**
 * Show the options of the API's form. Returns the question that its values raise, if any; each is raised once.
 * @param {{first: HTMLElement, experts: HTMLElement}} places
 * @param {import("../parts/fields.js").Field[]} fields
 * @param {Record<string, any>} known
 * @param {AbortSignal} signal
 * @returns {Promise<(values: Record<string, string>) => string>}
 */
async function askQuestions(places, fields, known, signal) {
  const document = await json("/openapi.json", { signal });
  const { schema } = document.paths["/api/v1/runs"].post.requestBody.content["multipart/form-data"];
  const made = options(schema.properties, known);
  fields.push(...made.fields);
  fill(places.first, made.first);
  fill(places.experts, made.experts);
  places.first.removeAttribute("aria-busy");
  const [low, high] = schema.properties.weight["x-plausible-mass-index"];
  let raised = "";
  return ({ height, weight }) => {
    const index = Number(weight) / Number(height) ** 2;
    const question = index < low || index > high ? t("unlikely", { weight, height }) : "";
    const isNew = question !== raised;
    raised = question;
    return isNew ? question : "";
  };
}

/** @param {Record<string, string>} values @param {File} file @param {HTMLElement} outcome @param {AbortSignal} signal */
async function send(values, file, outcome, signal) {
  const bar = /** @type {HTMLProgressElement} */ (h("progress", { max: 1, value: 0, "aria-label": t("new_video") }));
  const words = h("span", {});
  const stopping = new AbortController();
  const stopped = () => stopping.abort(new Stopped(t(file.size < LARGE ? "upload_stopped" : "upload_paused")));
  fill(outcome, bar, h("div", { class: "row spread" }, words, iconButton("close", t("upload_stop"), stopped)));
  const sent = (/** @type {number} */ share) => {
    bar.value = share;
    words.textContent = share < 1 ? t("uploading", { percent: Math.floor(share * 100) }) : t("upload_done");
  };
  sent(0);
  const both = AbortSignal.any([signal, stopping.signal]);
  return submit(values, file, { sent, lost: () => (words.textContent = t("upload_lost")) }, both);
}

/** The user stopped the upload; the message says what became of it. */
class Stopped extends Error {}

/** @param {any} error @param {import("../parts/fields.js").Field[]} fields @param {File | null} file @param {HTMLElement} outcome */
function explain(error, fields, file, outcome) {
  if (!(error instanceof Problem)) {
    fill(
      outcome,
      h(
        "p",
        { class: error instanceof Stopped ? "hint" : "fault" },
        error.passing ? t("upload_failed") : error.message,
      ),
    );
    return;
  }
  const faults = new Map(error.fields);
  if (!file && faults.size) faults.set("video", t("video_missing"));
  if (faults.has("video_of")) faults.set("video", faults.get("video_of") ?? "");
  if (faults.has("consent")) faults.set("consent", t("consent_missing"));
  if (ABOUT[error.code]) faults.set(ABOUT[error.code], error.message);
  const faulty = fields.filter((each) => faults.has(each.name));
  for (const each of faulty) {
    each.fault(faults.get(each.name) ?? null);
    each.element.closest("details")?.setAttribute("open", "");
  }
  faulty[0]?.focus();
  fill(outcome, h("p", { class: "fault" }, faulty.length ? t("form_faults") : error.message));
}
