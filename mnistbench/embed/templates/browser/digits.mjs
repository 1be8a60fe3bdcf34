// The model behind one call, in the browser: a 28x28 picture in, a label and ten probabilities out.

import * as ort from "onnxruntime-web/wasm";

// More threads need cross-origin isolation, which most servers do not give; one is enough for 28x28 pixels.
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = { wasm: new URL("./vendor/ort-wasm-simd-threaded.wasm", import.meta.url).href };

async function fetched(path) {
  const response = await fetch(new URL(path, import.meta.url));
  if (!response.ok) throw new Error(`${path}: ${response.status} ${response.statusText}`);
  return response;
}

/** The text of each class. */
export async function loadLabels() {
  return (await (await fetched("./labels.txt")).text()).trimEnd().split("\n");
}

/** Loads the model, once for all pictures. */
export async function load() {
  const model = new Uint8Array(await (await fetched("./@@MODEL@@")).arrayBuffer());
  return ort.InferenceSession.create(model);
}

/** Reads a picture file of 28x28 pixels, white ink on black: 784 bytes. Colours become grey. */
export async function readPicture(file) {
  const picture = await createImageBitmap(file, { colorSpaceConversion: "none" });
  if (picture.width !== 28 || picture.height !== 28) {
    throw new Error(`the picture is ${picture.width}x${picture.height}; expected 28x28 pixels, white ink on black`);
  }
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 28;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  const { data } = context.getImageData(0, 0, 28, 28);
  return Uint8Array.from({ length: 28 * 28 }, (_, pixel) => {
    const [red, green, blue] = data.subarray(4 * pixel, 4 * pixel + 3);
    return Math.round(0.299 * red + 0.587 * green + 0.114 * blue);
  });
}

/** Classifies one picture of 784 bytes: the number of its class and ten probabilities. */
export async function classify(session, pixels) {
  const image = new ort.Tensor("uint8", pixels, [1, 1, 28, 28]);
  const { label, probabilities } = await session.run({ image }, ["label", "probabilities"]);
  return { label: Number(label.data[0]), probabilities: [...probabilities.data] };
}
