// Times each network once in each runtime, whenever nobody draws.

import { BLOCKS, measure } from "./timing.mjs";

export class Latencies {
  #reader;
  #table;
  #isFree;
  #known = new Map();
  #running = false;

  /** isFree says whether the time is there: nothing is drawn. */
  constructor(reader, table, isFree) {
    this.#reader = reader;
    this.#table = table;
    this.#isFree = isFree;
  }

  /** Forgets what was measured. */
  clear() {
    for (const id of this.#known.keys()) this.#table.showLatency(id, "–");
    this.#known.clear();
  }

  /** Times the networks of ids that are loaded and not timed yet, on the pixels of one picture. */
  async run(ids, pixels) {
    if (this.#running) return;
    this.#running = true;
    try {
      const { kind, inTurn } = this.#reader;
      for (const id of ids) {
        const call = this.#reader.call(id);
        if (!call || this.#known.has(id)) continue;
        this.#table.showLatency(id, "…");
        const found = await measure(() => call(pixels), inTurn, () => this.#isFree() && this.#reader.kind === kind);
        if (found) this.#known.set(id, found);
        this.#table.showLatency(id, found ? found.milliseconds : "–");
        if (!found) return;
      }
    } finally {
      this.#running = false;
    }
  }

  /** What was measured, as a sentence. */
  get description() {
    const where = this.#reader.kind === "webgpu" ? "WebGPU, through onnxruntime-web" : "WebAssembly, on one thread";
    return `Latency here: one picture in ${where}, in this tab: handing over the input, the network, taking the answer; `
      + `not the normalising. Median of ${BLOCKS} blocks of calls, each long enough for the browser’s clock.`;
  }
}
