/** Times, dates and numbers as people read them. */

import { fixed, language } from "./language.js";

/** Seconds as `0:03.25`. @param {number} seconds @returns {string} */
export function clock(seconds) {
  if (seconds < 0) return `−${clock(-seconds)}`;
  const minutes = Math.floor(seconds / 60);
  return `${minutes}:${fixed(seconds - 60 * minutes, 2).padStart(5, "0")}`;
}

/** A span in the unit that suits it: `12 s`, `3 min`, `1 h 5 min`. @param {number} seconds */
export function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** @param {string} iso */
export function date(iso) {
  return new Date(iso).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
}

/** A day without a time. @param {string} iso such as 2026-11-30 */
export function day(iso) {
  return new Date(`${iso}T12:00`).toLocaleDateString(language, { dateStyle: "medium" });
}

/** @param {number} bytes */
export function size(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${fixed(bytes / 1e6, bytes < 1e7 ? 1 : 0)} MB`;
}

/** `internal_rotation` → `Internal rotation`, for names that have no text of their own. @param {string} name */
export function readable(name) {
  const words = name.replaceAll("_", " ");
  return words[0].toUpperCase() + words.slice(1);
}
