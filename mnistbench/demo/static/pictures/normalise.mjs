// Ink to the 28x28 image that a network was trained on: the six steps of mnistbench/pictures/normalise.py.

import { image, largest, mapped, part, sum } from "./image.mjs";
import { grown } from "./morphology.mjs";
import { resample } from "./resample.mjs";

export const SIDE = 28;
const BOX = 20;
const CENTRE = 14;
export const INKED = 26;
const THINNEST = 2;
const TIE = 1e-6;

/** The 28x28 image of some ink: a Uint8Array of 784, white ink on black; all zero where there is no ink. */
export function normalise(ink) {
  const field = new Uint8Array(SIDE * SIDE);
  const box = inkBox(ink);
  if (!box) return field;
  const bold = thickened(ink, BOX / Math.max(box.bottom - box.top, box.right - box.left));
  const { top, left, bottom, right } = inkBox(bold) ?? box;
  const cut = part(bold, top, left, bottom, right);
  const small = resample(cut, ...fitted(cut.height, cut.width));
  const factor = 255 / largest(small.data);
  const digit = mapped(small, (value) => value * factor);
  const [down, across] = shifts(digit);
  for (let row = Math.max(0, -down); row < Math.min(digit.height, SIDE - down); row += 1) {
    for (let column = Math.max(0, -across); column < Math.min(digit.width, SIDE - across); column += 1) {
      const value = Math.floor(digit.data[row * digit.width + column] + 0.5 + TIE);
      field[(row + down) * SIDE + column + across] = Math.min(Math.max(value, 0), 255);
    }
  }
  return field;
}

/** Top, left, bottom and right (the last two excluded) of the pixels of at least a tenth of full ink; null where none. */
export function inkBox({ height, width, data }) {
  let [top, left, bottom, right] = [height, width, 0, 0];
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      if (!(data[row * width + column] >= INKED)) continue;
      top = Math.min(top, row);
      bottom = row + 1;
      left = Math.min(left, column);
      right = Math.max(right, column + 1);
    }
  }
  return bottom ? { top, left, bottom, right } : null;
}

/** Mean width of the strokes in pixels: twice the ink's area by the length of its outline. */
export function strokeWidth({ height, width, data }) {
  let outline = 0;
  for (let row = 0; row <= height; row += 1) {
    for (let column = 0; column <= width; column += 1) {
      const here = row < height && column < width ? data[row * width + column] : 0;
      if (column < width) outline += Math.abs(here - (row ? data[(row - 1) * width + column] : 0));
      if (row < height) outline += Math.abs(here - (column ? data[row * width + column - 1] : 0));
    }
  }
  return outline ? (2 * sum(data)) / ((outline * Math.PI) / 4) : 0;
}

/** The ink with its strokes at least two pixels wide at a scale; the same where they are. */
function thickened(ink, scale) {
  const radius = Math.floor((THINNEST / scale - strokeWidth(ink)) / 2 + 0.5 + TIE);
  return radius > 0 ? grown(ink, radius) : ink;
}

/** The size in the box of 20x20. */
function fitted(height, width) {
  const scale = BOX / Math.max(height, width);
  return [height, width].map((side) => Math.max(1, Math.floor(side * scale + 0.5 + TIE)));
}

/** By how many rows and columns everything moves, so that the centre of mass lies in the middle pixel. */
function shifts({ height, width, data }) {
  const mass = sum(data);
  let [rows, columns] = [0, 0];
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      rows += row * data[row * width + column];
      columns += column * data[row * width + column];
    }
  }
  return [rows, columns].map((total) => -Math.floor(total / mass - CENTRE + 0.5 + TIE));
}

/** The 28x28 image as grey levels, for what looks at it again. */
export function asGrey(pixels) {
  return image(SIDE, SIDE, Float64Array.from(pixels));
}
