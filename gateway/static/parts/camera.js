/** Records a video with the camera of this device. */

import { fill, h, icon } from "../lib/dom.js";
import { clock } from "../lib/format.js";
import { t } from "../texts.js";

const KINDS = ["video/mp4", "video/webm"];

/** Whether a camera may be available: browsers offer it to secure pages only. */
export function canRecord() {
  return Boolean(navigator.mediaDevices?.getUserMedia && window.MediaRecorder);
}

/**
 * Ask for the camera and record until the user stops; null where they change their mind. Raises DOMException where the
 * camera is refused.
 * @returns {Promise<File | null>}
 */
export async function record() {
  const video = {
    width: { ideal: 1920 },
    height: { ideal: 1080 },
    frameRate: { ideal: 60 },
    facingMode: "environment",
  };
  const stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
  try {
    return await recorded(stream);
  } finally {
    for (const track of stream.getTracks()) track.stop();
  }
}

/** @param {MediaStream} stream @returns {Promise<File | null>} */
function recorded(stream) {
  const picture = /** @type {HTMLVideoElement} */ (
    h("video", { autoplay: true, muted: true, playsinline: true, "aria-label": t("record_live") })
  );
  picture.muted = true;
  picture.srcObject = stream;
  const time = h("p", { class: "readout", role: "timer" });
  const button = h("button", { type: "button", class: "primary" }, icon("camera"), t("record_start"));
  const cancel = h("button", { type: "button" }, t("cancel"));
  const dialog = /** @type {HTMLDialogElement} */ (
    h(
      "dialog",
      { class: "camera", "aria-label": t("new_record") },
      picture,
      h("p", { class: "hint" }, t("new_tips")),
      time,
      h("div", { class: "actions" }, cancel, button),
    )
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    const finish = (/** @type {File | null} */ file) => {
      dialog.remove();
      resolve(file);
    };
    cancel.addEventListener("click", () => finish(null));
    dialog.addEventListener("cancel", () => finish(null));
    button.addEventListener("click", () => begin(stream, button, time).then(finish), { once: true });
  });
}

/** @param {MediaStream} stream @param {HTMLElement} button @param {HTMLElement} time @returns {Promise<File>} */
function begin(stream, button, time) {
  const mimeType = KINDS.find((kind) => MediaRecorder.isTypeSupported(kind));
  const recorder = new MediaRecorder(stream, { mimeType, videoBitsPerSecond: 12_000_000 });
  /** @type {Blob[]} */
  const parts = [];
  const started = performance.now();
  const ticking = setInterval(
    () => (time.textContent = t("record_time", { time: clock((performance.now() - started) / 1000) })),
    100,
  );
  recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
  recorder.start(1000);
  fill(button, icon("good"), t("record_stop"));
  button.addEventListener("click", () => recorder.stop(), { once: true });
  return new Promise((resolve) => {
    recorder.addEventListener("stop", () => {
      clearInterval(ticking);
      const type = recorder.mimeType.split(";")[0];
      resolve(new File(parts, `recording.${type.split("/")[1]}`, { type }));
    });
  });
}
