/** A table as CSV text. */

/** @param {string[][]} rows */
export function csvOf(rows) {
  return rows.map((cells) => `${cells.map(cell).join(",")}\n`).join("");
}

/** @param {string} text */
function cell(text) {
  return /[",\n;\t]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
