/** One subject: key figures over the sessions, and the analyses of each session. */

import { call, json, sending } from "../lib/api.js";
import { subjectAddress } from "../lib/address.js";
import { asked, confirmed, h, icon, iconButton } from "../lib/dom.js";
import { day } from "../lib/format.js";
import { saving } from "../parts/downloads.js";
import { notes } from "../parts/notes.js";
import { Picks } from "../parts/picks.js";
import { changes, trends } from "../parts/trends.js";
import { t } from "../texts.js";

/**
 * @param {AbortSignal} signal
 * @param {string} code as in the address
 */
export async function subject(signal, code) {
  const path = `/api/subjects/${code}/`;
  const found = await json(path, { signal });
  const picks = new Picks();
  const sessions = [...Map.groupBy(found.history, (/** @type {any} */ run) => run.session)].reverse();
  return h(
    "div",
    { class: "results subject-page" },
    heading(found, path, signal),
    h(
      "section",
      { class: "card" },
      h("h2", {}, t("subject_figures")),
      found.figures.length > 0
        ? [trends(found.figures, signal), changes(found.figures)]
        : h("p", { class: "hint" }, t("subject_no_figures")),
    ),
    h(
      "section",
      { class: "card" },
      h("h2", {}, t("subject_sessions")),
      picks.bar,
      sessions.map(([session, runs]) =>
        h(
          "section",
          {},
          h("h3", {}, day(session)),
          h(
            "ul",
            { class: "rows" },
            runs.map((run) => row(run, picks)),
          ),
        ),
      ),
    ),
  );
}

/** @param {any} found @param {string} path @param {AbortSignal} signal */
function heading({ subject: code, runs, sessions, first_session, last_session }, path, signal) {
  const span = [...new Set([first_session, last_session])].map(day).join(" – ");
  return h(
    "div",
    { class: "heading" },
    h(
      "div",
      {},
      h("h1", {}, code),
      h("p", { class: "hint" }, [span, t("subject_counts", { sessions, runs })].join(" · ")),
    ),
    h(
      "div",
      { class: "actions" },
      saving(`${path}archive.zip`, `${code}.zip`, [icon("download"), t("subject_export")], signal, "button"),
      iconButton("pencil", t("rename"), () => rename(code, path)),
      iconButton("bin", t("subject_erase"), () => erase(code, path, { runs, sessions })),
    ),
  );
}

/** @param {string} code @param {string} path */
function rename(code, path) {
  const words = {
    title: t("subject_rename", { code }),
    label: t("subject_rename_field"),
    value: code,
    yes: t("rename_yes"),
    no: t("cancel"),
  };
  return asked(words, async (value) => {
    await json(path, sending("PATCH", { subject: value }));
    location.hash = subjectAddress(value.trim());
  });
}

/** @param {string} code @param {string} path @param {{runs: number, sessions: number}} counts */
async function erase(code, path, counts) {
  const words = {
    title: t("delete_title", { name: code }),
    text: t("subject_erase_text", counts),
    yes: t("delete_yes"),
    no: t("delete_no"),
  };
  if (!(await confirmed(words))) return;
  await call(path, { method: "DELETE" });
  location.hash = "#/subjects";
}

/** @param {any} run @param {Picks} picks */
function row(run, picks) {
  return h(
    "li",
    { "data-run": run.run_key },
    h(
      "div",
      {},
      h("a", { href: `#/runs/${run.run_key}`, class: "name" }, run.name),
      " ",
      h("span", { class: `chip ${run.status}` }, t(`status_${run.status}`)),
      notes({ ...run, notes: { ...run.notes, subject: "", session: null } }),
    ),
    picks.box(run),
  );
}
