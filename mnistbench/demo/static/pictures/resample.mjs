// Resampling of a grey image, anti-aliased: as mnistbench/pictures/resample.py.

import { image } from "./image.mjs";

/**
 * How much each old pixel counts in each new one: for every new pixel the first old one and the weights from there on.
 *
 * A triangle around the new pixel's centre, as wide as two old pixels or two new ones, whichever are larger.
 */
export function weights(size, newSize) {
  const step = size / newSize;
  const reach = Math.max(step, 1);
  return Array.from({ length: newSize }, (_, position) => {
    const centre = (position + 0.5) * step;
    const first = Math.max(0, Math.floor(centre - reach - 0.5));
    const last = Math.min(size, Math.ceil(centre + reach + 0.5));
    const triangle = new Float64Array(last - first);
    let total = 0;
    for (let old = first; old < last; old += 1) {
      triangle[old - first] = Math.max(0, 1 - Math.abs(old + 0.5 - centre) / reach);
      total += triangle[old - first];
    }
    return { first, values: triangle.map((weight) => weight / total) };
  });
}

/** The image at another size; the same image when nothing changes. */
export function resample(source, height, width) {
  if (source.height === height && source.width === width) return source;
  const tall = image(height, source.width);
  weights(source.height, height).forEach(({ first, values }, row) => {
    const target = tall.data.subarray(row * source.width, (row + 1) * source.width);
    values.forEach((weight, offset) => {
      const start = (first + offset) * source.width;
      for (let column = 0; column < source.width; column += 1) target[column] += weight * source.data[start + column];
    });
  });
  const result = image(height, width);
  const across = weights(source.width, width);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const { first, values } = across[column];
      let total = 0;
      for (let offset = 0; offset < values.length; offset += 1) {
        total += values[offset] * tall.data[row * source.width + first + offset];
      }
      result.data[row * width + column] = total;
    }
  }
  return result;
}

/** The image with its longer side at most so many pixels; never enlarged. */
export function reduced(source, longest) {
  const scale = longest / Math.max(source.height, source.width);
  if (scale >= 1) return source;
  const [height, width] = [source.height, source.width].map((side) => Math.max(1, Math.floor(side * scale + 0.5)));
  return resample(source, height, width);
}
