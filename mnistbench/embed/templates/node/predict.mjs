// Prints the label and the ten probabilities of each picture: node predict.mjs golden/@@EXAMPLE@@.pgm

import process from "node:process";
import { LABELS, classify, load, readPgm } from "./digits.mjs";

const paths = process.argv.slice(2);
if (paths.length === 0) {
  console.error("usage: node predict.mjs PICTURE.pgm ...");
  process.exit(1);
}
try {
  const session = await load();
  for (const path of paths) {
    const { label, probabilities } = await classify(session, await readPgm(path));
    console.log(`${path}: ${label}`);
    LABELS.forEach((name, position) => console.log(`  ${name}  ${probabilities[position].toFixed(6)}`));
  }
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
}
