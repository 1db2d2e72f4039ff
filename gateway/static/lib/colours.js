/** Colours of sides and of charts: the colour-blind-safe palette of Okabe & Ito (2008). */

const LIGHT = { left: "#0072b2", right: "#d55e00", middle: "#4a5460", marker: "#7a8694", ghost: "#7b1fa2" };
const DARK = { left: "#56b4e9", right: "#e69f00", middle: "#e8edf2", marker: "#9aa7b5", ghost: "#f48fb1" };

const scheme = matchMedia("(prefers-color-scheme: dark)");

/** @param {boolean} [dark] on a dark ground; without it, as the page is */
export function colours(dark = scheme.matches) {
  return dark ? DARK : LIGHT;
}

/** Call when the page turns dark or light. @param {() => void} change @param {AbortSignal} signal */
export function onScheme(change, signal) {
  scheme.addEventListener("change", change, { signal });
}

/** "left", "right" or "middle": the side that a marker or joint is named after. @param {string} name */
export function sideOf(name) {
  if (/^(L[A-Z._]|left_)|_l$/.test(name)) return "left";
  if (/^(R[A-Z._]|r[._]|right_)|_r$/.test(name)) return "right";
  return "middle";
}
