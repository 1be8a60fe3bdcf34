// The answer in large: the exact input, the digit, and a sentence that is also spoken.

import { SIDE } from "./pictures/normalise.mjs";
import { agreement, percent } from "./words.mjs";

const SPOKEN_AFTER = 600;
const NO_INK = "The picture is empty, or its contrast too low.";
const NOT_A_DIGIT = "Its shape and the networks’ answers are not those of a digit.";

export class Answer {
  #parts;
  #facts;
  #timer = 0;

  /** parts are the elements input, digit, verdict and spoken; facts is what demo.json says. */
  constructor(parts, facts) {
    this.#parts = parts;
    this.#facts = facts;
    this.showInput(new Uint8Array(SIDE * SIDE));
  }

  /** The 784 pixels, as they are. */
  showInput(pixels) {
    const context = this.#parts.input.getContext("2d", { willReadFrequently: true }); // 784 pixels need no GPU
    const shown = context.createImageData(SIDE, SIDE);
    pixels.forEach((value, pixel) => shown.data.set([value, value, value, 255], 4 * pixel));
    context.putImageData(shown, 0, 0);
  }

  /** Says what a network is waited for, or that there is nothing to read. */
  say(text) {
    this.#show("", text);
  }

  sayNoInk() {
    this.#show("No ink found", NO_INK);
  }

  /** What was read: a Map of ten probabilities by network, and the score; true where it is refused. */
  show(probabilities, score) {
    const answers = this.#facts.networks.filter(({ id }) => probabilities.has(id)).map((network) => {
      const values = probabilities.get(network.id);
      return { network, values, label: values.indexOf(Math.max(...values)) };
    });
    const lead = answers.reduce((best, one) => (errorOf(one.network) < errorOf(best.network) ? one : best));
    const name = this.#facts.labels[lead.label];
    const refused = score !== null && score < 0;
    const agreeing = agreement(answers.map(({ label }) => label), lead.label, this.#facts.labels);
    if (refused) {
      this.#show("Not a digit", `${NOT_A_DIGIT} If it had to be one: ${name}.`);
    } else {
      const sure = percent(lead.values[lead.label]).replace(">", "over ");
      this.#show(name, `${this.#called(lead.network)} is ${sure} sure. ${agreeing}`, true);
    }
    return refused;
  }

  /** Has a screen reader say what stands there, when nothing follows. */
  speak() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const { digit, verdict, spoken } = this.#parts;
      spoken.textContent = [digit.textContent, verdict.textContent].filter(Boolean).join(". ");
    }, SPOKEN_AFTER);
  }

  /** By its title, unless several have that. */
  #called({ title, notation }) {
    const alone = this.#facts.networks.filter((network) => network.title === title).length === 1;
    if (!alone || title === notation) return `Network ${notation}`;
    return /^\d/.test(title) ? `The network with ${title}` : title;
  }

  #show(headline, sentence, isDigit = false) {
    this.#parts.digit.textContent = headline;
    this.#parts.verdict.textContent = sentence;
    this.#parts.digit.classList.toggle("refused", !isDigit);
    this.#parts.digit.classList.toggle("long", headline.length > 2);
  }
}

/** The network that errs least speaks for all. */
function errorOf({ ours, paper }) {
  return ours?.error ?? paper?.error ?? 1;
}
