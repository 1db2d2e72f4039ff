/** Starts a run: a check of the form, the upload with its progress, and what to do when the line breaks. */

import { Problem, Unreachable, authorization, call, json, problemOf } from "./api.js";

/** Videos from this size on go straight to the store, where the server offers that. */
export const LARGE = 100e6;
const PAUSES_MS = [1000, 3000, 9000, 27000];

/**
 * What the server finds wrong with a form, before a video is sent for nothing: the form without it. Raises Problem
 * unless the missing video is its only fault.
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
 * Send the video and start the run. A broken connection is tried again, under one Idempotency-Key, so that it is one
 * run however often it is sent.
 * @param {Record<string, string>} fields
 * @param {File} video
 * @param {{sent: (share: number) => void, lost: () => void}} tell
 * @param {AbortSignal} signal
 * @returns {Promise<{run_key: string, warnings: string[]}>}
 */
export async function submit(fields, video, tell, signal) {
  const idempotencyKey = crypto.getRandomValues(new Uint32Array(4)).join("-");
  const direct = video.size >= LARGE ? await uploadForm(signal) : null;
  return persistently(tell.lost, signal, async () => {
    if (direct) {
      await toStore(direct, video, tell.sent, signal);
      return json("/api/runs/", { method: "POST", body: formOf({ ...fields, upload_key: direct.upload_key }), signal });
    }
    const form = formOf(fields);
    form.append("video", video, video.name);
    const answer = await send("/api/runs/", form, { "Idempotency-Key": idempotencyKey }, tell.sent, signal);
    return JSON.parse(answer);
  });
}

/** @param {Record<string, string>} fields */
function formOf(fields) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return form;
}

/** @param {AbortSignal} signal */
async function uploadForm(signal) {
  try {
    return await json("/api/uploads/", { method: "POST", signal });
  } catch (error) {
    if (error instanceof Problem && error.status === 501) return null;
    throw error;
  }
}

/** @param {{url: string, fields: Record<string, string>}} direct @param {File} video @param {(share: number) => void} sent @param {AbortSignal} signal */
function toStore(direct, video, sent, signal) {
  const form = formOf(direct.fields);
  form.append("file", video, video.name);
  return send(direct.url, form, null, sent, signal);
}

/**
 * @template T
 * @param {() => void} lost
 * @param {AbortSignal} signal
 * @param {() => Promise<T>} attempt
 * @returns {Promise<T>}
 */
async function persistently(lost, signal, attempt) {
  for (const pause of PAUSES_MS) {
    try {
      return await attempt();
    } catch (error) {
      if (!(/** @type {any} */ (error).passing)) throw error;
      lost();
      await new Promise((resolve) => setTimeout(resolve, pause));
      signal.throwIfAborted();
    }
  }
  return attempt();
}

/**
 * POST with progress, which `fetch` does not tell. `headers` null: to the store, which knows no API key.
 * @param {string} url
 * @param {FormData} form
 * @param {Record<string, string> | null} headers
 * @param {(share: number) => void} sent
 * @param {AbortSignal} signal
 * @returns {Promise<string>}
 */
function send(url, form, headers, sent, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    const all = headers ? { ...authorization(), ...headers } : {};
    for (const [name, value] of Object.entries(all)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => sent(event.loaded / event.total);
    request.onerror = () => reject(new Unreachable("The connection broke off."));
    request.onabort = () => reject(signal.reason);
    request.onload = () => {
      if (request.status < 300) resolve(request.responseText);
      else reject(problemOf(request.status, request.getResponseHeader("content-type") ?? "", request.responseText));
    };
    signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}
