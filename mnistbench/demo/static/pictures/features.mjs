// What the decision "a digit or none" looks at: as mnistbench/pictures/features.py.

import { image, part, sum } from "./image.mjs";
import { asGrey, inkBox, SIDE, strokeWidth } from "./normalise.mjs";
import { findRegions } from "./regions.mjs";

const COARSE = 7;
const HALF = 128;
const LEAST_MASS = 1.5;

/** Where the width of the strokes, over 4 pixels, stands among the features. */
export const STROKE_WIDTH = 3;

/** 58 numbers about the ink of a 28x28 image: nine of its shape, then means of 4x4 pixels over 255. */
export function shapeFeatures(pixels) {
  const ink = asGrey(pixels);
  const box = inkBox(ink);
  if (!box) return new Float64Array(9 + COARSE * COARSE);
  const mass = sum(ink.data) / 255;
  const width = strokeWidth(ink);
  const holes = findRegions(framed(ink), HALF).filter((gap) => gap.top > 0 && gap.mass >= LEAST_MASS);
  return Float64Array.from([
    (box.bottom - box.top) / 20,
    (box.right - box.left) / 20,
    (mass / 784) * 5,
    width / 4,
    mass / Math.max(width, 0.5) / 40,
    findRegions(ink, HALF).filter((region) => region.mass >= LEAST_MASS).length,
    holes.length,
    sum(holes.map((hole) => hole.mass)) / 40,
    inCommon(part(ink, box.top, box.left, box.bottom, box.right)) / 255 / Math.max(mass, 1e-9),
    ...coarse(ink),
  ]);
}

/** Logits of each judge over 10, and the shape. */
export function allFeatures(shape, logits) {
  return Float64Array.from([...logits.flatMap((scores) => Array.from(scores, (score) => score / 10)), ...shape]);
}

/** The paper with a pixel of paper around, so that all that is outside hangs together. */
function framed(ink) {
  const frame = image(SIDE + 2, SIDE + 2);
  frame.data.fill(255);
  for (let row = 0; row < SIDE; row += 1) {
    for (let column = 0; column < SIDE; column += 1) {
      frame.data[(row + 1) * (SIDE + 2) + column + 1] = 255 - ink.data[row * SIDE + column];
    }
  }
  return frame;
}

/** How much ink an image and its mirror image share. */
function inCommon({ height, width, data }) {
  let total = 0;
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      total += Math.min(data[row * width + column], data[row * width + width - 1 - column]);
    }
  }
  return total;
}

function coarse(ink) {
  const means = new Float64Array(COARSE * COARSE);
  ink.data.forEach((value, pixel) => {
    const [row, column] = [Math.floor(pixel / SIDE), pixel % SIDE];
    means[Math.floor(row / 4) * COARSE + Math.floor(column / 4)] += value;
  });
  return means.map((total) => total / 16 / 255);
}
