// Which inked pixels hang together, corners included: as mnistbench/pictures/regions.py.

/**
 * Regions of the pixels with at least a threshold, in the order of their first pixels, and whose each pixel is.
 *
 * A region is { number, top, left, bottom, right, height, width, mass, peak }: bottom and right are the first outside,
 * mass is the sum of the ink over 255. Labels are 0 outside, else the region's number from 1.
 */
export function labelRegions(ink, threshold) {
  const { height, width, data } = ink;
  const labels = new Int32Array(data.length);
  const regions = [];
  const waiting = [];
  for (let start = 0; start < data.length; start += 1) {
    if (labels[start] || !(data[start] >= threshold)) continue;
    const number = regions.length + 1;
    labels[start] = number;
    waiting.push(start);
    while (waiting.length) {
      const pixel = waiting.pop();
      const row = Math.floor(pixel / width);
      const column = pixel - row * width;
      for (let y = Math.max(0, row - 1); y <= Math.min(height - 1, row + 1); y += 1) {
        for (let x = Math.max(0, column - 1); x <= Math.min(width - 1, column + 1); x += 1) {
          const neighbour = y * width + x;
          if (labels[neighbour] || !(data[neighbour] >= threshold)) continue;
          labels[neighbour] = number;
          waiting.push(neighbour);
        }
      }
    }
    regions.push({ number, top: height, left: width, bottom: 0, right: 0, mass: 0, peak: -Infinity });
  }
  measure(ink, labels, regions);
  return { labels, regions };
}

/** As labelRegions, without the labels. */
export function findRegions(ink, threshold) {
  return labelRegions(ink, threshold).regions;
}

function measure({ height, width, data }, labels, regions) {
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const number = labels[row * width + column];
      if (!number) continue;
      const region = regions[number - 1];
      const value = data[row * width + column];
      region.top = Math.min(region.top, row);
      region.bottom = row + 1;
      region.left = Math.min(region.left, column);
      region.right = Math.max(region.right, column + 1);
      region.mass += value;
      region.peak = Math.max(region.peak, value);
    }
  }
  for (const region of regions) {
    region.mass /= 255;
    region.height = region.bottom - region.top;
    region.width = region.right - region.left;
  }
}
