// A grey image, and the few sums over one that the steps share.
//
// What is an array of numpy in the Python package is { height, width, data } here: data is a Float64Array, row by row.

/** An image of zeros, or around values that are there. */
export function image(height, width, data = new Float64Array(height * width)) {
  return { height, width, data };
}

/** A new image of a function of each value and its place. */
export function mapped(source, change) {
  return image(source.height, source.width, source.data.map(change));
}

/** The rows and columns from top and left up to, and without, bottom and right; ends beyond the image are cut. */
export function part(source, top, left, bottom, right) {
  const [lastRow, lastColumn] = [Math.min(bottom, source.height), Math.min(right, source.width)];
  const result = image(lastRow - top, lastColumn - left);
  for (let row = top; row < lastRow; row += 1) {
    const start = row * source.width;
    result.data.set(source.data.subarray(start + left, start + lastColumn), (row - top) * result.width);
  }
  return result;
}

export function sum(values) {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

export function largest(values) {
  let most = -Infinity;
  for (const value of values) if (value > most) most = value;
  return most;
}

/** The middle value, or the mean of the two in the middle. */
export function median(values) {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Standard deviation of the values, not of what they are a sample of. */
export function deviation(values) {
  const mean = sum(values) / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return Math.sqrt(squares / values.length);
}
