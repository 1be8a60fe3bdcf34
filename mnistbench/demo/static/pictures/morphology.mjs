// Largest and smallest values around each pixel, and averages: as mnistbench/pictures/morphology.py.
//
// Windows are squares of 2 radius + 1 pixels a side, cut off at the border.

import { image } from "./image.mjs";

/** The largest value in the square around each pixel. */
export function grown(source, radius) {
  return byAxis(source, radius, extreme((one, other) => one >= other));
}

/** The smallest value in the square around each pixel. */
export function shrunk(source, radius) {
  return byAxis(source, radius, extreme((one, other) => one <= other));
}

/** The image without everything bright that no square of this radius fits into. */
export function opened(source, radius) {
  return grown(shrunk(source, radius), radius);
}

/** The mean of the square around each pixel, of those that lie in the image. */
export function averaged(source, radius) {
  return byAxis(source, radius, (line, result) => {
    const sums = new Float64Array(line.length + 1);
    for (let place = 0; place < line.length; place += 1) sums[place + 1] = sums[place] + line[place];
    for (let place = 0; place < line.length; place += 1) {
      const low = Math.max(place - radius, 0);
      const high = Math.min(place + radius + 1, line.length);
      result[place] = (sums[high] - sums[low]) / (high - low);
    }
  });
}

/** The best value of the window around each place of a line, in one go: those that can still win stand in a queue. */
function extreme(beats) {
  return (line, result, radius) => {
    const queue = new Int32Array(line.length);
    let [head, tail] = [0, 0];
    for (let place = 0; place < line.length + radius; place += 1) {
      if (place < line.length) {
        while (tail > head && beats(line[place], line[queue[tail - 1]])) tail -= 1;
        queue[tail] = place;
        tail += 1;
      }
      const centre = place - radius;
      if (centre < 0) continue;
      while (queue[head] < centre - radius) head += 1;
      result[centre] = line[queue[head]];
    }
  };
}

/** Columns first, then rows, as in Python, so that sums round alike. */
function byAxis(source, radius, change) {
  const { height, width } = source;
  const tall = image(height, width);
  const column = new Float64Array(height);
  const changed = new Float64Array(height);
  for (let x = 0; x < width; x += 1) {
    for (let y = 0; y < height; y += 1) column[y] = source.data[y * width + x];
    change(column, changed, radius);
    for (let y = 0; y < height; y += 1) tall.data[y * width + x] = changed[y];
  }
  const result = image(height, width);
  for (let y = 0; y < height; y += 1) {
    const [start, end] = [y * width, (y + 1) * width];
    change(tall.data.subarray(start, end), result.data.subarray(start, end), radius);
  }
  return result;
}
