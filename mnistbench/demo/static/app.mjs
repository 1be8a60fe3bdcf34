// The page: what is drawn or dropped goes through the normaliser to the networks, and their answers onto the page.

import { Answer } from "./answer.mjs";
import { Board, SIDE } from "./board.mjs";
import { setUpChoice } from "./choice.mjs";
import { setUpExamples } from "./examples.mjs";
import { counter, fetchJson } from "./fetching.mjs";
import { setUpIntake } from "./intake.mjs";
import { Latencies } from "./latencies.mjs";
import { errorNote, loadNote, refusalNote } from "./notes.mjs";
import { openPicture } from "./pictures/decode.mjs";
import { greyOfPixels } from "./pictures/grey.mjs";
import { prepare } from "./pictures/prepare.mjs";
import { Reader } from "./reader.mjs";
import { NetworkTable } from "./table.mjs";
import { setUpTheme } from "./theme.mjs";

const IDLE_MILLISECONDS = 500;
const EMPTY = "Draw a digit.";
const ENGINES = { wasm: "WebAssembly", webgpu: "WebGPU" };

const at = (id) => document.getElementById(id);

function complain(text) {
  at("problem").textContent = text;
  at("problem").hidden = !text;
}

/** Runs a task whenever asked, never twice at once; asked meanwhile, once more afterwards. */
function latest(task) {
  let [running, again] = [false, false];
  return async () => {
    again = true;
    if (running) return;
    running = true;
    try {
      while (again) {
        again = false;
        await task();
      }
    } finally {
      running = false;
    }
  };
}

async function start() {
  setUpTheme(at("theme"));
  const board = new Board(at("board"), at("pen"));
  setUpExamples(at("examples"), board);
  const [facts, refusal] = await Promise.all([fetchJson("demo.json"), fetchJson("refusal.json")]);
  const reader = new Reader(facts, refusal);
  const table = new NetworkTable(at("networks"), facts);
  const answer = new Answer({ input: at("input"), digit: at("digit"), verdict: at("verdict"), spoken: at("spoken") }, facts);
  const latencies = new Latencies(reader, table, () => !board.isBusy);
  const allIds = facts.networks.map(({ id }) => id);
  const firstIds = Object.keys(facts.files).filter((id) => facts.files[id].first);
  let picture = null; // prepared, where one is shown in place of a drawing
  let idle = 0;
  const lost = new Map(); // networks that could not be loaded, with the reason

  const progress = () => counter((done, total) => {
    at("progress").hidden = done >= total;
    at("progress").value = total ? done / total : 0;
  });

  const refresh = latest(async () => {
    const prepared = picture ?? prepare(greyOfPixels(board.pixels));
    answer.showInput(prepared.pixels);
    showBox(prepared.box, board, picture);
    at("hint").hidden = !board.isEmpty;
    if (!reader.kind) return;
    if (!prepared.found) {
      table.show(new Map(), false);
      if (board.isEmpty) answer.say(EMPTY);
      else answer.sayNoInk();
      return;
    }
    try {
      const { probabilities, score } = await reader.read(prepared, chosen());
      if (probabilities.size) table.show(probabilities, answer.show(probabilities, score));
    } catch (error) {
      await fallBack(error);
      return;
    }
    loadRest();
  });

  const rest = () => {
    clearTimeout(idle);
    idle = setTimeout(async () => {
      await refresh();
      answer.speak();
      const { found, pixels } = picture ?? prepare(greyOfPixels(board.pixels));
      if (found && reader.kind) await latencies.run(chosen(), pixels);
    }, IDLE_MILLISECONDS);
  };

  /** The networks that the first load had no room for: asked for by the first ink. */
  const loadRest = latest(async () => {
    const wanted = [...new Set([...chosen(), ...facts.judges])].filter((id) => !reader.call(id) && !lost.has(id));
    for (const id of wanted) {
      try {
        await reader.load([id], progress());
      } catch (error) {
        lost.set(id, `${id} could not be loaded: ${error.message}. Reload the page to try again.`);
        complain(lost.get(id));
      }
      refresh().then(rest);
    }
  });

  /** A GPU can be taken away at any moment; WebAssembly stays. */
  const fallBack = async (error) => {
    const kind = reader.kind;
    if (kind === "webgpu") await open("wasm");
    complain(`The networks cannot answer in ${ENGINES[kind]}: ${error.message}.`);
    if (kind === "webgpu") refresh().then(rest);
  };

  const chosen = setUpChoice(at("choose"), facts.networks, () => {
    table.choose(chosen());
    refresh().then(rest);
  });
  table.choose(chosen());

  const changed = () => {
    if (!board.picturePlace) picture = null;
    complain([...lost.values()].at(-1) ?? "");
    requestAnimationFrame(refresh);
  };
  board.addEventListener("change", changed);
  board.addEventListener("rest", rest);
  at("clear").addEventListener("click", () => board.clear());
  at("undo").addEventListener("click", () => board.undo());
  setUpIntake(document.documentElement, at("file"), async (file) => {
    try {
      const opened = await openPicture(file);
      board.show(opened.bitmap);
      picture = { ...prepare(greyOfPixels(opened.pixels)), reduction: opened.width / opened.pixels.width };
      changed();
      rest();
    } catch (error) {
      complain(`${file.name || "The picture"} cannot be opened: ${error.message}.`);
    }
  });

  const open = async (kind) => {
    at("engine").disabled = true;
    try {
      await reader.open(kind, progress());
      latencies.clear(allIds);
      complain("");
    } catch (error) {
      complain(`${ENGINES[kind]} cannot be used here: ${error.message}.`);
    }
    at("engine").value = reader.kind ?? "wasm";
    at("engine").disabled = false;
    at("measured").textContent = latencies.description;
  };
  at("engine").addEventListener("change", async () => {
    await open(at("engine").value);
    refresh().then(rest);
  });
  at("again").addEventListener("click", () => {
    latencies.clear(allIds);
    rest();
  });

  at("version").textContent = `mnistbench ${facts.version}`;
  at("errors").textContent = errorNote(facts);
  at("loaded").textContent = `${refusalNote(facts)} ${loadNote(facts)}`;
  if (navigator.gpu) {
    const [, webgpu] = at("engine").options;
    webgpu.disabled = false;
    webgpu.textContent = "WebGPU";
  }
  const shared = progress();
  await Promise.all([reader.fetch(firstIds, shared), reader.open("wasm", shared)]);
  await reader.load(firstIds);
  at("engine").disabled = at("again").disabled = false;
  at("measured").textContent = latencies.description;
  document.documentElement.dataset.ready = "";
  refresh().then(rest);
}

/** Marks where on the board a picture's digit was found. */
function showBox(box, board, picture) {
  const frame = at("found");
  const place = board.picturePlace;
  frame.hidden = !(picture && place && box);
  if (frame.hidden) return;
  const scale = place.scale * picture.reduction;
  const percent = (length) => `${(100 * length) / SIDE}%`;
  frame.style.left = percent(place.left + box.left * scale);
  frame.style.top = percent(place.top + box.top * scale);
  frame.style.width = percent((box.right - box.left) * scale);
  frame.style.height = percent((box.bottom - box.top) * scale);
}

start().catch((error) => {
  at("verdict").textContent = "The page could not be set up.";
  complain(`The networks cannot be loaded: ${error.message}. Reload the page to try again.`);
});
