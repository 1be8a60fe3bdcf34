// Smooth light on a picture: surfaces fitted to the pixels that are paper; as mnistbench/pictures/light.py.

import { image, mapped, median, sum } from "./image.mjs";

const ROUNDS = 6;
const DEVIATIONS = 2.5;
const LEAST_LIMIT = 2;
const INSIDE = 0.3;
const EXPLAINED = 20;
const QUARTILE = 0.3186;

/** x^i y^j with i + j <= degree at each pixel: a Float64Array for each term, x and y from -1 to 1 over the picture. */
function terms(height, width, degree) {
  const found = [];
  for (let i = 0; i <= degree; i += 1) {
    for (let j = 0; i + j <= degree; j += 1) {
      const term = new Float64Array(height * width);
      for (let row = 0; row < height; row += 1) {
        const y = ((row + 0.5) / height) * 2 - 1;
        for (let column = 0; column < width; column += 1) {
          const x = ((column + 0.5) / width) * 2 - 1;
          term[row * width + column] = x ** i * y ** j;
        }
      }
      found.push(term);
    }
  }
  return found;
}

/** 1 on the outermost twelfth of a picture, at least one pixel, and 0 within. */
export function border(height, width) {
  const edge = Math.max(1, Math.floor(Math.min(height, width) / 12));
  const mask = image(height, width);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const inside = row >= edge && row < height - edge && column >= edge && column < width - edge;
      mask.data[row * width + column] = inside ? 0 : 1;
    }
  }
  return mask;
}

/** The surface of a degree nearest to an image, by weighted least squares. */
function fitted(source, weight, degree = 2) {
  const table = terms(source.height, source.width, degree);
  const size = source.data.length;
  // A ridge of one millionth: few pixels may not fix every term.
  const ridge = 1e-6 * (1 + sum(weight));
  const matrix = table.map((first, row) =>
    table.map((second, column) => {
      let total = 0;
      for (let pixel = 0; pixel < size; pixel += 1) total += first[pixel] * second[pixel] * weight[pixel];
      return total + (row === column ? ridge : 0);
    }),
  );
  const right = table.map((term) => {
    let total = 0;
    for (let pixel = 0; pixel < size; pixel += 1) total += source.data[pixel] * term[pixel] * weight[pixel];
    return total;
  });
  const factors = solved(matrix, right);
  const surface = image(source.height, source.width);
  table.forEach((term, number) => {
    for (let pixel = 0; pixel < size; pixel += 1) surface.data[pixel] += factors[number] * term[pixel];
  });
  return surface;
}

/** The solution of a system of linear equations, by elimination with the largest pivot. */
function solved(matrix, right) {
  const rows = matrix.map((row, number) => [...row, right[number]]);
  const count = rows.length;
  for (let step = 0; step < count; step += 1) {
    let best = step;
    for (let row = step + 1; row < count; row += 1) if (Math.abs(rows[row][step]) > Math.abs(rows[best][step])) best = row;
    [rows[step], rows[best]] = [rows[best], rows[step]];
    for (let row = step + 1; row < count; row += 1) {
      const factor = rows[row][step] / rows[step][step];
      for (let column = step; column <= count; column += 1) rows[row][column] -= factor * rows[step][column];
    }
  }
  const result = new Float64Array(count);
  for (let row = count - 1; row >= 0; row -= 1) {
    let rest = rows[row][count];
    for (let column = row + 1; column < count; column += 1) rest -= rows[row][column] * result[column];
    result[row] = rest / rows[row][row];
  }
  return result;
}

/** The light, whichever of dark and bright is the ink; of three starts the one that explains most of the picture. */
export function lightEitherWay(source) {
  const edge = border(source.height, source.width).data;
  const prior = edge.map((value) => (value > 0 ? 1 : INSIDE));
  const middle = median(source.data.filter((_, pixel) => edge[pixel] > 0));
  const starts = [mapped(source, () => middle), fitted(source, edge), fitted(source, prior)];
  const ends = starts.map((start) => settled(source, start, prior));
  const costs = ends.map((end) =>
    sum(source.data.map((value, pixel) => Math.min(Math.abs(value - end.data[pixel]), EXPLAINED) * prior[pixel])),
  );
  return ends[costs.indexOf(Math.min(...costs))];
}

function settled(source, start, prior) {
  let surface = start;
  for (let round = 0; round < ROUNDS; round += 1) {
    const away = source.data.map((value, pixel) => Math.abs(value - surface.data[pixel]));
    const limit = limitOf(away);
    surface = fitted(source, prior.map((weight, pixel) => (away[pixel] <= limit ? weight : 0)));
  }
  return surface;
}

/** The light on a picture whose ink is brighter than its paper: only pixels above the surface are left out. */
export function lightBelow(source, start) {
  let surface = start;
  for (const degree of [2, 2, 2, 2, 4, 4, 4]) {
    const above = source.data.map((value, pixel) => value - surface.data[pixel]);
    const limit = limitOf(above.map(Math.abs));
    surface = fitted(source, above.map((value) => (value <= limit ? 1 : 0)), degree);
  }
  return surface;
}

/** The distance from which on a pixel is left out. */
function limitOf(away) {
  const quartile = Float64Array.from(away).sort()[Math.floor(away.length / 4)];
  return Math.max(DEVIATIONS * (quartile / QUARTILE), LEAST_LIMIT);
}
