/** Two or more runs on the same charts: colour tells the side, line style the run. */

import { call, json, motion, runPath } from "../lib/api.js";
import { commonEvents, zeroOf } from "../lib/alignment.js";
import { colours } from "../lib/colours.js";
import { fill, h } from "../lib/dom.js";
import { date } from "../lib/format.js";
import { Playhead } from "../lib/playhead.js";
import { angleName, jointName, pickable, picker, sideless } from "../parts/angles.js";
import { chart } from "../parts/charts.js";
import { differenceTable } from "../parts/differences.js";
import { figureText, sidedName } from "../parts/key_figures.js";
import { figure } from "../parts/statistics.js";
import { transport } from "../parts/transport.js";
import { t } from "../texts.js";

const DASHES = [undefined, [9, 5], [2, 4], [12, 4, 2, 4]];
/** Frames a second of the common time. */
const RATE = 60;

/** @typedef {{letter: string, run: any, angles: import("../lib/motion.js").Angles, statistics: any, found: any, quality: any}} Compared */

/**
 * @param {AbortSignal} signal
 * @param {string} runKeys separated by slashes
 */
export async function compare(signal, runKeys) {
  const [skeleton, ...compared] = await Promise.all([
    json("/api/skeleton", { signal }),
    ...runKeys.split("/").map((key, index) => load(key, "ABCD"[index], signal)),
  ]);
  return h(
    "div",
    { class: "comparison" },
    h("h1", {}, t("compare_title")),
    h("ul", { class: "legend compared" }, compared.map(legend)),
    keyFigures(compared),
    curves(skeleton.joints, compared, signal),
  );
}

/** @param {string} key @param {string} letter @param {AbortSignal} signal @returns {Promise<Compared>} */
async function load(key, letter, signal) {
  const run = await json(runPath(key), { signal });
  const file = (/** @type {string} */ name) => run.files.find((/** @type {any} */ { path }) => path === name);
  const quality = file("quality.json");
  const [statistics, { angles }, found, report] = await Promise.all([
    json(`${runPath(key)}statistics/`, { signal }),
    motion(key, signal),
    file("parameters.csv") ? json(`${runPath(key)}parameters/`, { signal }) : null,
    quality ? call(quality.url, { signal }).then((answer) => answer.json()) : null,
  ]);
  return { letter, run, angles, statistics, found, quality: report };
}

/** @param {Compared} compared @param {number} index */
function legend({ letter, run }, index) {
  const words = [run.name, run.notes.subject, date(run.accepted_at)].filter(Boolean).join(" · ");
  return h(
    "li",
    {},
    h("strong", {}, letter),
    h("a", { href: `#/runs/${run.run_key}` }, words),
    h("span", { class: "hint" }, t(`line_${index}`)),
  );
}

/** Values by letter, then how the others differ from A. @param {Compared[]} compared */
function headsOf(compared) {
  return [...compared.map(({ letter }) => letter), ...compared.slice(1).map(({ letter }) => `${letter} − A`)];
}

/** @param {Compared[]} compared */
function keyFigures(compared) {
  const tasks = new Set(compared.map(({ found }) => found?.task));
  const all = compared.flatMap(({ found }) => found?.key_figures ?? []);
  const same = tasks.size === 1 && all.length > 0;
  const named = [...Map.groupBy(all, ({ name, side }) => `${name} ${side}`).values()].map(([first]) => first);
  const rows = named.map(({ name, side, unit }) => ({
    label: sidedName(name, side),
    write: (/** @type {number} */ value) => figureText({ value, sd: null, unit }),
    values: compared.map((each) => measured(each, name, side)),
  }));
  return h(
    "section",
    { class: "card" },
    h("h2", {}, t("key_figures")),
    same
      ? differenceTable({
          caption: t(`task_${compared[0].found.task}`),
          about: t("difference_about"),
          heads: headsOf(compared),
          rows,
        })
      : h("p", { class: "hint" }, t("compare_no_figures")),
  );
}

/** A figure with its error: that of the joint angle whose peak it is, as `measured_error_of` in shared/results. @param {Compared} compared @param {string} name @param {string | null} side */
function measured({ found, quality }, name, side) {
  const figure = found.key_figures.find((/** @type {any} */ each) => each.name === name && each.side === side);
  const joints = Object.entries(quality?.measured_error?.rendered?.mae_deg ?? {});
  const errors = joints.flatMap(([joint, angles]) =>
    Object.entries(angles).map(([angle, error]) => [`${joint}_${angle}_peak`, error]),
  );
  return figure ? { value: figure.value, error: Object.fromEntries(errors)[name] ?? null } : null;
}

