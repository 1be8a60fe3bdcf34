// Compares this machine's answers with the golden ones: node self_test.mjs ends with 1 where one differs.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import process from "node:process";
import { FOLDER, classify, load, readPgm } from "./digits.mjs";

const expected = JSON.parse(await readFile(new URL("golden/expected.json", FOLDER), "utf8"));
const sha256 = createHash("sha256").update(await readFile(new URL("@@MODEL@@", FOLDER))).digest("hex");
if (sha256 !== expected.model_sha256) {
  console.error("FAILED: @@MODEL@@ is not the file that the golden answers are from");
  process.exit(1);
}
const session = await load();
let failed = 0;
for (const { picture, label, probabilities } of expected.cases) {
  const answer = await classify(session, await readPgm(new URL(`golden/${picture}`, FOLDER)));
  const differences = probabilities.map((value, position) => Math.abs(value - answer.probabilities[position]));
  // Written so that NaN fails.
  const good = answer.label === label && differences.every((difference) => difference <= expected.tolerance);
  failed += good ? 0 : 1;
  const difference = Math.max(...differences).toExponential(1);
  console.log(`${good ? "ok" : "FAILED"}: ${picture}: ${answer.label}, off by ${difference}`);
}
console.log(`${expected.cases.length - failed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
