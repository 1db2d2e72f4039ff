/** The files of a run, one by one and as a zip. */

import { hasKey, reachable, runPath } from "../lib/api.js";
import { h, icon } from "../lib/dom.js";
import { readable } from "../lib/format.js";
import { t } from "../texts.js";
import { jointName } from "./angles.js";

/** @type {[RegExp, (match: RegExpMatchArray) => string][]} */
const NAMES = [
  [/^report\.html$/, () => t("file_report")],
  [/^report\.pdf$/, () => t("file_pdf")],
  [/^parameters\.csv$/, () => t("file_parameters")],
  [/^cycles\.csv$/, () => t("file_cycles")],
  [/^events\.json$/, () => t("file_events")],
  [/joint_angles\.csv$/, () => t("file_all_angles")],
  [/joint_angles_long\.csv$/, () => t("file_long_angles")],
  [/\.c3d$/, () => t("file_c3d")],
  [/\.osim$/, () => t("file_osim")],
  [/_ik\.mot$/, () => t("file_mot")],
  [/_final\.trc$/, () => t("file_final")],
  [/_initial\.trc$/, () => t("file_initial")],
  [/_marker_sd\.csv$/, () => t("file_marker_sd")],
  [/_raw_landmarks\.csv$/, () => t("file_raw")],
  [/_preview\.mp4$/, () => t("file_preview")],
  [/^quality\.json$/, () => t("file_quality")],
  [/^run\.json$/, () => t("file_run")],
  [
    /_angles_(\w+?)(?:_([rl]))?\.csv$/,
    ([, joint, side]) =>
      t("file_angles", {
        joint: [jointName(joint), side && t(side === "r" ? "right" : "left").toLowerCase()].filter(Boolean).join(", "),
      }),
  ],
  [
    /([^/]+)\.(png|svg)$/,
    ([, name, kind]) => t("file_figure", { name: readable(name), kind: kind.toUpperCase() }),
  ],
];

/** What a file is, in plain words, and where it stands in the list. @param {string} path @returns {[number, string]} */
function described(path) {
  for (const [place, [pattern, words]] of NAMES.entries()) {
    const match = path.match(pattern);
    if (match) return [place, words(match)];
  }
  return [NAMES.length, path];
}

/**
 * A link that saves a file. With an API key it is fetched by a script first, since a link sends none.
 * @param {string} url
 * @param {string} name of the saved file
 * @param {(Node | string | null)[]} words
 * @param {AbortSignal} signal
 * @param {string} [style]
 */
export function saving(url, name, words, signal, style = "") {
  const link = /** @type {HTMLAnchorElement} */ (h("a", { href: url, download: name, class: style }, words));
  link.addEventListener("click", async (event) => {
    if (!hasKey() || link.href.startsWith("blob:")) return;
    event.preventDefault();
    link.href = await reachable(url, signal);
    link.click();
  });
  return link;
}

/** @param {any} run @param {AbortSignal} signal */
export function downloads(run, signal) {
  const entry = (/** @type {string} */ url, /** @type {string} */ path, /** @type {string} */ words) =>
    h("li", {}, saving(url, path.split("/").pop() ?? path, [words], signal), h("code", {}, path));
  const listed = run.files.map((/** @type {any} */ file) => ({ ...file, described: described(file.path) }));
  listed.sort((/** @type {any} */ a, /** @type {any} */ b) => a.described[0] - b.described[0]);
  const files = listed.map((/** @type {any} */ { path, url, described: [, words] }) => entry(url, path, words));
  return h(
    "section",
    { class: "card downloads" },
    h("div", { class: "row spread" }, h("h2", {}, t("downloads")), archive(run, signal)),
    h(
      "ul",
      { class: "files" },
      files,
      !run.options.blur_faces &&
        run.video_url !== null &&
        h("li", {}, saving(`${runPath(run.run_key)}video`, run.video_name, [t("file_video")], signal)),
    ),
  );
}

/** @param {any} run @param {AbortSignal} signal */
export function archive(run, signal) {
  return saving(run.archive_url, `${run.video_name}.zip`, [icon("download"), t("zip")], signal, "button primary");
}
