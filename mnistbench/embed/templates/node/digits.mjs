// The model behind one call: a 28x28 picture in, a label and ten probabilities out.

import { readFile } from "node:fs/promises";
import * as ort from "onnxruntime-node";

export const FOLDER = new URL("./", import.meta.url);
export const LABELS = (await readFile(new URL("labels.txt", FOLDER), "utf8")).trimEnd().split("\n");

/** Reads a binary PGM file of 28x28 pixels, white ink on black: 784 bytes. */
export async function readPgm(path) {
  const content = await readFile(path);
  // Width, height and largest value, with spaces and comments between them, then one space and the pixels.
  const between = "(?:\\s|#[^\\n]*\\n)+";
  const header = content.toString("latin1").match(new RegExp(`^P5${between}28${between}28${between}255\\s`));
  const pixels = header && content.subarray(header[0].length, header[0].length + 28 * 28);
  if (pixels?.length !== 28 * 28) {
    throw new Error(`${path} is no binary PGM file of 28x28 pixels with values up to 255`);
  }
  return pixels;
}

/** Loads the model, once for all pictures. */
export async function load() {
  return ort.InferenceSession.create(await readFile(new URL("@@MODEL@@", FOLDER)));
}

/** Classifies one picture of 784 bytes: its label and ten probabilities. */
export async function classify(session, pixels) {
  const image = new ort.Tensor("uint8", Uint8Array.from(pixels), [1, 1, 28, 28]);
  const { label, probabilities } = await session.run({ image }, ["label", "probabilities"]);
  return { label: LABELS[Number(label.data[0])], probabilities: [...probabilities.data] };
}
