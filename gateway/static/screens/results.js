/** Results of a run: video, skeleton and charts under one cursor; statistics, quality, files. */

import { call, json, motion, reachable, runPath } from "../lib/api.js";
import { h, iconButton, toggle } from "../lib/dom.js";
import { doubtsOf } from "../lib/doubts.js";
import { date } from "../lib/format.js";
import { Framing } from "../lib/framing.js";
import { atMost, fixed, say } from "../lib/language.js";
import { Playhead } from "../lib/playhead.js";
import { printReport } from "../lib/printing.js";
import { readCycles } from "../lib/repetitions.js";
import { videoCamera } from "../lib/resection.js";
import { angleCharts } from "../parts/angles.js";
import { archive, downloads } from "../parts/downloads.js";
import { keyFigures } from "../parts/key_figures.js";
import { notes } from "../parts/notes.js";
import { isTurned, overlay } from "../parts/overlay.js";
import { quality } from "../parts/quality.js";
import { shareButton } from "../parts/share.js";
import { stage3d } from "../parts/stage3d.js";
import { statisticsTables } from "../parts/statistics.js";
import { transport } from "../parts/transport.js";
import { t } from "../texts.js";
import { renameRun } from "./run.js";

/**
 * @param {any} run as the API gave it
 * @param {AbortSignal} signal
 * @param {() => void} [erase] absent where the run is shown by a link: then nothing can be changed
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
  const printable = file("report.html");
  if (printable) printReport(printable.url, signal).catch(() => {}); // then the page itself is printed
  const analysed = found && { ...found, ...(await meanCycles(file, signal)) };
  const facts = report ?? {};
  const doubts = doubtsOf(facts.warnings ?? [], found?.view);
  const playhead = new Playhead(markers.times);
  const human = await (await call("/static/human.bin", { signal })).arrayBuffer();
  const recorded = landmarks && recording(landmarks, markers, facts);
  const watching = h(
    "div",
    { class: "watch" },
    recorded && videoPane(run, { landmarks, segments: skeleton.landmark_segments, ...recorded }, playhead, signal),
    await stage3d(
      { markers, ghost: initial, skeleton, human, recorded: recorded?.pose ? recorded : null },
      playhead,
      signal,
    ),
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
    angleCharts(
      { joints: skeleton.joints, angles, errors: facts.measured_error, found: analysed, doubts },
      playhead,
      signal,
    ),
    h("section", { class: "card" }, h("h2", {}, t("statistics")), statisticsTables(statistics, doubts)),
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

/** @param {any} run @param {(() => void) | undefined} erase @param {AbortSignal} signal */
function heading(run, erase, signal) {
  const subject = t("subject", {
    height: `${fixed(run.subject.height, 2)} m`,
    weight: `${atMost(run.subject.weight, 1)} kg`,
  });
  const film = run.name === run.video_name ? [] : [t("video_of", { name: run.video_name })];
  const noted = run.notes && [run.notes.subject, run.notes.session, ...run.notes.labels, run.notes.side, run.notes.note];
  const details = [date(run.accepted_at), subject, ...film, ...(erase ? [] : noted ?? [])].filter(Boolean);
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
        erase && iconButton("pencil", t("rename"), rename, { quiet: true, class: "round subtle" }),
      ),
      !erase && h("p", {}, t("shared_until", { date: date(run.expires_at) })),
      h("p", { class: "hint" }, details.join(" · ")),
      erase && notes(run),
    ),
    h("div", { class: "actions" }, archive(run, signal), run.shares_url && shareButton(run), erase && iconButton("bin", t("delete"), erase)),
  );
}

/**
 * The video and what is known about its camera. `pose` is null where it moved, or where no pose fits.
 * @param {import("../lib/motion.js").Landmarks} landmarks
 * @param {import("../lib/motion.js").Markers} markers
 * @param {any} facts quality.json
 */
function recording(landmarks, markers, facts) {
  const video = /** @type {HTMLVideoElement} */ (
    h("video", { preload: "auto", playsinline: true, "aria-label": t("video_label") })
  );
  video.muted = true;
  const size = sizeOf(facts, landmarks);
  const { detector, "refiner.depth": depth } = facts.stages ?? {};
  const known = detector?.camera_motion === "still" && depth?.focal_length_of_longer_side;
  const camera = {
    size,
    focal: known * Math.max(...size),
    pitch: depth?.camera_pitch_deg ?? 0,
    roll: depth?.camera_roll_deg ?? 0,
  };
  const pose = known ? videoCamera(markers, landmarks, camera) : null;
  return { video, framing: new Framing(landmarks, size), turned: Boolean(detector?.turned_deg), pose };
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
  const { video, framing, turned } = drawn;
  const apology = h("p", { class: "hint", role: "status" });
  const unplayable = (/** @type {any} */ _, why = "video_unplayable") => {
    playhead.detach();
    video.removeAttribute("src");
    apology.textContent = t(why);
  };
  const { pane, setLandmarks } = overlay(drawn, video, playhead, signal);
  const view = h(
    "div",
    { class: "view recorded" },
    h("div", { class: "row spread" }, h("h3", {}, t("video_title"))),
    pane,
    h("div", { class: "row" }, toggle(t("landmarks"), true, setLandmarks), zoomToggle(framing)),
    apology,
    run.options.blur_faces && h("p", { class: "hint" }, t("video_hidden")),
  );
  const shape = () => view.style.setProperty("--aspect", String(framing.aspect));
  shape();
  const film = filmOf(run, turned);
  const lies = () => isTurned(video, framing.size) || (turned && !film.upright);
  const playable = () => {
    if (lies()) return unplayable(null, "video_turned");
    framing.measure(video);
    shape();
    playhead.attach(video);
  };
  video.addEventListener("loadedmetadata", playable, { once: true });
  video.addEventListener("error", unplayable);
  if (run.video_url === null) unplayable(null, "video_not_shared");
  else reachable(film.path, signal).then((url) => (video.src = url), unplayable);
  return view;
}

/** @param {Framing} framing */
function zoomToggle(framing) {
  return toggle(t("zoom_person"), false, (on) => framing.zoom(on));
}
