// Grey levels to ink: which side is the paper, how bright it is everywhere, what is noise; as mnistbench/pictures/ink.py.

import { deviation, image, largest, mapped, median, sum } from "./image.mjs";
import { border, lightBelow, lightEitherWay } from "./light.mjs";
import { averaged, grown, opened } from "./morphology.mjs";
import { reduced, resample } from "./resample.mjs";

const THUMBNAIL = 40;
const STROKE = 0.25;
const FLAT_LEVELS = 2;
const LEAST_CONTRAST = 12;
const NOISE_FLOOR = 3;
const REACH = 0.02;
const TO_DEVIATION = 1.4826;

/**
 * The ink on a grey picture: { values, darkOnLight, contrast, noise }.
 *
 * The five steps are those of find_ink in Python: paper, side, noise, full ink, shadows.
 */
export function findInk(grey) {
  const paper = flatPaper(grey);
  let [above, darkOnLight, level, noise] = [null, false, 0, 0];
  if (paper === null) {
    [above, darkOnLight] = unevenPaper(grey);
    const most = 0.35 * largest(above.data);
    const rest = above.data.filter((value) => value <= most);
    level = median(rest);
    noise = TO_DEVIATION * median(rest.map((value) => Math.abs(value - level)));
  } else {
    const away = mapped(grey, (value) => value - paper);
    darkOnLight = isDark(away);
    above = darkOnLight ? mapped(away, (value) => -value) : away;
  }
  const floor = level + NOISE_FLOOR * noise;
  const full = fullInk(mapped(above, (value) => value - floor));
  const contrast = full + floor - level;
  if (contrast < Math.max(LEAST_CONTRAST, 2 * NOISE_FLOOR * noise)) {
    return { values: image(grey.height, grey.width), darkOnLight, contrast: 0, noise };
  }
  const factor = 255 / full;
  let values = mapped(above, (value) => Math.min(Math.max((value - floor) * factor, 0), 255));
  if (paper === null) {
    const radius = Math.max(2, Math.floor(REACH * Math.sqrt(grey.data.length) + 0.5));
    const near = grown(mapped(values, (value) => (value >= 128 ? 1 : 0)), radius);
    values = mapped(values, (value, pixel) => (near.data[pixel] > 0 ? value : 0));
  }
  return { values, darkOnLight, contrast, noise };
}

/** The paper's level where nineteen of twenty pixels of the border are within 2 of their median; else null. */
function flatPaper(grey) {
  const mask = border(grey.height, grey.width).data;
  const edge = grey.data.filter((_, pixel) => mask[pixel] > 0);
  const level = median(edge);
  const near = edge.filter((value) => Math.abs(value - level) <= FLAT_LEVELS).length;
  return near >= 0.95 * edge.length ? level : null;
}

/** How far each pixel lies above its paper, with the ink made bright, and whether it was dark. */
function unevenPaper(grey) {
  const thumbnail = reduced(grey, THUMBNAIL);
  const first = lightEitherWay(thumbnail);
  const dark = isDark(difference(thumbnail, first));
  const sign = dark ? -1 : 1;
  const small = mapped(thumbnail, (value) => sign * value);
  const light = lightBelow(small, mapped(first, (value) => sign * value));
  const radius = Math.max(1, Math.floor(STROKE * Math.sqrt(small.data.length) + 0.5));
  const rest = averaged(opened(averaged(difference(small, light), 1), radius), Math.floor(radius / 2));
  const paper = resample(mapped(light, (value, pixel) => value + rest.data[pixel]), grey.height, grey.width);
  const above = mapped(grey, (value, pixel) => sign * value - paper.data[pixel]);
  return [evened(above, mapped(paper, (value) => sign * value)), dark];
}

/** The ink as if the light were even: of three ways the one by which the pixels that are ink vary least. */
function evened(above, paper) {
  const least = Math.max(LEAST_CONTRAST, 0.15 * largest(above.data));
  const inked = above.data.map((value) => (value > least ? 1 : 0));
  if (!inked.includes(1)) return above;
  const ways = [above];
  for (const level of [paper, mapped(paper, (value) => 255 - value)]) {
    const middle = median(level.data);
    const factor = (value) => Math.min(Math.max(middle / Math.min(Math.max(value, 1), 255), 1 / 3), 3);
    ways.push(mapped(above, (value, pixel) => value * factor(level.data[pixel])));
  }
  const unevenness = ways.map((way) => {
    const values = way.data.filter((_, pixel) => inked[pixel]);
    return deviation(values) / (sum(values) / values.length);
  });
  return ways[unevenness.indexOf(Math.min(...unevenness))];
}

/** The level of full ink: four fifths of the pixels over half the maximum are not above it. */
function fullInk(above) {
  const highest = Math.min(largest(above.data), 1.5 * largest(averaged(above, 1).data));
  if (highest <= 0) return 0;
  const strong = above.data.filter((value) => value > 0.5 * highest).sort();
  return strong[Math.floor((4 * strong.length) / 5)];
}

function isDark(away) {
  let [below, above] = [0, 0];
  for (const value of away.data) {
    if (value < 0) below += value * value;
    else above += value * value;
  }
  return below > above;
}

function difference(one, other) {
  return mapped(one, (value, pixel) => value - other.data[pixel]);
}
