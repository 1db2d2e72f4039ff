/** Input of the video: dropped, chosen or recorded; with its first frame and properties, and who in it is meant. */

import { fill, h, icon } from "../lib/dom.js";
import { clock, size } from "../lib/format.js";
import { shareArrived } from "../lib/parts.js";
import { LARGE } from "../lib/upload.js";
import { t } from "../texts.js";
import { canRecord, record } from "./camera.js";
import { field } from "./fields.js";

const SAMPLED_FRAMES = 12;

/** Rules of the API's `person`, besides a place in the image. */
const RULES = ["auto", "largest", "leftmost", "rightmost"];

/**
 * The field, its file, and the field for the person in it.
 * @param {AbortSignal} signal
 * @returns {{field: import("./fields.js").Field, who: import("./fields.js").Field, file: () => File | null, take: (file: File, person?: string) => void}}
 */
export function videoInput(signal) {
  /** @type {File | null} */
  let file = null;
  const input = /** @type {HTMLInputElement} */ (
    h("input", { type: "file", accept: "video/*", class: "visually-hidden", id: "video-file" })
  );
  const shown = h("div", { class: "chosen" });
  const area = h("div", { class: "drop" });
  const element = h("div", { class: "field" }, input, area);
  const made = field("video", element, () => ({}));
  const who = whoField();
  const take = (/** @type {File | undefined | null} */ chosen, /** @type {string} */ person = RULES[0]) => {
    if (!chosen) return;
    file = chosen;
    made.fault(null);
    who.choose(person);
    fill(area, shown, h("label", { for: input.id, class: "button" }, t("new_other")));
    preview(chosen, shown, who, signal);
  };
  input.addEventListener("change", () => take(input.files?.[0]));
  droppable(area, take);
  fill(area, invitation(input, take, made));
  return { field: made, who, file: () => file, take };
}

/** Who is analysed: by a rule, or at a place in the image. @typedef {import("./fields.js").Field & {choose: (person: string) => void, mark: HTMLElement}} Who */

/** @returns {Who} */
function whoField() {
  const mark = h("span", { class: "mark", hidden: true });
  const select = /** @type {HTMLSelectElement} */ (
    h(
      "select",
      { id: "who" },
      RULES.map((rule) => h("option", { value: rule }, t(`who_${rule}`))),
    )
  );
  const pointed = h("option");
  select.addEventListener("change", () => (mark.hidden = select.value !== pointed.getAttribute("value")));
  const element = h(
    "div",
    { class: "field who", hidden: true },
    h("label", { for: select.id }, t("who")),
    h("div", { class: "row" }, select, h("span", { class: "hint" }, t("who_hint"))),
  );
  const choose = (/** @type {string} */ person) => {
    element.hidden = false;
    mark.hidden = !person.includes("@");
    const [x, y] = person.split(/[,@]/).map(Number);
    if (!mark.hidden) Object.assign(mark.style, { left: `${100 * x}%`, top: `${100 * y}%` });
    if (RULES.includes(person)) pointed.remove();
    else {
      pointed.setAttribute("value", person);
      pointed.textContent = mark.hidden ? person : t("who_point");
      select.append(pointed);
    }
    select.value = person;
  };
  const values = () =>
    select.value === RULES[0] ? /** @type {Record<string, string>} */ ({}) : { person: select.value };
  return { ...field("person", element, values), choose, mark };
}

/** @param {HTMLInputElement} input @param {(file: File | null) => void} take @param {import("./fields.js").Field} made */
function invitation(input, take, made) {
  const ask = () => record().then(take, (error) => made.fault(t("record_none", { detail: error.message })));
  return [
    icon("video"),
    h("p", { class: "big" }, t("new_drop")),
    h("p", { class: "hint" }, t("new_tips")),
    h(
      "div",
      { class: "actions" },
      h("label", { for: input.id, class: "button primary" }, t("new_choose")),
      canRecord() && h("button", { type: "button", onclick: ask }, icon("camera"), t("new_record")),
    ),
  ];
}

/** @param {HTMLElement} area @param {(file: File | undefined) => void} take */
function droppable(area, take) {
  const over = (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    area.classList.toggle("over", event.type === "dragover");
  };
  area.addEventListener("dragover", over);
  area.addEventListener("dragleave", over);
  area.addEventListener("drop", (event) => {
    over(event);
    take(event.dataTransfer?.files[0]);
  });
}

/** @param {File} file @param {HTMLElement} shown @param {Who} who @param {AbortSignal} signal */
function preview(file, shown, who, signal) {
  const url = URL.createObjectURL(file);
  signal.addEventListener("abort", () => URL.revokeObjectURL(url));
  const video = /** @type {HTMLVideoElement} */ (
    h("video", { src: url, preload: "auto", playsinline: true, "aria-label": t("new_frame") })
  );
  video.muted = true;
  const facts = h("dl", { class: "facts" }, fact("fact_file", `${file.name} · ${size(file.size)}`));
  const begun = h("p", { class: "hint begun", role: "status" });
  fill(shown, h("div", { class: "frame" }, video, who.mark), facts, begun);
  video.addEventListener("click", ({ offsetX, offsetY }) => {
    const [x, y] = [offsetX / video.clientWidth, offsetY / video.clientHeight];
    who.choose(`${x.toFixed(3)},${y.toFixed(3)}@${video.currentTime.toFixed(2)}`);
  });
  if (file.size >= LARGE) tellArrived(file, begun, signal);
  video.addEventListener("loadeddata", async () => {
    const { videoWidth: width, videoHeight: height, duration } = video;
    const way = t(height > width ? "upright" : "sideways");
    const length = Number.isFinite(duration) ? clock(duration) : "–";
    facts.append(...fact("fact_length", length), ...fact("fact_size", `${width} × ${height}, ${way}`));
    const fps = await frameRate(video);
    if (fps) facts.append(...fact("fact_rate", t("fact_rate_value", { fps })));
  });
  video.addEventListener("error", () =>
    fill(shown, h("p", { class: "hint" }, icon("note"), t("new_unplayable")), facts, begun),
  );
}

/** Say that an earlier upload of this video goes on where it broke off. @param {File} file @param {HTMLElement} place @param {AbortSignal} signal */
async function tellArrived(file, place, signal) {
  const share = await shareArrived(file, signal).catch(() => 0);
  if (share > 0) place.textContent = t("upload_begun", { percent: Math.floor(100 * share) });
}

/** @param {string} name @param {string} value */
function fact(name, value) {
  return [h("dt", {}, t(name)), h("dd", {}, value)];
}

/**
 * Frames per second, from the times of the first frames; NaN where the browser does not report them.
 * @param {HTMLVideoElement} video
 * @returns {Promise<number>}
 */
async function frameRate(video) {
  if (!video.requestVideoFrameCallback) return NaN;
  /** @type {number[]} */
  const times = [];
  const sampled = new Promise((resolve) => {
    const next = (/** @type {number} */ _, /** @type {{mediaTime: number}} */ facts) => {
      times.push(facts.mediaTime);
      if (times.length < SAMPLED_FRAMES) video.requestVideoFrameCallback(next);
      else resolve(null);
    };
    video.requestVideoFrameCallback(next);
    video.addEventListener("ended", resolve, { once: true });
  });
  video.playbackRate = 0.5;
  await video.play().catch(() => {});
  await sampled;
  video.pause();
  video.currentTime = 0;
  const steps = times
    .slice(1)
    .map((time, index) => time - times[index])
    .filter((step) => step > 0)
    .sort((a, b) => a - b);
  return Math.round(100 / steps[0]) / 100;
}
