// The page: what is drawn or dropped goes through the normaliser to the networks, and their answers onto the page.

import { Answer } from "./answer.mjs";
import { Board } from "./board.mjs";
import { setUpChoice } from "./choice.mjs";
import { setUpExamples } from "./examples.mjs";
import { counter, fetchJson } from "./fetching.mjs";
import { showFound } from "./found.mjs";
import { setUpIntake } from "./intake.mjs";
import { Latencies } from "./latencies.mjs";
import { errorNote, loadNote, refusalNote } from "./notes.mjs";
import { openPicture } from "./pictures/decode.mjs";
import { greyOfPixels } from "./pictures/grey.mjs";
import { prepare } from "./pictures/prepare.mjs";
import { Reader } from "./reader.mjs";
import { NetworkTable } from "./table.mjs";
import { setUpTheme } from "./theme.mjs";
import { latest } from "./turns.mjs";
import { setUpVoice } from "./voice.mjs";

const IDLE_MILLISECONDS = 500;
const EMPTY = "Draw a digit.";
const ENGINES = { wasm: "WebAssembly", webgpu: "WebGPU" };

const at = (id) => document.getElementById(id);

class App {
  #board;
  #facts;
  #reader;
  #table;
  #answer;
  #latencies;
  #chosen;
  #picture = null; // prepared, where one is shown in place of a drawing
  #idle = 0;
  #lost = new Map(); // why networks could not be loaded

  constructor(board, facts, refusal) {
    this.#board = board;
    this.#facts = facts;
    this.#reader = new Reader(facts, refusal);
    this.#table = new NetworkTable(at("networks"), facts);
    const parts = { input: at("input"), digit: at("digit"), verdict: at("verdict"), spoken: at("spoken") };
    this.#answer = new Answer(parts, facts);
    this.#latencies = new Latencies(this.#reader, this.#table, () => !board.isBusy);
    this.#chosen = setUpChoice(at("choose"), facts.networks, () => this.#choose());
    this.#choose();
    board.addEventListener("change", () => this.#change());
    board.addEventListener("rest", () => this.#rest());
    setUpIntake(document.documentElement, at("file"), (file) => this.#take(file));
    at("engine").addEventListener("change", () => this.#switch(at("engine").value));
    at("again").addEventListener("click", () => {
      this.#latencies.clear();
      this.#rest();
    });
    at("version").textContent = `mnistbench ${facts.version}`;
    at("errors").textContent = errorNote(facts);
    at("loaded").textContent = `${refusalNote(facts)} ${loadNote(facts)}`;
  }

  /** Until the page can answer. */
  async open() {
    const [, webgpu] = at("engine").options;
    webgpu.disabled = !navigator.gpu;
    if (navigator.gpu) webgpu.textContent = ENGINES.webgpu;
    const first = Object.keys(this.#facts.files).filter((id) => this.#facts.files[id].first);
    const progress = this.#progress();
    await Promise.all([this.#reader.fetch(first, progress), this.#reader.open("wasm", progress)]);
    await this.#reader.load(first);
    at("engine").disabled = at("again").disabled = false;
    at("measured").textContent = this.#latencies.description;
    document.documentElement.dataset.ready = "";
    this.#refresh().then(() => this.#rest());
  }

  #progress() {
    return counter((done, total) => {
      at("progress").hidden = done >= total;
      at("progress").value = total ? done / total : 0;
    });
  }

  #prepared() {
    return this.#picture ?? prepare(greyOfPixels(this.#board.pixels));
  }

  /** Shows what is read now of what stands on the board. */
  #refresh = latest(async () => {
    const prepared = this.#prepared();
    this.#answer.showInput(prepared.pixels);
    showFound(at("found"), this.#picture, this.#board.picturePlace);
    at("hint").hidden = !this.#board.isEmpty;
    if (!this.#reader.kind) return;
    if (!prepared.found) {
      this.#table.show(new Map(), false);
      if (this.#board.isEmpty) this.#answer.say(EMPTY);
      else this.#answer.sayNoInk();
      return;
    }
    try {
      const { probabilities, score } = await this.#reader.read(prepared, this.#chosen());
      if (probabilities.size) this.#table.show(probabilities, this.#answer.show(probabilities, score));
    } catch (error) {
      await this.#fallBack(error);
      return;
    }
    this.#loadRest();
  });

  /** The networks that the first load had no room for: asked for by the first ink. */
  #loadRest = latest(async () => {
    const wanted = new Set([...this.#chosen(), ...this.#facts.judges]);
    for (const id of wanted) {
      if (this.#reader.call(id) || this.#lost.has(id)) continue;
      try {
        await this.#reader.load([id], this.#progress());
      } catch (error) {
        this.#lost.set(id, `${id} could not be loaded: ${error.message}. Reload the page to try again.`);
        complain(this.#lost.get(id));
      }
      this.#refresh().then(() => this.#rest());
    }
  });

  #change() {
    if (!this.#board.picturePlace) this.#picture = null;
    complain([...this.#lost.values()].at(-1) ?? "");
    requestAnimationFrame(this.#refresh);
  }

  /** When nothing has been drawn for a moment, the answer is spoken and the networks are timed. */
  #rest() {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(async () => {
      await this.#refresh();
      this.#answer.speak();
      const { found, pixels } = this.#prepared();
      if (found && this.#reader.kind) await this.#latencies.run(this.#chosen(), pixels);
    }, IDLE_MILLISECONDS);
  }

  #choose() {
    this.#table.choose(this.#chosen());
    if (this.#reader.kind) this.#refresh().then(() => this.#rest());
  }

  async #take(file) {
    try {
      const opened = await openPicture(file);
      this.#board.show(opened.bitmap);
      this.#picture = { ...prepare(greyOfPixels(opened.pixels)), reduction: opened.width / opened.pixels.width };
      this.#change();
      this.#rest();
    } catch (error) {
      complain(`${file.name || "The picture"} cannot be opened: ${error.message}.`);
    }
  }

  async #switch(kind) {
    at("engine").disabled = true;
    try {
      await this.#reader.open(kind, this.#progress());
      this.#latencies.clear();
      complain("");
    } catch (error) {
      complain(`${ENGINES[kind]} cannot be used here: ${error.message}.`);
    }
    at("engine").value = this.#reader.kind;
    at("engine").disabled = false;
    at("measured").textContent = this.#latencies.description;
    this.#refresh().then(() => this.#rest());
  }

  /** A GPU can be taken away at any moment; WebAssembly stays. */
  async #fallBack(error) {
    const { kind } = this.#reader;
    if (kind === "webgpu") await this.#switch("wasm");
    complain(`The networks cannot answer in ${ENGINES[kind]}: ${error.message}.`);
  }
}

function complain(text) {
  at("problem").textContent = text;
  at("problem").hidden = !text;
}

async function start() {
  setUpTheme(at("theme"));
  const board = new Board(at("board"), at("pen"));
  setUpVoice(at("pen-spoken"), board);
  setUpExamples(at("examples"), board);
  at("clear").addEventListener("click", () => board.clear());
  at("undo").addEventListener("click", () => board.undo());
  const [facts, refusal] = await Promise.all([fetchJson("demo.json"), fetchJson("refusal.json")]);
  await new App(board, facts, refusal).open();
}

start().catch((error) => {
  at("verdict").textContent = "The page could not be set up.";
  complain(`The networks cannot be loaded: ${error.message}. Reload the page to try again.`);
});
