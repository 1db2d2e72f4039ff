/** The viewer of one file of markers: the page contains all of its data. */

import { fill, h } from "./lib/dom.js";
import { Playhead } from "./lib/playhead.js";
import { stage3d } from "./parts/stage3d.js";
import { transport } from "./parts/transport.js";
import { t } from "./texts.js";

/** @param {string} base64 little-endian numbers */
function bytes(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer;
}

const { name, names, times, positions, skeleton, human } = JSON.parse(
  document.getElementById("motion")?.textContent ?? "",
);
const markers = { names, times: new Float64Array(bytes(times)), positions: new Float32Array(bytes(positions)) };
const { signal } = new AbortController();
const playhead = new Playhead(markers.times);
document.title = t("viewer_title", { name });
const space = await stage3d({ markers, ghost: null, skeleton, human: bytes(human), recorded: null }, playhead, signal);
fill(
  document.body,
  h(
    "main",
    {},
    h("h1", {}, name),
    h("section", { class: "card" }, space, transport(playhead, signal), h("p", { class: "hint keys" }, t("keys"))),
  ),
);
