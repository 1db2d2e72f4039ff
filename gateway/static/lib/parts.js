/** Sends a large video in parts, and resumes an interrupted upload, even after a reload. */

import { t } from "../texts.js";
import { Problem, json } from "./api.js";
import { persistently, send } from "./transfer.js";

const KEPT = "uploads";
/** The server keeps parts of unfinished uploads for two days. */
const KEPT_MS = 47 * 3600 * 1000;

/** What is kept on this device of a file that is on its way; not its name. @param {File} file */
function fingerprint(file) {
  return `${file.size}-${file.lastModified}`;
}

/** @returns {Record<string, {key: string, at: number}>} */
function kept() {
  const all = Object.entries(JSON.parse(localStorage.getItem(KEPT) ?? "{}"));
  return Object.fromEntries(all.filter(([, { at }]) => Date.now() - at < KEPT_MS));
}

/** @param {File} file @param {string | null} key null forgets it */
function keep(file, key) {
  const { [fingerprint(file)]: _, ...others } = kept();
  const own = key === null ? {} : { [fingerprint(file)]: { key, at: Date.now() } };
  localStorage.setItem(KEPT, JSON.stringify({ ...others, ...own }));
}

/** The file has become a run, or is to be sent from the start. @param {File} file */
export function forget(file) {
  keep(file, null);
}

/** How much of a file an earlier attempt has brought to the server, 0 to 1. @param {File} file @param {AbortSignal} signal */
export async function shareArrived(file, signal) {
  const key = kept()[fingerprint(file)]?.key;
  if (!key) return 0;
  const { parts, complete } = await json(`/api/uploads/${key}`, { signal });
  return complete ? 1 : bytesOf(parts) / file.size;
}

/** @param {{size: number}[]} parts */
function bytesOf(parts) {
  return parts.reduce((sum, { size }) => sum + size, 0);
}

/**
 * Upload a video; returns the key to start a run with.
 * @param {File} video
 * @param {import("./transfer.js").Told} tell
 * @param {AbortSignal} signal
 * @returns {Promise<string>}
 */
export async function uploadInParts(video, tell, signal) {
  const again = (/** @type {string} */ path, /** @type {RequestInit} */ init) =>
    persistently(tell.lost, signal, () => json(path, { ...init, signal }));
  const key = kept()[fingerprint(video)]?.key ?? begun(await again("/api/uploads/", { method: "POST" }), video);
  keep(video, key);
  const { parts, complete, part_bytes: size } = await again(`/api/uploads/${key}`, {});
  if (complete) return key;
  const there = new Set(parts.map((/** @type {any} */ { number }) => number));
  let bytes = bytesOf(parts);
  tell.sent(bytes / video.size);
  for (let number = 1; (number - 1) * size < video.size; number++) {
    if (there.has(number)) continue;
    const part = video.slice((number - 1) * size, number * size);
    const sent = (/** @type {number} */ now) => tell.sent((bytes + now) / video.size);
    await persistently(tell.lost, signal, () => sendPart(`/api/uploads/${key}/parts/${number}`, part, sent, signal));
    bytes += part.size;
  }
  const headers = { "Content-Type": "application/json" };
  await again(`/api/uploads/${key}/complete`, { method: "POST", headers, body: JSON.stringify({ size: video.size }) });
  return key;
}

/** @param {{upload_key: string, max_bytes: number}} upload @param {File} video */
function begun({ upload_key, max_bytes }, video) {
  if (video.size <= max_bytes) return upload_key;
  const detail = t("too_large", { megabytes: Math.floor(max_bytes / 1e6) });
  throw new Problem({ status: 413, code: "body-too-large", detail });
}

/** @param {string} path @param {Blob} part @param {(bytes: number) => void} sent @param {AbortSignal} signal */
async function sendPart(path, part, sent, signal) {
  const { url } = await json(path, { method: "POST", signal });
  await send("PUT", url, part, { sent, signal });
}
