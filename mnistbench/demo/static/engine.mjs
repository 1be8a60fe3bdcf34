// onnxruntime-web behind two calls: open a runtime, load a network into it. Knows nothing of the page.

import { fetchPacked } from "./fetching.mjs";

/**
 * A runtime that networks can be loaded into.
 *
 * kind is "wasm" or "webgpu", files says where its script and its WebAssembly lie. Calls wait for each other, since a
 * session answers one at a time.
 */
export async function openEngine(kind, files, progress) {
  // Asked first: onnxruntime-web would say so only after megabytes, and in its own words.
  if (kind === "webgpu" && !(await navigator.gpu?.requestAdapter())) throw new Error("this browser offers no GPU");
  progress?.expect(files.transferred);
  const [ort, binary] = await Promise.all([import(`./${files.script}`), fetchPacked(files.binary, progress)]);
  progress?.add(files.transferred - files.binary_bytes);
  ort.env.logLevel = "error";
  ort.env.wasm.wasmBinary = binary.buffer;
  // More threads need cross-origin isolation, which most servers do not give; one is enough for 28x28 pixels.
  ort.env.wasm.numThreads = 1;
  let last = Promise.resolve();
  const inTurn = (task) => {
    const result = last.then(task);
    last = result.catch(() => {});
    return result;
  };
  return {
    kind,
    inTurn,
    load: (content) => inTurn(() => loaded(ort, kind, content)),
  };
}

/** A function from 784 pixels to { logits, probabilities }; not to be called twice at once. */
async function loaded(ort, kind, content) {
  const session = await ort.InferenceSession.create(content, { executionProviders: [kind] });
  return async (pixels) => {
    const image = new ort.Tensor("uint8", pixels, [1, 1, 28, 28]);
    const { logits, probabilities } = await session.run({ image }, ["logits", "probabilities"]);
    return { logits: logits.data, probabilities: probabilities.data };
  };
}
