/** A run in a list: its first frame, name, state and notes, which are edited in place. */

import { hasKey, runPath } from "../lib/api.js";
import { fill, h, icon, iconButton } from "../lib/dom.js";
import { date } from "../lib/format.js";
import { t } from "../texts.js";
import { notes, notesForm } from "./notes.js";

/**
 * @param {any} run
 * @param {{box: HTMLElement | null, changed: (run: any) => void, forget: () => void}} act `changed` gets the run as stored
 */
export function runCard(run, { box, changed, forget }) {
  const address = `#/runs/${run.run_key}`;
  const about = h("div", { class: "about" });
  const edit = iconButton("pencil", t("edit_run", { name: run.name }), () => open(), {
    quiet: true,
    class: "round subtle",
  });
  const show = () =>
    fill(
      about,
      h("a", { href: address, class: "name" }, run.name),
      h("p", { class: "hint" }, date(run.accepted_at)),
      h(
        "p",
        {},
        h("span", { class: `chip ${run.status}` }, t(`status_${run.status}`)),
        run.status === "running" ? ` ${Math.floor(run.progress)} %` : "",
      ),
      notes(run),
    );
  const open = () => {
    const closed = () => {
      show();
      edit.focus();
    };
    const { form, focus } = notesForm(run, { saved: changed, closed });
    fill(about, form);
    focus();
  };
  show();
  return h(
    "li",
    { class: "card run", "data-run": run.run_key },
    h("a", { href: address, class: "thumb", tabindex: -1, "aria-hidden": "true" }, thumbnail(run)),
    about,
    h(
      "div",
      { class: "row spread" },
      box ?? h("span"),
      h(
        "div",
        {},
        edit,
        iconButton("bin", t("delete_run", { name: run.name }), forget, { quiet: true, class: "round subtle" }),
      ),
    ),
  );
}

/** The first frame, fetched when it comes into view; a camera icon where media elements cannot request it. */
function thumbnail(/** @type {any} */ run) {
  if (hasKey()) return icon("video");
  const video = /** @type {HTMLVideoElement} */ (h("video", { preload: "none", playsinline: true }));
  video.muted = true;
  video.addEventListener("error", () => video.replaceWith(icon("video")));
  new IntersectionObserver((entries, observer) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    video.preload = "metadata";
    video.src = `${runPath(run.run_key)}video#t=0.001`;
  }).observe(video);
  return video;
}