/** Charts of one joint at a time, with its range of motion. @param {any[]} joints @param {Compared[]} compared @param {AbortSignal} signal */
function curves(joints, compared, signal) {
  const events = compared.map(({ found }) => found?.events ?? []);
  const common = commonEvents(events);
  const choice = { joint: "knee", align: common[0] ?? "" };
  const place = h("div", {});
  let drawing = new AbortController();
  const draw = async () => {
    drawing.abort();
    drawing = new AbortController();
    const both = AbortSignal.any([signal, drawing.signal]);
    const groups = joints.filter(({ name }) => sideless(name) === choice.joint);
    const zeros = compared.map(({ angles }, index) => zeroOf(choice.align, events[index], angles.times));
    const playhead = new Playhead(commonTimes(compared, zeros));
    playhead.seek(0);
    const rows = await Promise.all(
      groups[0].angles.map((/** @type {string} */ angle) => row(groups, angle, compared, zeros, playhead, both)),
    );
    if (both.aborted) return;
    const band = rows.some((each) => each.querySelector(".banded"));
    const key = h("p", { class: "hint" }, [t("compare_lines"), band && t("band")].filter(Boolean).join(" "));
    fill(place, key, h("div", { class: "charts" }, rows), transport(playhead, both), rangesOfMotion(groups, compared));
  };
  const choose = (/** @type {Partial<typeof choice>} */ change) => {
    Object.assign(choice, change);
    draw();
  };
  const alignments = [["", t("align_recording")], ...common.map((name) => [name, alignmentName(name)])];
  draw();
  return h(
    "section",
    { class: "card" },
    h("h2", {}, t("angles")),
    h(
      "div",
      { class: "row spread" },
      picker(
        "joint",
        t("joint"),
        pickable(joints).map((joint) => [joint, jointName(joint)]),
        choice.joint,
        (joint) => choose({ joint }),
      ),
      h(
        "label",
        { class: "row" },
        h("span", {}, t("align")),
        h(
          "select",
          { onchange: (/** @type {any} */ event) => choose({ align: event.target.value }) },
          alignments.map(([value, words]) => h("option", { value, selected: value === choice.align }, words)),
        ),
      ),
    ),
    place,
  );
}

/** @param {string} name `kind` or `kind side` */
function alignmentName(name) {
  const [kind, side] = name.split(" ");
  return [t(`align_${kind}`), side && t(side).toLowerCase()].filter(Boolean).join(", ");
}

/** From the earliest start to the latest end, around 0. @param {Compared[]} compared @param {number[]} zeros */
function commonTimes(compared, zeros) {
  const ends = compared.map(({ angles: { times } }, index) => [
    times[0] - zeros[index],
    times[times.length - 1] - zeros[index],
  ]);
  const first = Math.round(Math.min(...ends.map(([start]) => start)) * RATE);
  const last = Math.round(Math.max(...ends.map(([, end]) => end)) * RATE);
  return Float64Array.from({ length: last - first + 1 }, (_, index) => (first + index) / RATE);
}

/** An angle: right and left side by side. @param {any[]} groups @param {string} angle @param {Compared[]} compared @param {number[]} zeros @param {Playhead} playhead @param {AbortSignal} signal */
async function row(groups, angle, compared, zeros, playhead, signal) {
  const charts = groups.map((group) => {
    const side = group.mirrored === group.name ? null : group.name.endsWith("_r") ? "right" : "left";
    const drawn = compared.map(({ letter, angles }, index) => {
      const { times, values, spread } = angles.curve(group.name, angle);
      const shifted = times.map((time) => time - zeros[index]);
      return {
        times: shifted,
        values,
        spread,
        label: letter,
        colour: () => colours()[side ?? "middle"],
        dash: DASHES[index],
      };
    });
    const title = angleName(sideless(group.name), angle);
    return chart({ title: side ? `${title} · ${t(side)}` : title, curves: drawn }, playhead, signal);
  });
  return h("div", { class: charts.length > 1 ? "chart-row two" : "chart-row" }, await Promise.all(charts));
}

/** @param {any[]} groups @param {Compared[]} compared */
function rangesOfMotion(groups, compared) {
  const rows = groups[0].angles.flatMap((/** @type {string} */ angle) =>
    groups.map((group) => ({
      label: [
        angleName(sideless(group.name), angle),
        group.mirrored !== group.name && t(group.name.endsWith("_r") ? "right" : "left").toLowerCase(),
      ]
        .filter(Boolean)
        .join(", "),
      write: (/** @type {number} */ value) => `${figure(value)}°`,
      values: compared.map((each) => rangeOf(each, group.name, angle)),
    })),
  );
  return differenceTable({ caption: t("compare_statistics"), about: t("rom_error"), heads: headsOf(compared), rows });
}

/** @param {Compared} compared @param {string} joint @param {string} angle */
function rangeOf({ statistics }, joint, angle) {
  const row = statistics.angles.find((/** @type {any} */ each) => each.joint === joint && each.angle === angle);
  return row?.range_of_motion == null ? null : { value: row.range_of_motion };
}
