/** The content of quality.json in plain language: its warnings, with advice, and selected figures. */

import { jointsOf } from "../lib/doubts.js";
import { h, icon } from "../lib/dom.js";
import { clock } from "../lib/format.js";
import { fixed, say } from "../lib/language.js";
import { t } from "../texts.js";

/** @typedef {[string, (quality: any) => string | null]} Fact name of its text, and its value where it was measured */

/** @type {Fact[]} */
const FACTS = [
  ["fact_detected", ({ detector }) => percent(detector.detection_rate)],
  ["fact_frames", ({ video }) => (video.frames ? `${video.frames}` : null)],
  ["fact_length", ({ video }) => (video.duration_s ? clock(video.duration_s) : null)],
  ["fact_rate", ({ video }) => (video.average_fps ? t("fact_rate_value", { fps: fixed(video.average_fps, 2) }) : null)],
  ["fact_size", ({ video }) => (video.width ? `${video.width} × ${video.height}` : null)],
  ["fact_gap", ({ depth }) => measured(depth.gap_longest_s, 2, " s")],
  ["fact_pitch", ({ depth }) => measured(depth.camera_pitch_deg, 0, "°")],
  ["fact_roll", ({ depth }) => measured(depth.camera_roll_deg, 0, "°")],
  ["fact_stature", ({ depth }) => measured(depth.implied_stature_m, 2, " m")],
];

/** @param {number | undefined} share */
function percent(share) {
  return share === undefined ? null : t("fact_detected_value", { percent: fixed(share * 100, share < 1 ? 1 : 0) });
}

/** @param {number | undefined | null} value @param {number} digits @param {string} unit */
function measured(value, digits, unit) {
  return value == null ? null : `${fixed(value, digits)}${unit}`;
}

/** A warning in the page's language; as it stands where an earlier version wrote it. @param {any} warning */
function said(warning) {
  return warning.template ? say(warning) : warning.message;
}

/** The body parts that a warning is about, before its text. @param {string} code */
function concerned(code) {
  const joints = jointsOf(code);
  return joints.length > 0 && h("strong", {}, joints.map((joint) => t(`joint_${joint}`)).join(", "), ": ");
}

/** @param {any} report quality.json */
export function quality(report) {
  const { warnings = [], video = {}, stages = {} } = report;
  const facts = FACTS.map(([name, of]) => [
    name,
    of({ video, detector: stages.detector ?? {}, depth: stages["refiner.depth"] ?? {} }),
  ]);
  const verdict =
    warnings.length === 0
      ? t("quality_good")
      : warnings.length === 1
        ? t("quality_one")
        : t("quality_many", { count: warnings.length });
  return h(
    "section",
    { class: "card quality" },
    h("h2", {}, t("quality")),
    h(
      "p",
      { class: warnings.length ? "verdict note" : "verdict good" },
      icon(warnings.length ? "note" : "good"),
      verdict,
    ),
    warnings.length > 0 &&
      h(
        "ul",
        { class: "warnings" },
        warnings.map((/** @type {any} */ warning) => h("li", {}, concerned(warning.code), said(warning))),
      ),
    h("h3", {}, t("quality_facts")),
    h(
      "dl",
      { class: "facts" },
      facts.filter(([, value]) => value).flatMap(([name, value]) => [h("dt", {}, t(String(name))), h("dd", {}, value)]),
    ),
  );
}
