// Of all that is inked, what may belong to a digit: no specks, no ruled lines; as mnistbench/pictures/clean.py.

import { mapped } from "./image.mjs";
import { INKED } from "./normalise.mjs";
import { labelRegions } from "./regions.mjs";

const SURE = 128;
const SPECK = 0.04;
const LINE_SPAN = 0.9;
const LINE_THICK = 0.08;

/** Leaves out regions that are too faint, too small, or lines across the picture: { ink, regions }. */
export function keepStrokes(ink) {
  const { labels, regions } = labelRegions(ink, INKED);
  const sure = regions.filter((region) => region.peak >= SURE && !isLine(region, ink));
  const most = Math.max(0, ...sure.map((region) => region.mass));
  const kept = sure.filter((region) => region.mass >= SPECK * most);
  if (kept.length === regions.length) return { ink, regions: kept };
  const wanted = new Set(kept.map((region) => region.number));
  return { ink: mapped(ink, (value, pixel) => (wanted.has(labels[pixel]) ? value : 0)), regions: kept };
}

/** Whether it lies across the picture; one that stands may be the "1" of a picture without a margin. */
function isLine(region, { height, width }) {
  const across = region.width >= LINE_SPAN * width && region.height <= LINE_THICK * height;
  return Math.min(height, width) > 20 && across;
}
