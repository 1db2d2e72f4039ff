/** Picking runs to compare: a box beside each run, and a bar that leads to the comparison. */

import { fill, h } from "../lib/dom.js";
import { t } from "../texts.js";

/** More line styles than this cannot be told apart. */
export const MOST = 4;

/** The runs picked on a screen. */
export class Picks {
  /** @type {Set<string>} */
  #keys = new Set();
  /** @type {Map<string, HTMLInputElement>} */
  #boxes = new Map();

  constructor() {
    this.bar = h("div", { class: "compare-bar", role: "status" });
    this.#show();
  }

  /** The box of a run, which only a completed run has. @param {any} run */
  box(run) {
    if (run.status !== "completed") return null;
    const input = /** @type {HTMLInputElement} */ (
      h("input", {
        type: "checkbox",
        checked: this.#keys.has(run.run_key),
        "aria-label": t("compare_pick_of", { name: run.name }),
      })
    );
    input.addEventListener("change", () => {
      if (input.checked) this.#keys.add(run.run_key);
      else this.#keys.delete(run.run_key);
      this.#show();
    });
    this.#boxes.set(run.run_key, input);
    this.#limit();
    return h("label", { class: "check" }, input, h("span", {}, t("compare_pick")));
  }

  /** @param {string} runKey of a run that is gone */
  drop(runKey) {
    this.#keys.delete(runKey);
    this.#boxes.delete(runKey);
    this.#show();
  }

  #show() {
    const keys = [...this.#keys];
    const words = keys.length ? t("compare_one") : t("compare_hint", { most: MOST });
    fill(
      this.bar,
      keys.length < 2
        ? h("p", { class: "hint" }, words)
        : h(
            "a",
            { class: "button primary", href: `#/compare/${keys.join("/")}` },
            t("compare_go", { count: keys.length }),
          ),
    );
    this.#limit();
  }

  #limit() {
    for (const [key, input] of this.#boxes) input.disabled = this.#keys.size >= MOST && !this.#keys.has(key);
  }
}
