// Colours and transparency to one grey level a pixel at a bounded size: as mnistbench/pictures/grey.py.
//
// Takes what a canvas gives: a Uint8ClampedArray of red, green, blue and opacity, row by row.

import { deviation, image, mapped, median } from "./image.mjs";

const LUMINANCE = [0.299, 0.587, 0.114];
const BETTER = 1.5;
const MOSTLY_OPAQUE = 0.6;

/** Grey levels, 0 (black) to 255 (white), of { height, width, data } with four bytes a pixel. */
export function greyOfPixels({ height, width, data }) {
  const size = height * width;
  const [colours, opacity] = [[0, 1, 2].map(() => new Float64Array(size)), new Float64Array(size)];
  let [plain, opaque] = [true, true];
  for (let pixel = 0; pixel < size; pixel += 1) {
    for (let colour = 0; colour < 3; colour += 1) colours[colour][pixel] = data[4 * pixel + colour];
    opacity[pixel] = data[4 * pixel + 3] / 255;
    if (data[4 * pixel] !== data[4 * pixel + 1] || data[4 * pixel] !== data[4 * pixel + 2]) plain = false;
    if (data[4 * pixel + 3] !== 255) opaque = false;
  }
  const grey = image(height, width, plain ? colours[0] : tellingChannel(colours));
  return opaque ? grey : flattened(grey, opacity);
}

/** Luminance, or the one of red, green and blue that tells ink from paper far better. */
function tellingChannel(colours) {
  const luminance = colours[0].map((red, pixel) =>
    LUMINANCE[0] * red + LUMINANCE[1] * colours[1][pixel] + LUMINANCE[2] * colours[2][pixel]);
  const spread = colours.map(deviation);
  const best = spread.indexOf(Math.max(...spread));
  return spread[best] > BETTER * deviation(luminance) && spread[best] > 1 ? colours[best] : luminance;
}

/** The picture on a ground of its own: the median where most is visible, else white or black, far from the ink. */
function flattened(grey, opacity) {
  const seen = grey.data.filter((_, pixel) => opacity[pixel] > 0.5);
  let ground;
  if (seen.length / grey.data.length >= MOSTLY_OPAQUE) {
    ground = median(seen);
  } else {
    let [ink, total] = [0, 0];
    opacity.forEach((share, pixel) => {
      ink += grey.data[pixel] * share;
      total += share;
    });
    ground = (total ? ink / total : 0) < 127.5 ? 255 : 0;
  }
  return mapped(grey, (value, pixel) => value * opacity[pixel] + ground * (1 - opacity[pixel]));
}
