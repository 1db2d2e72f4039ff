/** All batches, newest first. */

import { json } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { date } from "../lib/format.js";
import { tabs } from "../parts/tabs.js";
import { t } from "../texts.js";

/** @param {AbortSignal} signal */
export async function batches(signal) {
  const rows = h("tbody", {});
  const status = h("p", { class: "hint", role: "status" });
  const more = h(
    "button",
    {
      type: "button",
      onclick: () => next().catch((error) => fill(status, h("span", { class: "fault" }, error.message))),
    },
    t("history_more"),
  );
  let cursor = "";
  const next = async () => {
    const page = await json(`/api/batches/?limit=20${cursor && `&cursor=${encodeURIComponent(cursor)}`}`, { signal });
    rows.append(...page.batches.map(row));
    cursor = page.next_cursor ?? "";
    more.hidden = !cursor;
  };
  await next();
  const any = rows.childElementCount > 0;
  status.textContent = any ? "" : t("batches_none");
  const heads = ["batch_name", "batch_begun", "batch_videos", "progress"].map((name) =>
    h("th", { scope: "col" }, t(name)),
  );
  return h(
    "div",
    { class: "history" },
    h("div", { class: "heading" }, h("h1", {}, t("batches_title")), tabs("batches")),
    h("div", { class: "actions" }, h("a", { href: "#/batches/new", class: "button primary" }, t("batch_new_title"))),
    status,
    any &&
      h("section", { class: "card" }, h("table", { class: "stacked list" }, h("thead", {}, h("tr", {}, heads)), rows)),
    h("div", { class: "actions" }, more),
  );
}

/** @param {any} batch */
function row({ batch_key, name, created_at, videos, progress, counts }) {
  const failed = counts.failed ? h("span", { class: "chip failed" }, `${t("status_failed")}: ${counts.failed}`) : null;
  const cell = (/** @type {string} */ head, /** @type {any} */ ...content) =>
    h("td", { "data-head": t(head) }, h("div", {}, content));
  return h(
    "tr",
    {},
    h(
      "th",
      { scope: "row" },
      h("a", { href: `#/batches/${batch_key}` }, name || t("batch_of", { date: date(created_at) })),
    ),
    cell("batch_begun", date(created_at)),
    cell("batch_videos", String(videos)),
    cell("progress", `${Math.floor(progress)} %`, failed),
  );
}
