/** The 3D pane with its controls: viewpoint, and what is drawn. */

import { h, toggle } from "../lib/dom.js";
import { t } from "../texts.js";
import { picker } from "./angles.js";

const VIEWS = /** @type {const} */ (["angle", "front", "side", "top"]);

/**
 * @typedef {object} Shown
 * @property {import("../lib/motion.js").Markers} markers
 * @property {import("../lib/motion.js").Markers | null} ghost
 * @property {any} skeleton as the API describes it
 * @property {ArrayBuffer | null} human file of the figure
 * @property {import("./viewer.js").Recorded | null} recorded how the video's camera saw the body, where that is known
 */

/**
 * @param {Shown} shown
 * @param {import("../lib/playhead.js").Playhead} playhead
 * @param {AbortSignal} signal
 */
export async function stage3d(shown, playhead, signal) {
  const pane = h("div", { class: "stage space" });
  const viewer = await viewerIn(pane, shown, signal);
  const { markers, ghost, skeleton, recorded } = shown;
  if (!viewer)
    return h("div", { class: "view" }, h("h3", {}, t("body_title")), h("p", { class: "hint" }, t("body_missing")));
  playhead.addEventListener("change", () => viewer.showTime(playhead.time), { signal });
  const hasAdded = markers.names.some((name) => skeleton.response_markers.includes(name));
  const about = h("p", { class: "hint", hidden: true }, t("added_about"));
  const added = (/** @type {boolean} */ on) => {
    viewer.setAdded(on);
    about.hidden = !on;
  };
  added(false);
  const follow = toggle(t("follow"), true, (on) => viewer.setFollow(on));
  const behind = recorded && toggle(t("behind"), true, (on) => viewer.setVideo(on));
  const note = recorded && h("p", { class: "hint" }, t("camera_about"));
  const look = (/** @type {string} */ view) => {
    viewer.look(/** @type {any} */ (view));
    follow.hidden = view === "camera";
    for (const each of [behind, note]) if (each) each.hidden = view !== "camera";
  };
  look("angle");
  const views = [...VIEWS, ...(recorded ? ["camera"] : [])];
  return h(
    "div",
    { class: "view" },
    h(
      "div",
      { class: "row spread" },
      h("h3", {}, t("body_title")),
      picker(
        "look",
        t("look"),
        views.map((view) => [view, t(`look_${view}`)]),
        "angle",
        look,
      ),
    ),
    pane,
    h(
      "div",
      { class: "row" },
      viewer.figure && toggle(t("figure"), true, (on) => viewer.setFigure(on)),
      follow,
      behind,
      ghost && toggle(t("ghost"), false, (on) => viewer.setGhost(on)),
      hasAdded && toggle(t("added"), false, added),
    ),
    about,
    note,
  );
}

/** Null where there is no WebGL. @param {HTMLElement} pane @param {Shown} shown @param {AbortSignal} signal */
async function viewerIn(pane, { skeleton, ...shown }, signal) {
  const { Viewer } = await import("./viewer.js");
  try {
    const main = shown.markers.names.filter((/** @type {string} */ name) => skeleton.markers.includes(name));
    const viewer = new Viewer(pane, { ...shown, segments: skeleton.segments, main, label: t("body_label") }, signal);
    Object.assign(pane, { viewer });
    return viewer;
  } catch (error) {
    console.warn(error);
    return null;
  }
}
