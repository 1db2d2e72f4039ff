/** Builds the page's elements. Text is always set as text, never as markup. */

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * An element. `on…` attributes are listeners, `true` sets an empty attribute, `false`, null and undefined set none.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value == null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  fill(element, ...children);
  return element;
}

/**
 * Replace an element's children.
 * @param {Element} element
 * @param {...(Child | Child[])} children
 */
export function fill(element, ...children) {
  element.replaceChildren(
    ...children
      .flat()
      .filter((child) => child || child === 0)
      .map(node),
  );
}

/** @param {any} child */
function node(child) {
  return child instanceof Node ? child : document.createTextNode(String(child));
}

/**
 * The same for an element of a drawing.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Child | Child[])} children
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) if (value != null) element.setAttribute(name, String(value));
  fill(element, ...children);
  return element;
}

const ICONS = {
  play: "M8 5v14l11-7z",
  pause: "M6 5h4v14H6zM14 5h4v14h-4z",
  back: "M7 5h2v14H7zM19 5v14l-9-7z",
  forward: "M15 5h2v14h-2zM5 5v14l9-7z",
  start: "M5 5h2v14H5zM19 5v14L9 12z",
  video: "M4 6h11v12H4zM16 10l5-3v10l-5-3z",
  camera: "M4 7h4l2-2h4l2 2h4v12H4zM12 9a4 4 0 1 0 0 8 4 4 0 0 0 0-8z",
  download: "M11 4h2v8h3l-4 5-4-5h3zM5 18h14v2H5z",
  bin: "M9 3h6l1 2h4v2H4V5h4zM6 8h12l-1 13H7z",
  note: "M12 3 2 20h20zM11 9h2v6h-2zM11 16.5h2v2h-2z",
  pencil: "M4 16.5V20h3.5L17.8 9.7l-3.5-3.5zM20.7 6.8a1 1 0 0 0 0-1.4l-2.1-2.1a1 1 0 0 0-1.4 0l-1.6 1.6 3.5 3.5z",
  link: "M10.6 13.4a1 1 0 0 1 0-1.4l2.8-2.8 1.4 1.4-2.8 2.8a1 1 0 0 1-1.4 0zM7.8 19a3.8 3.8 0 0 1-2.7-6.5l3-3 1.4 1.4-3 3a1.8 1.8 0 0 0 2.6 2.6l3-3 1.4 1.4-3 3A3.8 3.8 0 0 1 7.8 19zm8.1-4.5-1.4-1.4 3-3a1.8 1.8 0 0 0-2.6-2.6l-3 3-1.4-1.4 3-3a3.8 3.8 0 0 1 5.4 5.4z",
  close: "M6.4 5 5 6.4l5.6 5.6L5 17.6 6.4 19l5.6-5.6 5.6 5.6 1.4-1.4-5.6-5.6L19 6.4 17.6 5 12 10.6z",
  good: "M9.5 16.2 5.3 12l-1.4 1.4 5.6 5.6 11-11-1.4-1.4z",
};

/**
 * A decorative icon beside text; screen readers skip it.
 * @param {keyof typeof ICONS} name
 */
export function icon(name) {
  const path = svg("path", { d: ICONS[name], "fill-rule": "evenodd" });
  return svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", class: "icon" }, path);
}

/**
 * A button with an icon; `label` is its text, or its name for screen readers where `quiet`.
 * @param {keyof typeof ICONS} name
 * @param {string} label
 * @param {(event: Event) => void} onclick
 * @param {{quiet?: boolean, class?: string}} [how]
 */
export function iconButton(name, label, onclick, how = {}) {
  const attributes = { type: "button", class: how.class, onclick };
  if (how.quiet) return h("button", { ...attributes, "aria-label": label, title: label }, icon(name));
  return h("button", attributes, icon(name), h("span", {}, label));
}

/** A labelled checkbox. @param {string} words @param {boolean} on @param {(on: boolean) => void} changed */
export function toggle(words, on, changed) {
  const input = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", checked: on }));
  input.addEventListener("change", () => changed(input.checked));
  return h("label", { class: "check" }, input, h("span", {}, words));
}

/**
 * Ask for a line of text and process it; an error is shown in the dialog, for another try.
 * @param {{title: string, label: string, value: string, yes: string, no: string}} words
 * @param {(value: string) => Promise<void>} act
 * @returns {Promise<void>} when it is done, or not wanted any more
 */
export function asked({ title, label, value, yes, no }, act) {
  const input = /** @type {HTMLInputElement} */ (
    h("input", { type: "text", id: "dialog-text", value, required: true, maxlength: 100, autocomplete: "off" })
  );
  const fault = h("p", { class: "fault", role: "alert" });
  const cancel = h("button", { type: "button", onclick: () => dialog.close() }, no);
  const form = h(
    "form",
    { method: "dialog" },
    h("h2", { id: "dialog-title" }, title),
    h("label", { for: input.id }, label),
    input,
    fault,
    h("div", { class: "actions" }, cancel, h("button", { class: "primary" }, yes)),
  );
  const dialog = /** @type {HTMLDialogElement} */ (h("dialog", { "aria-labelledby": "dialog-title" }, form));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act(input.value).then(
      () => dialog.close(),
      (error) => (fault.textContent = error.message),
    );
  });
  document.body.append(dialog);
  dialog.showModal();
  input.select();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve();
    });
  });
}

/**
 * Ask before something that cannot be undone.
 * @param {{title: string, text: string, yes: string, no: string}} words
 * @returns {Promise<boolean>}
 */
export function confirmed({ title, text, yes, no }) {
  const dialog = /** @type {HTMLDialogElement} */ (
    h(
      "dialog",
      { "aria-labelledby": "dialog-title" },
      h(
        "form",
        { method: "dialog" },
        h("h2", { id: "dialog-title" }, title),
        h("p", {}, text),
        h(
          "div",
          { class: "actions" },
          h("button", { value: "no", autofocus: true }, no),
          h("button", { value: "yes", class: "danger" }, yes),
        ),
      ),
    )
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}
