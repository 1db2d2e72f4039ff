/** Links that show a run to those who have no API key: make, copy and revoke them. */

import { call, json } from "../lib/api.js";
import { fill, h, iconButton, toggle } from "../lib/dom.js";
import { date } from "../lib/format.js";
import { t } from "../texts.js";

const DAYS = [2, 7, 30, 90];

/** The button that opens the dialog. @param {any} run */
export function shareButton(run) {
  return iconButton("link", t("share"), () => open(run));
}

/** @param {any} run */
function open(run) {
  const links = h("ul", { class: "links" });
  const fault = h("p", { class: "fault", role: "alert" });
  const tell = (/** @type {any} */ error) => (fault.textContent = error.message);
  const refresh = async () => fill(links, (await json(run.shares_url)).shares.map(entry));
  const entry = (/** @type {any} */ share) =>
    link(run, share, () => call(`${run.shares_url}/${share.share_key}`, { method: "DELETE" }).then(refresh, tell));
  const dialog = /** @type {HTMLDialogElement} */ (
    h(
      "dialog",
      { "aria-labelledby": "share-title", class: "share" },
      h("h2", { id: "share-title" }, t("share_title", { name: run.name })),
      h("p", {}, t("share_text")),
      form(run, () => refresh().catch(tell), tell),
      fault,
      links,
      h("div", { class: "actions" }, h("button", { type: "button", onclick: () => dialog.close() }, t("close"))),
    )
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  refresh().catch(tell);
}

/** What a new link shows, and how long. @param {any} run @param {() => void} made @param {(error: any) => void} tell */
function form(run, made, tell) {
  const options = DAYS.map((days) => h("option", { value: days, selected: days === 7 }, t("share_days", { days })));
  const days = /** @type {HTMLSelectElement} */ (h("select", { id: "share-days" }, options));
  const wanted = { with_video: false, with_notes: false };
  const make = (/** @type {Event} */ event) => {
    event.preventDefault();
    const body = JSON.stringify({ days: Number(days.value), ...wanted });
    call(run.shares_url, { method: "POST", headers: { "Content-Type": "application/json" }, body }).then(made, tell);
  };
  return h(
    "form",
    { onsubmit: make },
    h("div", { class: "row" }, h("label", { for: days.id }, t("share_valid")), days),
    run.options.blur_faces
      ? h("p", { class: "hint" }, t("share_blurred"))
      : toggle(t("share_video"), false, (on) => (wanted.with_video = on)),
    toggle(t("share_notes"), false, (on) => (wanted.with_notes = on)),
    h("div", { class: "actions" }, h("button", { class: "primary" }, t("share_make"))),
  );
}

/** A link that is valid. @param {any} run @param {any} share @param {() => void} revoke */
function link(run, share, revoke) {
  const address = /** @type {HTMLInputElement} */ (
    h("input", { type: "text", readonly: true, value: location.origin + share.url, "aria-label": t("share_link") })
  );
  const copied = h("span", { class: "hint", role: "status" });
  const copy = async () => {
    address.select();
    await navigator.clipboard?.writeText(address.value); // absent without TLS: the address is selected to be copied
    copied.textContent = t(navigator.clipboard ? "share_copied" : "share_selected");
  };
  const shown = [share.with_video && t("share_video"), share.with_notes && t("share_notes")].filter(Boolean);
  return h(
    "li",
    {},
    address,
    h("p", { class: "hint" }, [t("share_until", { date: date(share.expires_at) }), ...shown].join(" · ")),
    h(
      "div",
      { class: "row" },
      h("button", { type: "button", onclick: copy }, t("share_copy")),
      h("button", { type: "button", class: "danger", onclick: revoke }, t("share_revoke")),
      copied,
    ),
  );
}
