/** Long uploads: with progress, and retries when the connection is lost. */

import { t } from "../texts.js";
import { Unreachable, authorization, problemOf } from "./api.js";

const PAUSES_MS = [1000, 3000, 9000, 27000];

/** @typedef {{sent: (share: number) => void, lost: () => void}} Told what is told of an upload; `share` is 0 to 1 */

/**
 * Try again after a pause, while the fault may be temporary and pauses remain.
 * @template T
 * @param {() => void} lost called before every pause
 * @param {AbortSignal} signal
 * @param {() => Promise<T>} attempt
 * @returns {Promise<T>}
 */
export async function persistently(lost, signal, attempt) {
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
 * One request with progress, which `fetch` does not report. The API key is sent to this server only: an absolute
 * address is the store's, which does not use one.
 * @param {"POST" | "PUT"} method
 * @param {string} url
 * @param {FormData | Blob} body
 * @param {{headers?: Record<string, string>, sent: (bytes: number, total: number) => void, signal: AbortSignal}} how
 * @returns {Promise<string>}
 */
export function send(method, url, body, { headers = {}, sent, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    const all = url.startsWith("/") ? { ...authorization(), ...headers } : headers;
    for (const [name, value] of Object.entries(all)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => sent(event.loaded, event.total);
    request.onerror = () => reject(new Unreachable(t("upload_lost")));
    request.onabort = () => reject(signal.reason);
    request.onload = () => {
      if (request.status < 300) resolve(request.responseText);
      else reject(problemOf(request.status, request.getResponseHeader("content-type") ?? "", request.responseText));
    };
    signal.addEventListener("abort", () => request.abort());
    request.send(body);
  });
}
