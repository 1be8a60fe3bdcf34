// The page: a picture chosen by the user, its label and ten bars.

import { classify, load, loadLabels, readPicture } from "./digits.mjs";

const input = document.querySelector("#picture");
const status = document.querySelector("#status");
const shown = document.querySelector("#shown");
const bars = document.querySelector("#bars");

function bar(label, probability) {
  const item = document.createElement("li");
  const name = document.createElement("span");
  const meter = document.createElement("meter");
  const number = document.createElement("span");
  name.textContent = label;
  meter.value = probability;
  meter.ariaHidden = "true"; // the number beside it says the same
  number.textContent = probability.toFixed(6);
  item.append(name, meter, number);
  return item;
}

async function answer(session, labels, file) {
  const { label, probabilities } = await classify(session, await readPicture(file));
  URL.revokeObjectURL(shown.src);
  shown.src = URL.createObjectURL(file);
  shown.hidden = false;
  bars.replaceChildren(...labels.map((name, position) => bar(name, probabilities[position])));
  status.textContent = `${file.name}: ${labels[label]}`;
}

try {
  const [session, labels] = await Promise.all([load(), loadLabels()]);
  input.addEventListener("change", async () => {
    if (!input.files.length) return;
    try {
      await answer(session, labels, input.files[0]);
    } catch (error) {
      shown.hidden = true;
      bars.replaceChildren();
      status.textContent = `This picture cannot be answered: ${error.message}`;
    }
  });
  input.disabled = false;
  status.textContent = "Choose a picture.";
} catch (error) {
  status.textContent = `The model cannot be loaded: ${error.message}`;
}
