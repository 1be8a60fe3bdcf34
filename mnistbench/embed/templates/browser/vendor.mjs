// Copies the two files of onnxruntime-web that a page needs from node_modules to vendor.

import { copyFile, mkdir } from "node:fs/promises";

const FILES = ["ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"];

const vendor = new URL("./vendor/", import.meta.url);
await mkdir(vendor, { recursive: true });
for (const file of FILES) {
  await copyFile(new URL(`./node_modules/onnxruntime-web/dist/${file}`, import.meta.url), new URL(file, vendor));
  console.log(`vendor/${file}`);
}
