// For the tests: what the page's modules make of pictures and features, as JSON from standard input to standard output.
// usage: node run_modules.mjs FOLDER-OF-MODULES

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const load = (name) => import(new URL(name, pathToFileURL(`${process.argv[2]}/`)));
const { image } = await load("image.mjs");
const { findInk } = await load("ink.mjs");
const { keepStrokes } = await load("clean.mjs");
const { normalise } = await load("normalise.mjs");
const { greyOfPixels } = await load("grey.mjs");
const { prepare } = await load("prepare.mjs");
const { digitScore } = await load("refuse.mjs");

function answer({ height, width, grey, colours }) {
  const levels = colours
    ? greyOfPixels({ height, width, data: Uint8ClampedArray.from(colours) })
    : image(height, width, Float64Array.from(grey));
  const { found, pixels, shape, box } = prepare(levels);
  const plain = normalise(keepStrokes(findInk(levels).values).ink);
  return { plain: [...plain], found, pixels: [...pixels], shape: shape && [...shape], box };
}

const { pictures = [], refusal, judged = [] } = JSON.parse(readFileSync(0, "utf8"));
const scores = judged.map(({ shape, logits }) => digitScore(refusal, shape, logits));
process.stdout.write(JSON.stringify({ pictures: pictures.map(answer), scores }));
