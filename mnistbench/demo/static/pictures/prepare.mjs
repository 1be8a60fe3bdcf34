// From grey levels to the 28x28 image that a network is asked about: as mnistbench/pictures/prepare.py, for one digit.

import { keepStrokes } from "./clean.mjs";
import { shapeFeatures } from "./features.mjs";
import { part } from "./image.mjs";
import { findInk } from "./ink.mjs";
import { inkBox, normalise, SIDE } from "./normalise.mjs";
import { reduced } from "./resample.mjs";

const WORKING = 192;
const SMALL = 48;
const AROUND = 0.75;

/**
 * What may be a digit on a grey picture: { found, pixels, shape, box }.
 *
 * pixels are the 784 that the networks get, shape its 58 features, box the ink's { left, top, right, bottom } in pixels
 * of the picture. Where there is no ink, found is false, the pixels are zero and box is null.
 */
export function prepare(grey) {
  const whole = { grey, top: 0, left: 0, scale: 1 };
  let { working, strokes } = lookedAt(whole);
  const box = inkBox(strokes.ink);
  const size = box ? Math.max(box.bottom - box.top, box.right - box.left) : 0;
  if (box && size < SMALL && Math.max(grey.height, grey.width) > WORKING) {
    const nearer = lookedAt(surroundings(whole, working, box));
    if (nearer.strokes.regions.length) ({ working, strokes } = nearer);
  }
  if (!strokes.regions.length) return { found: false, pixels: new Uint8Array(SIDE * SIDE), shape: null, box: null };
  const pixels = normalise(strokes.ink);
  return { found: true, pixels, shape: shapeFeatures(pixels), box: boxInPicture(strokes.ink, working) };
}

function lookedAt(view) {
  const grey = reduced(view.grey, WORKING);
  const working = { ...view, grey, scale: (view.scale * view.grey.width) / grey.width };
  return { working, strokes: keepStrokes(findInk(grey).values) };
}

/** The surroundings of a box that was found on a reduced view. */
function surroundings(view, working, box) {
  const factor = working.scale / view.scale;
  const [top, left, bottom, right] = [box.top, box.left, box.bottom, box.right].map((edge) => edge * factor);
  const around = AROUND * Math.max(bottom - top, right - left);
  const [firstRow, firstColumn] = [top, left].map((edge) => Math.max(0, Math.floor(edge - around)));
  const grey = part(view.grey, firstRow, firstColumn, Math.ceil(bottom + around), Math.ceil(right + around));
  return { grey, top: view.top + firstRow * view.scale, left: view.left + firstColumn * view.scale, scale: view.scale };
}

function boxInPicture(ink, { top, left, scale }) {
  const box = inkBox(ink) ?? { top: 0, left: 0, bottom: ink.height, right: ink.width };
  return {
    left: left + box.left * scale,
    top: top + box.top * scale,
    right: left + box.right * scale,
    bottom: top + box.bottom * scale,
  };
}
