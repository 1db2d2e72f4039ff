/** The page's frame: the screen for the address, and the prompt for an API key. */

import { Problem, onKeyNeeded } from "./lib/api.js";
import { fill, h } from "./lib/dom.js";
import { LANGUAGES, choose, language } from "./lib/language.js";
import { t } from "./texts.js";

/** @typedef {(signal: AbortSignal, ...parts: string[]) => Promise<HTMLElement>} Screen */

/** Screens are fetched when they are first shown. @type {[RegExp, () => Promise<Screen>, string][]} */
const ROUTES = [
  [/^#\/new(?:\/([\w-]+))?$/, async () => (await import("./screens/new.js")).newRun, "nav_new"],
  [/^#\/runs(?:\?.*)?$/, async () => (await import("./screens/history.js")).history, "nav_history"],
  [/^#\/subjects$/, async () => (await import("./screens/subjects.js")).subjects, "nav_history"],
  [/^#\/subjects\/([^/?]+)$/, async () => (await import("./screens/subject.js")).subject, "nav_history"],
  [/^#\/runs\/([\w-]+)$/, async () => (await import("./screens/run.js")).showRun, "nav_history"],
  [/^#\/shared\/([\w.-]+)$/, async () => (await import("./screens/shared.js")).showShared, ""],
  [/^#\/batches$/, async () => (await import("./screens/batches.js")).batches, "nav_history"],
  [/^#\/batches\/new$/, async () => (await import("./screens/batch_new.js")).newBatch, "nav_new"],
  [/^#\/batches\/([\w-]+)$/, async () => (await import("./screens/batch.js")).batch, "nav_history"],
  [/^#\/compare\/([\w-]+(?:\/[\w-]+){1,3})$/, async () => (await import("./screens/compare.js")).compare, "nav_history"],
];
const RETRY_MS = 2000;
/** What is gone, by the problem's code; otherwise a run. @type {Record<string, string>} */
const GONE = { "subject-not-found": "subject_gone", "batch-not-found": "batch_gone" };

const main = h("main", { id: "main", tabindex: -1 });
const links = [
  h("a", { href: "#/new", "data-nav": "nav_new" }, t("nav_new")),
  h("a", { href: "#/runs", "data-nav": "nav_history" }, t("nav_history")),
];
let leave = new AbortController();

async function show() {
  leave.abort();
  leave = new AbortController();
  const { signal } = leave;
  const route = ROUTES.find(([pattern]) => pattern.test(location.hash));
  if (!route) return location.hash === "" ? location.replace("#/new") : fill(main, h("p", {}, t("not_found")));
  const [pattern, load, nav] = route;
  for (const link of links) link.toggleAttribute("aria-current", link.dataset.nav === nav);
  document.body.classList.toggle("shared", nav === ""); // a link leads to nothing else
  const waiting = setTimeout(() => fill(main, h("p", { class: "hint", role: "status" }, t("loading"))), 200);
  const element = await loaded(load, signal, location.hash.match(pattern)?.slice(1) ?? []);
  clearTimeout(waiting);
  if (!signal.aborted && element) arrive(element);
}

/** @param {() => Promise<Screen>} load @param {AbortSignal} signal @param {string[]} parts */
async function loaded(load, signal, parts) {
  try {
    return await (
      await load()
    )(signal, ...parts);
  } catch (error) {
    if (signal.aborted) return null;
    if (/** @type {any} */ (error).passing) setTimeout(() => !signal.aborted && show(), RETRY_MS);
    return trouble(error);
  }
}

/** @param {any} error */
function trouble(error) {
  if (error.passing) return fault(t("lost"));
  if (error instanceof Problem && location.hash.startsWith("#/shared/")) return fault(error.message);
  if (error instanceof Problem && error.status === 404) return fault(t(GONE[error.code] ?? "gone"));
  if (!(error instanceof Problem)) console.error(error);
  return fault(t("failed_to_load", { detail: error.message }));
}

/** @param {string} words */
function fault(words) {
  return h("p", { class: "fault big", role: "alert" }, words);
}

/** @param {HTMLElement} element */
function arrive(element) {
  fill(main, element);
  const heading = element.querySelector("h1");
  document.title = heading ? `${heading.textContent} – ${t("title")}` : t("title");
  scrollTo(0, 0);
}

/** The choice of language; each is named in itself. */
function languages() {
  const options = Object.entries(LANGUAGES).map(([value, name]) =>
    h("option", { value, lang: value, selected: value === language }, name),
  );
  const chosen = (/** @type {Event} */ event) => choose(/** @type {HTMLSelectElement} */ (event.target).value);
  return h("select", { "aria-label": t("language"), onchange: chosen }, options);
}

/** @returns {Promise<string>} */
function askForKey() {
  const input = /** @type {HTMLInputElement} */ (
    h("input", { type: "password", id: "api-key", autocomplete: "off", required: true })
  );
  const dialog = /** @type {HTMLDialogElement} */ (
    h(
      "dialog",
      { "aria-labelledby": "key-title" },
      h(
        "form",
        { method: "dialog" },
        h("h2", { id: "key-title" }, t("key_title")),
        h("p", {}, t("key_text")),
        h("label", { for: input.id }, t("key_field")),
        input,
        h("div", { class: "actions" }, h("button", { class: "primary" }, t("key_send"))),
      ),
    )
  );
  document.body.append(dialog);
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(input.value.trim());
    }),
  );
}

onKeyNeeded(askForKey);
fill(
  document.body,
  h(
    "a",
    { href: "#main", class: "skip", onclick: (/** @type {Event} */ event) => (event.preventDefault(), main.focus()) },
    t("skip"),
  ),
  h(
    "header",
    { class: "top" },
    h(
      "a",
      { href: "#/new", class: "brand" },
      h("img", { src: "/static/icon.svg", alt: "", width: 28, height: 28 }),
      t("title"),
    ),
    h("nav", { "aria-label": t("nav") }, links),
    languages(),
  ),
  main,
);
addEventListener("hashchange", show);
show();
