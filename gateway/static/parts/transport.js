/** Buttons, slider and keys that move the playhead. */

import { fill, h, icon, iconButton } from "../lib/dom.js";
import { clock } from "../lib/format.js";
import { t } from "../texts.js";

const RATES = [0.125, 0.25, 0.5, 1, 2, 4];

/**
 * @param {import("../lib/playhead.js").Playhead} playhead
 * @param {AbortSignal} signal
 */
export function transport(playhead, signal) {
  const play = iconButton("play", t("play"), () => playhead.toggle(), { quiet: true, class: "primary round" });
  const slider = /** @type {HTMLInputElement} */ (
    h("input", {
      type: "range",
      min: 0,
      max: playhead.times.length - 1,
      step: 1,
      "aria-label": t("time"),
      class: "scrub",
    })
  );
  const when = h("span");
  const frame = h("span", { class: "frame" });
  const rate = /** @type {HTMLSelectElement} */ (
    h(
      "select",
      { "aria-label": t("speed") },
      RATES.map((each) => h("option", { value: each, selected: each === 1 }, `${each}×`)),
    )
  );
  slider.addEventListener("input", () => {
    const time = playhead.times[Number(slider.value)]; // before the pause, which sets the slider
    playhead.pause();
    playhead.seek(time);
  });
  rate.addEventListener("change", () => playhead.setRate(Number(rate.value)));
  const show = () => {
    const name = playhead.playing ? t("pause") : t("play");
    if (play.title !== name) {
      play.title = name;
      play.setAttribute("aria-label", name);
      fill(play, icon(playhead.playing ? "pause" : "play"));
    }
    slider.value = String(playhead.frame);
    slider.setAttribute("aria-valuetext", t("at_time", { time: clock(playhead.time), frame: playhead.frame + 1 }));
    when.textContent = clock(playhead.time);
    frame.textContent = ` / ${clock(playhead.end)} · ${t("frame", { frame: playhead.frame + 1 })}`;
    rate.value = String(Math.abs(playhead.rate));
  };
  playhead.addEventListener("change", show, { signal });
  show();
  listen(playhead, signal);
  return h(
    "div",
    { class: "transport", role: "group", "aria-label": t("transport") },
    h(
      "div",
      { class: "buttons" },
      iconButton("back", t("frame_back"), () => playhead.step(-1), { quiet: true, class: "round" }),
      play,
      iconButton("forward", t("frame_forward"), () => playhead.step(1), { quiet: true, class: "round" }),
    ),
    slider,
    h("div", { class: "when" }, h("span", { class: "readout" }, when, frame), rate),
  );
}

/** Space, arrows, J K L, Home and End, unless the user is writing or choosing something. */
function listen(/** @type {import("../lib/playhead.js").Playhead} */ playhead, /** @type {AbortSignal} */ signal) {
  /** @type {Record<string, (event: KeyboardEvent) => void>} */
  const actions = {
    " ": () => playhead.toggle(),
    ArrowLeft: (event) => playhead.step(event.shiftKey ? -10 : -1),
    ArrowRight: (event) => playhead.step(event.shiftKey ? 10 : 1),
    j: () => playhead.shuttle(-1),
    k: () => playhead.pause(),
    l: () => playhead.shuttle(1),
    Home: () => playhead.seek(playhead.start),
    End: () => playhead.seek(playhead.end),
  };
  const listener = (/** @type {KeyboardEvent} */ event) => {
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey || busy(event)) return;
    event.preventDefault();
    action(event);
  };
  document.addEventListener("keydown", listener, { signal });
  document.addEventListener("click", (event) => event.detail > 0 && setTimeout(letGo), { signal });
}

/** A tab or button that was clicked with a pointer does not keep the keys to itself. */
function letGo() {
  const focused = document.activeElement;
  if (focused instanceof HTMLElement && focused.matches("button, [type=radio], [type=checkbox]")) focused.blur();
}

/** Whether the key means something to the element that has the focus. @param {KeyboardEvent} event */
function busy(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (document.querySelector("dialog[open]")) return true;
  if (target.matches(".scrub")) return false;
  if (target.matches("input:not([type=checkbox]):not([type=radio]), select, textarea")) return true;
  return event.key === " " ? target.matches("button, a, summary, input") : target.matches("[role=tab], input");
}
