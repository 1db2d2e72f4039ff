/** A result that somebody else shared by a link: shown read-only, without anything else of the server. */

import { json, runPath, useShare } from "../lib/api.js";
import { results } from "./results.js";

/**
 * @param {AbortSignal} signal
 * @param {string} token of the link
 */
export async function showShared(signal, token) {
  useShare(token);
  signal.addEventListener("abort", () => useShare(null));
  const run = await json(runPath(""), { signal });
  return results({ ...run, options: {} }, signal);
}
