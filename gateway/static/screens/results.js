/** Results of a run: video, skeleton and charts under one cursor; statistics, quality, files. */

import { call, json, motion, reachable, runPath } from "../lib/api.js";
import { h, iconButton } from "../lib/dom.js";
import { date } from "../lib/format.js";
import { atMost, fixed, say } from "../lib/language.js";
import { Playhead } from "../lib/playhead.js";
import { readCycles } from "../lib/repetitions.js";
import { angleCharts } from "../parts/angles.js";
import { archive, downloads } from "../parts/downloads.js";
import { keyFigures } from "../parts/key_figures.js";
import { isTurned, overlay } from "../parts/overlay.js";
import { quality } from "../parts/quality.js";
import { stage3d } from "../parts/stage3d.js";
import { statisticsTables } from "../parts/statistics.js";
import { transport } from "../parts/transport.js";
import { t } from "../texts.js";
import { renameRun } from "./run.js";

/**
 * @param {any} run as the API gave it
 * @param {AbortSignal} signal
 * @param {() => void} erase
 */
export async function results(run, signal, erase) {
  const file = (/** @type {string} */ name) => run.files.find((/** @type {any} */ { path }) => path === name);
  const qualityFile = file("quality.json");
  const [skeleton, statistics, report, found, { markers, initial, landmarks, angles }] = await Promise.all([
    json("/api/skeleton", { signal }),
    json(`${runPath(run.run_key)}statistics/`, { signal }),
    qualityFile ? json(qualityFile.url, { signal }) : null,
    file("parameters.csv") ? json(`${runPath(run.run_key)}parameters/`, { signal }) : null,
    motion(run.run_key, signal),
  ]);
  const analysed = found && { ...found, ...(await meanCycles(file, signal)) };
  const facts = report ?? {};
  const playhead = new Playhead(markers.times);
  const watching = h(
    "div",
    { class: "watch" },
    landmarks &&
      videoPane(
        run,
        {
          landmarks,
          segments: skeleton.landmark_segments,
          size: sizeOf(facts, landmarks),
          turned: Boolean(facts.stages?.detector?.turned_deg),
        },
        playhead,
        signal,
      ),
    await stage3d({ markers, ghost: initial, skeleton }, playhead, signal),
  );
  return h(
    "div",
    { class: "results" },
    heading(run, erase, signal),
    keyFigures(facts.verdict_text ? say(facts.verdict_text) : facts.verdict, found),
    h(
      "section",
      { class: "card", "aria-label": t("watch") },
      watching,
      transport(playhead, signal),
      h("p", { class: "hint keys" }, t("keys")),
    ),
    angleCharts({ joints: skeleton.joints, angles, errors: facts.measured_error, found: analysed }, playhead, signal),
    h("section", { class: "card" }, h("h2", {}, t("statistics")), statisticsTables(statistics)),
    h("div", { class: "columns" }, quality(facts), downloads(run, signal)),
  );
}

/** The mean cycles of a run's files, and whose norms they are compared with. @param {(name: string) => any} file @param {AbortSignal} signal */
async function meanCycles(file, signal) {
  const [table, events] = [file("cycles.csv"), file("events.json")];
  if (!table) return { cycles: [], norms: null };
  const cycles = readCycles(await (await call(table.url, { signal })).text());
  const compared = cycles.some(({ normMean }) => normMean) && events;
  return { cycles, norms: compared ? (await json(events.url, { signal })).norms : null };
}

/** @param {any} run @param {() => void} erase @param {AbortSignal} signal */
function heading(run, erase, signal) {
  const subject = t("subject", {
    height: `${fixed(run.subject.height, 2)} m`,
    weight: `${atMost(run.subject.weight, 1)} kg`,
  });
  const film = run.name === run.video_name ? [] : [t("video_of", { name: run.video_name })];
  const details = [date(run.accepted_at), subject, ...film];
  const title = h("h1", {}, run.name);
  const rename = () =>
    renameRun(run, (name) => {
      run.name = name;
      title.textContent = name;
    });
  return h(
    "div",
    { class: "heading" },
    h(
      "div",
      {},
      h(
        "div",
        { class: "row" },
        title,
        iconButton("pencil", t("rename"), rename, { quiet: true, class: "round subtle" }),
      ),
      h("p", { class: "hint" }, details.join(" · ")),
    ),
    h("div", { class: "actions" }, archive(run, signal), iconButton("bin", t("delete"), erase)),
  );
}

/** Size of the upright image; without a quality report, the bounding box of all landmarks. */
function sizeOf(/** @type {any} */ { video }, /** @type {import("../lib/motion.js").Landmarks} */ { pixels }) {
  if (video?.width) return /** @type {[number, number]} */ ([video.width, video.height]);
  const largest = [1, 1];
  pixels.forEach((value, index) => value > largest[index % 2] && (largest[index % 2] = value));
  return /** @type {[number, number]} */ (largest);
}

/** The video to show: the original, or the preview where the server had to rotate it. @param {any} run @param {boolean} turned */
function filmOf(run, turned) {
  const preview = run.files.find((/** @type {any} */ each) => each.path.endsWith("_preview.mp4"));
  const upright = Boolean(preview && (turned || run.options.blur_faces));
  return { path: upright ? preview.url : `${runPath(run.run_key)}video`, upright };
}

/** @param {any} run @param {any} drawn @param {Playhead} playhead @param {AbortSignal} signal */
function videoPane(run, drawn, playhead, signal) {
  const video = /** @type {HTMLVideoElement} */ (
    h("video", { preload: "auto", playsinline: true, "aria-label": t("video_label") })
  );
  video.muted = true;
  const apology = h("p", { class: "hint", role: "status" });
  const unplayable = (/** @type {any} */ _, why = "video_unplayable") => {
    playhead.detach();
    video.removeAttribute("src");
    apology.textContent = t(why);
  };
  const film = filmOf(run, drawn.turned);
  const lies = () => isTurned(video, drawn.size) || (drawn.turned && !film.upright);
  const playable = () => (lies() ? unplayable(null, "video_turned") : playhead.attach(video));
  video.addEventListener("loadedmetadata", playable, { once: true });
  video.addEventListener("error", unplayable);
  reachable(film.path, signal).then((url) => (video.src = url), unplayable);
  return h(
    "div",
    { class: "view" },
    h("div", { class: "row spread" }, h("h3", {}, t("video_title"))),
    overlay(drawn, video, playhead, signal),
    apology,
    run.options.blur_faces && h("p", { class: "hint" }, t("video_hidden")),
  );
}
