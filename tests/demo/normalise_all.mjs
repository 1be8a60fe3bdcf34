// For the tests: reads pictures of grey levels as JSON from standard input, writes what the page's modules make of them.
// usage: node normalise_all.mjs FOLDER-OF-MODULES

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const folder = pathToFileURL(`${process.argv[2]}/`);
const load = (name) => import(new URL(name, folder));
const { image } = await load("image.mjs");
const { findInk } = await load("ink.mjs");
const { keepStrokes } = await load("clean.mjs");
const { normalise } = await load("normalise.mjs");
const { greyOfPixels } = await load("grey.mjs");
const { prepare } = await load("prepare.mjs");

const answers = JSON.parse(readFileSync(0, "utf8")).map(({ height, width, values, colours }) => {
  const grey = colours
    ? greyOfPixels({ height, width, data: Uint8ClampedArray.from(colours) })
    : image(height, width, Float64Array.from(values));
  const { found, pixels, shape, box } = prepare(grey);
  return {
    plain: [...normalise(keepStrokes(findInk(grey).values).ink)],
    pixels: [...pixels],
    found,
    shape: shape && [...shape],
    box,
  };
});
process.stdout.write(JSON.stringify(answers));
