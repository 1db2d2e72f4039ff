/** The 3D pane with its controls: viewpoint, and what is drawn. */

import { h } from "../lib/dom.js";
import { t } from "../texts.js";
import { picker } from "./angles.js";

const VIEWS = /** @type {const} */ (["angle", "front", "side", "top"]);

/**
 * @param {{markers: import("../lib/motion.js").Markers, ghost: import("../lib/motion.js").Markers | null, skeleton: any}} what
 * @param {import("../lib/playhead.js").Playhead} playhead
 * @param {AbortSignal} signal
 */
export async function stage3d({ markers, ghost, skeleton }, playhead, signal) {
  const pane = h("div", { class: "stage space" });
  const viewer = await viewerIn(pane, { markers, ghost, skeleton }, signal);
  if (!viewer)
    return h("div", { class: "view" }, h("h3", {}, t("body_title")), h("p", { class: "hint" }, t("body_missing")));
  playhead.addEventListener("change", () => viewer.showTime(playhead.time), { signal });
  const hasAdded = markers.names.some((name) => skeleton.response_markers.includes(name));
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
        VIEWS.map((view) => [view, t(`look_${view}`)]),
        "angle",
        (view) => viewer.look(/** @type {any} */ (view)),
      ),
    ),
    pane,
    h(
      "div",
      { class: "row" },
      toggle(t("follow"), true, (on) => viewer.setFollow(on)),
      ghost && toggle(t("ghost"), false, (on) => viewer.setGhost(on)),
      hasAdded && toggle(t("added"), true, (on) => viewer.setAdded(on)),
    ),
  );
}

/** Null where there is no WebGL. @param {HTMLElement} pane @param {any} what @param {AbortSignal} signal */
async function viewerIn(pane, { markers, ghost, skeleton }, signal) {
  const { Viewer } = await import("./viewer.js");
  try {
    const main = markers.names.filter((/** @type {string} */ name) => skeleton.markers.includes(name));
    const viewer = new Viewer(
      pane,
      { markers, ghost, segments: skeleton.segments, main, label: t("body_label") },
      signal,
    );
    Object.assign(pane, { viewer });
    return viewer;
  } catch (error) {
    console.warn(error);
    return null;
  }
}

/** @param {string} words @param {boolean} on @param {(on: boolean) => void} changed */
function toggle(words, on, changed) {
  const input = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", checked: on }));
  input.addEventListener("change", () => changed(input.checked));
  return h("label", { class: "check" }, input, h("span", {}, words));
}
