/** One run in any state: progress, results, or why there are none. */

import { Problem, call, changeRun, json, runPath } from "../lib/api.js";
import { asked, confirmed, fill, h } from "../lib/dom.js";
import { t } from "../texts.js";
import { ended, running } from "./running.js";

/**
 * @param {AbortSignal} signal
 * @param {string} runKey
 */
export async function showRun(signal, runKey) {
  const place = h("div", {});
  await show(place, runKey, signal);
  return place;
}

/** @param {HTMLElement} place @param {string} runKey @param {AbortSignal} signal */
async function show(place, runKey, signal) {
  const run = await json(runPath(runKey), { signal });
  const erase = () => eraseRun(run).then((erased) => erased && (location.hash = "#/runs"));
  if (run.status === "completed") {
    const { results } = await import("./results.js");
    fill(place, await results(run, signal, erase));
  } else if (run.status === "failed" || run.status === "cancelled") {
    fill(place, ended(run, erase));
  } else {
    const watching = new AbortController();
    const over = () => {
      watching.abort();
      show(place, runKey, signal).catch((error) => fill(place, h("p", { class: "fault big" }, error.message)));
    };
    fill(place, running(run, AbortSignal.any([signal, watching.signal]), over));
  }
}

/**
 * Ask for another name; `named` is called once the server has stored it.
 * @param {{run_key: string, name: string}} run
 * @param {(name: string) => void} named
 */
export function renameRun({ run_key, name }, named) {
  const words = { title: t("rename"), label: t("rename_field"), value: name, yes: t("rename_yes"), no: t("cancel") };
  return asked(words, async (value) => named((await changeRun(run_key, { name: value })).name));
}

/**
 * Ask, then erase; returns whether it was erased, also where the run was already gone.
 * @param {{run_key: string, name: string}} run
 */
export async function eraseRun({ run_key, name }) {
  const words = {
    title: t("delete_title", { name }),
    text: t("delete_text"),
    yes: t("delete_yes"),
    no: t("delete_no"),
  };
  if (!(await confirmed(words))) return false;
  try {
    await call(runPath(run_key), { method: "DELETE" });
  } catch (error) {
    if (!(error instanceof Problem && error.status === 404)) throw error;
  }
  return true;
}
