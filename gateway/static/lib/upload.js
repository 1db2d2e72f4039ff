/** Starts a run: check of the form, upload with progress, and handling of lost connections. */

import { Problem, call, json } from "./api.js";
import { forget, uploadInParts } from "./parts.js";
import { persistently, send } from "./transfer.js";

/** Videos from this size on are sent in parts, so that an interrupted upload can be resumed. */
export const LARGE = 25e6;

/**
 * Check a form before its video is sent, by sending it without the video. Raises Problem unless the missing video is
 * the only fault.
 * @param {Record<string, string>} fields
 * @param {AbortSignal} signal
 */
export async function check(fields, signal) {
  try {
    await call("/api/runs/", { method: "POST", body: formOf(fields), signal });
  } catch (error) {
    if (error instanceof Problem && error.fields.size === 1 && error.fields.has("video")) return error;
    throw error;
  }
  throw new Error("a run without a video was accepted");
}

/**
 * Send the video and start the run. Lost connections are retried; the result is always a single run.
 * @param {Record<string, string>} fields
 * @param {File} video
 * @param {import("./transfer.js").Told} tell
 * @param {AbortSignal} signal
 * @returns {Promise<{run_key: string, warnings: string[]}>}
 */
export function submit(fields, video, tell, signal) {
  return video.size < LARGE ? submitWhole(fields, video, tell, signal) : submitInParts(fields, video, tell, signal);
}

/** @param {Record<string, string>} fields @param {File} video @param {import("./transfer.js").Told} tell @param {AbortSignal} signal */
async function submitWhole(fields, video, tell, signal) {
  const headers = { "Idempotency-Key": newKey() };
  const sent = (/** @type {number} */ bytes, /** @type {number} */ total) => tell.sent(bytes / total);
  return persistently(tell.lost, signal, async () => {
    const form = formOf(fields);
    form.append("video", video, video.name);
    return JSON.parse(await send("POST", "/api/runs/", form, { headers, sent, signal }));
  });
}

/**
 * Start a run with the video of an earlier one, which the server still has.
 * @param {Record<string, string>} fields
 * @param {string} earlier key of that run
 * @param {() => void} lost
 * @param {AbortSignal} signal
 */
export function submitAgain(fields, earlier, lost, signal) {
  const headers = { "Idempotency-Key": newKey() };
  const start = () => json("/api/runs/", { method: "POST", headers, body: formOf({ ...fields, video_of: earlier }), signal });
  return persistently(lost, signal, start);
}

function newKey() {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}

/** @param {Record<string, string>} fields @param {File} video @param {import("./transfer.js").Told} tell @param {AbortSignal} signal */
async function submitInParts(fields, video, tell, signal) {
  try {
    return await startUploaded(fields, video, tell, signal);
  } catch (error) {
    // An upload that has become another run, or is gone, is started again.
    if (!(error instanceof Problem && STALE.includes(error.code))) throw error;
    forget(video);
    return startUploaded(fields, video, tell, signal);
  }
}

const STALE = ["run-exists", "idempotency-key-reused", "upload-not-found", "upload-incomplete"];

/** @param {Record<string, string>} fields @param {File} video @param {import("./transfer.js").Told} tell @param {AbortSignal} signal */
async function startUploaded(fields, video, tell, signal) {
  const uploaded = { upload_key: await uploadInParts(video, tell, signal), video_name: video.name };
  tell.sent(1);
  const body = () => formOf({ ...fields, ...uploaded });
  const start = () => json("/api/runs/", { method: "POST", body: body(), signal });
  const accepted = await persistently(tell.lost, signal, start);
  forget(video);
  return accepted;
}

/** @param {Record<string, string>} fields */
function formOf(fields) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return form;
}
