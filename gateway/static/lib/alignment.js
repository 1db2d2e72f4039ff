/** How runs that are compared are laid over each other in time. */

/** @typedef {import("./repetitions.js").RunEvent} RunEvent */

/** Events by which runs are aligned, in the order in which they are offered; others are less sharp in time. */
const KINDS = ["heel_strike", "toe_off", "start", "lowest", "seated", "standing", "take_off", "landing"];

/** The events that all runs have, as `kind` or `kind side`. @param {RunEvent[][]} runs */
export function commonEvents(runs) {
  const names = runs.map((events) => new Set(events.map(nameOf)));
  const common = [...(names[0] ?? [])].filter((name) => names.every((each) => each.has(name)));
  const place = (/** @type {string} */ name) => KINDS.indexOf(name.split(" ")[0]);
  return common
    .filter((name) => place(name) >= 0)
    .sort((one, other) => place(one) - place(other) || one.localeCompare(other));
}

/** The time of a run that is shown as 0: its first event of this name, or its start. @param {string} name @param {RunEvent[]} events @param {Float64Array} times */
export function zeroOf(name, events, times) {
  return events.find((event) => nameOf(event) === name)?.time_s ?? times[0];
}

/** @param {RunEvent} event */
function nameOf({ kind, side }) {
  return side ? `${kind} ${side}` : kind;
}
