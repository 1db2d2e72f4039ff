/** Follows a run: server-sent events while connected, one poll between connection attempts. */

import { call, json, runPath } from "./api.js";

const PAUSE_MS = 1000;
/** Without a byte for this long (the server sends one every 15 s) a proxy is buffering the events. */
const SILENCE_MS = 35_000;

/**
 * Report every change of a run until it has ended or the signal is aborted.
 * @param {string} runKey
 * @param {{progress: (progress: any) => void, lost: () => void}} tell
 * @param {AbortSignal} signal
 */
export async function follow(runKey, tell, signal) {
  const path = runPath(runKey);
  const last = { id: "0" };
  while (!signal.aborted) {
    try {
      const progress = await json(`${path}progress/`, { signal });
      tell.progress(progress);
      if (progress.done) return;
      await readEvents(`${path}events`, last, tell.progress, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!(/** @type {any} */ (error).passing)) throw error;
      tell.lost();
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/**
 * Read events until the stream ends, however it does; EventSource would send no API key.
 * @param {string} path
 * @param {{id: string}} last of the events seen; the stream goes on after it
 * @param {(event: any) => void} tell
 * @param {AbortSignal} signal
 */
async function readEvents(path, last, tell, signal) {
  const stop = new AbortController();
  let silence = setTimeout(() => stop.abort(), SILENCE_MS);
  const both = AbortSignal.any([signal, stop.signal]);
  try {
    const answer = await call(path, { headers: { "Last-Event-ID": last.id }, signal: both });
    const reader = /** @type {ReadableStream} */ (answer.body).pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      clearTimeout(silence);
      silence = setTimeout(() => stop.abort(), SILENCE_MS);
      const blocks = (rest + part.value).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) tellEvent(block, last, tell);
    }
  } catch (error) {
    if (signal.aborted || /** @type {any} */ (error).fields) throw error;
  } finally {
    clearTimeout(silence);
  }
}

/** @param {string} block @param {{id: string}} last @param {(event: any) => void} tell */
function tellEvent(block, last, tell) {
  for (const line of block.split("\n")) {
    if (line.startsWith("id: ")) last.id = line.slice(4);
    if (line.startsWith("data: ")) tell(JSON.parse(line.slice(6)));
  }
}
