// Compares this browser's answers with the golden ones; the page says which agree.
// With ?report=PATH it also posts what it found there, for test.mjs.

const report = document.querySelector("#report");

async function compare() {
  // Imported here, so that a missing file is reported like any other failure.
  const { classify, load, loadLabels, readPicture } = await import("./digits.mjs");
  const expected = await (await fetch("golden/expected.json")).json();
  const [session, labels] = await Promise.all([load(), loadLabels()]);
  let failed = 0;
  for (const { picture, label, probabilities } of expected.cases) {
    const file = await (await fetch(`golden/${picture}`)).blob();
    const answer = await classify(session, await readPicture(file));
    const differences = probabilities.map((value, position) => Math.abs(value - answer.probabilities[position]));
    // Written so that NaN fails.
    const good = labels[answer.label] === label && differences.every((difference) => difference <= expected.tolerance);
    failed += good ? 0 : 1;
    const difference = Math.max(...differences).toExponential(1);
    report.textContent += `${good ? "ok" : "FAILED"}: ${picture}: ${labels[answer.label]}, off by ${difference}\n`;
  }
  report.textContent += `${expected.cases.length - failed} passed, ${failed} failed\n`;
  return failed === 0;
}

let passed = false;
try {
  passed = await compare();
} catch (error) {
  report.textContent += `FAILED: ${error.message}\n`;
}
report.textContent = report.textContent.replace("running\n", "");
document.title = passed ? "passed" : "FAILED";
const address = new URLSearchParams(location.search).get("report");
if (address) {
  await fetch(address, { method: "POST", body: JSON.stringify({ passed, text: report.textContent }) });
}
