/** Lengths and masses in the user's units, and in the API's: metres and kilograms. */

const INCH_M = 0.0254;
const POUND_KG = 0.45359237;

/** @typedef {{unit: string, max: number}} Part one box of a quantity's input */

/** @type {Record<string, {parts: Part[], toSi: (values: number[]) => number, fromSi: (value: number) => number[]}>} */
export const UNITS = {
  cm: {
    parts: [{ unit: "cm", max: 250 }],
    toSi: ([cm]) => (cm < 3 ? cm : cm / 100), // nobody is 3 cm tall: 1.72 is in metres
    fromSi: (m) => [round(m * 100, 1)],
  },
  ft: {
    parts: [
      { unit: "ft", max: 8 },
      { unit: "in", max: 11.99 },
    ],
    toSi: ([feet, inches]) => (feet * 12 + (inches || 0)) * INCH_M,
    fromSi: feetAndInches,
  },
  kg: {
    parts: [{ unit: "kg", max: 300 }],
    toSi: ([kg]) => kg,
    fromSi: (kg) => [round(kg, 1)],
  },
  lb: {
    parts: [{ unit: "lb", max: 661 }],
    toSi: ([lb]) => lb * POUND_KG,
    fromSi: (kg) => [round(kg / POUND_KG, 1)],
  },
};

/** @param {number} metres */
function feetAndInches(metres) {
  const inches = round(metres / INCH_M, 1);
  const feet = Math.floor(inches / 12);
  return [feet, round(inches - 12 * feet, 1)];
}

/** @param {number} value @param {number} digits */
function round(value, digits) {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}
